-- The list: who owns which domain, which addresses each has and who says so, and every change ever made to it.

-- One row. Locked by every change first; the version is written last, so that versions commit in order.
CREATE TABLE list_state (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    version BIGINT NOT NULL,
    next_address BIGINT NOT NULL,
    next_domain BIGINT NOT NULL
);
INSERT INTO list_state (id, version, next_address, next_domain) VALUES (1, 0, 1, 1);

CREATE TABLE reseller (
    id BIGINT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);
INSERT INTO reseller (id, name) VALUES (1, 'operator');

CREATE TABLE customer (
    id BIGINT PRIMARY KEY,
    reseller_id BIGINT NOT NULL REFERENCES reseller (id),
    name TEXT NOT NULL,
    UNIQUE (reseller_id, name)
);

-- kind: billing, technical, emergency.
CREATE TABLE contact (
    customer_id BIGINT NOT NULL REFERENCES customer (id),
    kind TEXT NOT NULL,
    address TEXT NOT NULL,
    PRIMARY KEY (customer_id, kind)
) WITHOUT ROWID;

-- changed: the version of its last change. The counts are those of its list, kept with every change.
CREATE TABLE domain (
    id BIGINT PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL UNIQUE,
    customer_id BIGINT NOT NULL REFERENCES customer (id),
    mode TEXT NOT NULL,
    soft_until BIGINT,
    active BOOLEAN NOT NULL,
    hold BOOLEAN NOT NULL,
    plus BOOLEAN NOT NULL,
    minus BOOLEAN NOT NULL,
    accept_abuse BOOLEAN NOT NULL,
    changed BIGINT NOT NULL,
    mailboxes BIGINT NOT NULL DEFAULT 0,
    aliases BIGINT NOT NULL DEFAULT 0,
    lists BIGINT NOT NULL DEFAULT 0,
    vetoed BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE domain_alias (
    name TEXT COLLATE "C" PRIMARY KEY,
    domain_id BIGINT NOT NULL REFERENCES domain (id)
) WITHOUT ROWID;
CREATE INDEX domain_alias_of ON domain_alias (domain_id);

CREATE TABLE mail_server (
    domain_id BIGINT NOT NULL REFERENCES domain (id),
    place BIGINT NOT NULL,
    host TEXT NOT NULL,
    port BIGINT NOT NULL,
    preference BIGINT NOT NULL,
    tls TEXT NOT NULL,
    xforward BOOLEAN NOT NULL,
    PRIMARY KEY (domain_id, place)
) WITHOUT ROWID;

-- An id is never given twice. local is the canonical local part. kind: 0 mailbox, 1 alias, 2 list.
-- standing: 0 active, 1 switched off, 2 vetoed. account_id: of an alias, its account in the same domain.
CREATE TABLE address (
    id BIGINT PRIMARY KEY,
    domain_id BIGINT NOT NULL REFERENCES domain (id),
    local TEXT COLLATE "C" NOT NULL,
    kind BIGINT NOT NULL,
    account_id BIGINT REFERENCES address (id),
    standing BIGINT NOT NULL,
    UNIQUE (domain_id, local)
);
CREATE INDEX address_account ON address (account_id) WHERE account_id IS NOT NULL;

-- hand, file:staff ...
CREATE TABLE claim_source (
    id BIGINT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);

-- What a source says that an address is: a kind as above, and for an alias the local part of its account.
CREATE TABLE claim (
    address_id BIGINT NOT NULL REFERENCES address (id) ON DELETE CASCADE,
    source_id BIGINT NOT NULL REFERENCES claim_source (id),
    kind BIGINT NOT NULL,
    account TEXT,
    since BIGINT NOT NULL,
    PRIMARY KEY (address_id, source_id)
) WITHOUT ROWID;

-- The change log. id is the list's version with the change.
CREATE TABLE change (
    id BIGINT PRIMARY KEY,
    time BIGINT NOT NULL,
    actor TEXT NOT NULL,
    via TEXT NOT NULL,
    summary TEXT NOT NULL,
    added BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    removed BIGINT NOT NULL,
    domains BIGINT NOT NULL
);

-- What was there before and after, as JSON: enough to undo, and for other nodes to follow. Of an address (local and
-- address_id are set) or of the domain itself. domain_name, since the domain may be gone when it is read.
CREATE TABLE change_row (
    change_id BIGINT NOT NULL,
    place BIGINT NOT NULL,
    domain_id BIGINT NOT NULL,
    domain_name TEXT NOT NULL,
    address_id BIGINT,
    local TEXT,
    before TEXT,
    after TEXT,
    PRIMARY KEY (change_id, place)
) WITHOUT ROWID;

-- Which domains a change touched, for the log of one domain.
CREATE TABLE change_domain (
    domain_id BIGINT NOT NULL,
    change_id BIGINT NOT NULL,
    PRIMARY KEY (domain_id, change_id)
) WITHOUT ROWID;
