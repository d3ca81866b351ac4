-- What domains' own servers said about addresses that are on no list. A name is the domain's own or a domain alias; the
-- number is the domain's, so that a domain that comes again under another number begins anew.
CREATE TABLE verified_address (
    domain_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    local TEXT NOT NULL,
    found BOOLEAN NOT NULL,
    noted BIGINT NOT NULL,
    PRIMARY KEY (domain_id, name, local)
);
CREATE INDEX verified_address_noted ON verified_address (found, noted);

-- What the word of each server is worth: a random name that it was asked for, and a known one.
CREATE TABLE verified_route (
    domain_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    host TEXT NOT NULL,
    port BIGINT NOT NULL,
    since BIGINT NOT NULL,
    random_taken BOOLEAN,
    random_asked BIGINT,
    known_taken BOOLEAN,
    known_asked BIGINT,
    noted BIGINT NOT NULL,
    PRIMARY KEY (domain_id, name, host, port)
);
