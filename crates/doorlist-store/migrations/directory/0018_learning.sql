-- The end of a domain's last trial, in whatever mode it is now.
ALTER TABLE domain ADD COLUMN trial_end BIGINT;

-- Domains that were being set up begin their trial: with the first look of a server, which also tells their admins.
CREATE TABLE trial_notice (
    domain_id BIGINT PRIMARY KEY,
    until     BIGINT,          -- the end of the trial that was told of; NULL: it has yet to begin
    stage     BIGINT NOT NULL  -- which notice went out last
);
INSERT INTO trial_notice (domain_id, until, stage) SELECT id, NULL, 0 FROM domain WHERE mode = 'setting_up';
UPDATE domain SET mode = 'learn', soft_until = NULL WHERE mode = 'setting_up';

-- Addresses on no list that got clean mail which the domain's own server took.
CREATE TABLE candidate (
    domain_id  BIGINT NOT NULL,
    local      TEXT COLLATE "C" NOT NULL,
    state      TEXT NOT NULL,   -- waiting: it may be added by itself; seen; ignored
    messages   BIGINT NOT NULL,
    senders    TEXT NOT NULL,   -- distinct ones, JSON
    first_seen BIGINT NOT NULL,
    last_seen  BIGINT NOT NULL,
    evidence   TEXT NOT NULL,   -- of the delivery by which it may be added, JSON
    PRIMARY KEY (domain_id, local)
) WITHOUT ROWID;
CREATE INDEX candidate_state ON candidate (state, domain_id, last_seen);
CREATE INDEX candidate_last_seen ON candidate (last_seen);

INSERT INTO next_number (what, next) VALUES ('candidate', 1);

-- Deliveries that are counted, until the spool has forgotten them: one that comes again is not counted twice.
CREATE TABLE counted_outcome (
    queue_id  BIGINT NOT NULL,
    recipient BIGINT NOT NULL,
    noted     BIGINT NOT NULL,
    PRIMARY KEY (queue_id, recipient)
) WITHOUT ROWID;
CREATE INDEX counted_outcome_noted ON counted_outcome (noted);

-- By which delivery an address was added. It stays when another source claims the address.
CREATE TABLE learned_address (
    domain_id BIGINT NOT NULL,
    local     TEXT COLLATE "C" NOT NULL,
    learned   BIGINT NOT NULL,
    messages  BIGINT NOT NULL,
    evidence  TEXT NOT NULL,    -- JSON
    PRIMARY KEY (domain_id, local)
) WITHOUT ROWID;
CREATE INDEX learned_address_learned ON learned_address (domain_id, learned);
