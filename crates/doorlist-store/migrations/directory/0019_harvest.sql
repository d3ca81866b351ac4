-- The harvest defence, as all nodes share it. A source is written as it is printed: an IPv4 address, or an IPv6 /64.
CREATE TABLE harvest_flag (
    source TEXT PRIMARY KEY,
    flagged_until BIGINT NOT NULL,
    flags BIGINT NOT NULL,
    unknown_names BIGINT NOT NULL,
    known_names BIGINT NOT NULL,
    domain_id BIGINT,
    noted BIGINT NOT NULL
);
CREATE INDEX harvest_flag_noted ON harvest_flag (noted);
CREATE INDEX harvest_flag_until ON harvest_flag (flagged_until);

-- What a source did on a day: its good record is made of these rows, whose numbers only add up.
CREATE TABLE harvest_day (
    source TEXT NOT NULL,
    day BIGINT NOT NULL,
    delivered BIGINT NOT NULL,
    unknown_names BIGINT NOT NULL,
    entry_low BIGINT NOT NULL,
    entry_high BIGINT NOT NULL,
    noted BIGINT NOT NULL,
    PRIMARY KEY (source, day)
);
CREATE INDEX harvest_day_noted ON harvest_day (noted);
CREATE INDEX harvest_day_day ON harvest_day (day);

-- The state of a domain as a node sees it. `ordered` is when a person said something of it: that it goes on until then, or
-- (without a time) that it ends.
CREATE TABLE harvest_domain (
    domain_id BIGINT NOT NULL,
    node BIGINT NOT NULL,
    state TEXT NOT NULL,
    since BIGINT NOT NULL,
    until BIGINT NOT NULL,
    rate BIGINT NOT NULL,
    known_since BIGINT NOT NULL,
    sums TEXT NOT NULL,
    sums_at BIGINT NOT NULL,
    ordered BIGINT NOT NULL,
    ordered_until BIGINT,
    noted BIGINT NOT NULL,
    PRIMARY KEY (domain_id, node)
);
CREATE INDEX harvest_domain_noted ON harvest_domain (noted);

CREATE TABLE harvest_block (
    network TEXT PRIMARY KEY,
    until BIGINT NOT NULL,
    reason TEXT NOT NULL,
    made_by TEXT NOT NULL,
    made BIGINT NOT NULL
);

-- What happened, for people who look back.
CREATE TABLE harvest_event (
    at BIGINT NOT NULL,
    node BIGINT NOT NULL,
    number BIGINT NOT NULL,
    event TEXT NOT NULL,
    subject TEXT NOT NULL,
    domain_id BIGINT,
    detail TEXT NOT NULL,
    PRIMARY KEY (at, node, number)
);
