-- Tenants with their logins and keys, what each of them did, and from whom mail is taken and how large.

-- Numbers of this migration's rows are drawn here and never given twice: a number in an old address must not lead to
-- somebody else's row.
CREATE TABLE next_number (
    what TEXT PRIMARY KEY,
    next BIGINT NOT NULL
) WITHOUT ROWID;

-- policy: counted up with every change to who may send what, and to contacts; other nodes look at it.
ALTER TABLE list_state ADD COLUMN policy BIGINT NOT NULL DEFAULT 0;

ALTER TABLE reseller ADD COLUMN allow_branding BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE reseller ADD COLUMN allow_customer_branding BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE reseller ADD COLUMN created BIGINT NOT NULL DEFAULT 0;
ALTER TABLE reseller ADD COLUMN updated BIGINT NOT NULL DEFAULT 0;
CREATE INDEX reseller_order ON reseller (LOWER(name), id);

ALTER TABLE customer ADD COLUMN allow_branding BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE customer ADD COLUMN is_full_user_list BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE customer ADD COLUMN reported_user_count BIGINT;
ALTER TABLE customer ADD COLUMN created BIGINT NOT NULL DEFAULT 0;
ALTER TABLE customer ADD COLUMN updated BIGINT NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX customer_name ON customer (name);
CREATE INDEX customer_order ON customer (LOWER(name), id);

-- delivery_port: of servers that are named without a port. message_max: octets; NULL: what the gateway takes.
ALTER TABLE domain ADD COLUMN delivery_port BIGINT NOT NULL DEFAULT 25;
ALTER TABLE domain ADD COLUMN message_max BIGINT;
ALTER TABLE domain ADD COLUMN created BIGINT NOT NULL DEFAULT 0;
ALTER TABLE domain ADD COLUMN updated BIGINT NOT NULL DEFAULT 0;
UPDATE domain SET
    created = COALESCE((SELECT MIN(c.time) FROM change_domain AS d, change AS c
                        WHERE d.domain_id = domain.id AND c.id = d.change_id), 0),
    updated = COALESCE((SELECT MAX(c.time) FROM change_domain AS d, change AS c
                        WHERE d.domain_id = domain.id AND c.id = d.change_id), 0);
CREATE INDEX domain_customer ON domain (customer_id, id);

-- A domain alias has a number of its own, from the same row of numbers as domains.
ALTER TABLE domain_alias ADD COLUMN id BIGINT NOT NULL DEFAULT 0;
ALTER TABLE domain_alias ADD COLUMN active BOOLEAN NOT NULL DEFAULT TRUE;
ALTER TABLE domain_alias ADD COLUMN created BIGINT NOT NULL DEFAULT 0;
ALTER TABLE domain_alias ADD COLUMN updated BIGINT NOT NULL DEFAULT 0;
UPDATE domain_alias SET id = n.number FROM
    (SELECT name, ROW_NUMBER() OVER (ORDER BY name) + (SELECT next_domain FROM list_state) - 1 AS number
     FROM domain_alias) AS n
    WHERE n.name = domain_alias.name;
UPDATE list_state SET next_domain = next_domain + (SELECT COUNT(*) FROM domain_alias);
CREATE UNIQUE INDEX domain_alias_id ON domain_alias (id);

ALTER TABLE mail_server ADD COLUMN id BIGINT NOT NULL DEFAULT 0;
ALTER TABLE mail_server ADD COLUMN created BIGINT NOT NULL DEFAULT 0;
ALTER TABLE mail_server ADD COLUMN updated BIGINT NOT NULL DEFAULT 0;
UPDATE mail_server SET id = n.number FROM
    (SELECT domain_id, place, ROW_NUMBER() OVER (ORDER BY domain_id, place) AS number FROM mail_server) AS n
    WHERE n.domain_id = mail_server.domain_id AND n.place = mail_server.place;
INSERT INTO next_number (what, next) SELECT 'mail_server', COUNT(*) + 1 FROM mail_server;
CREATE UNIQUE INDEX mail_server_id ON mail_server (id);

-- When an address came onto the list, and when it was last changed. Accounts and aliases, page by page.
ALTER TABLE address ADD COLUMN created BIGINT NOT NULL DEFAULT 0;
ALTER TABLE address ADD COLUMN updated BIGINT NOT NULL DEFAULT 0;
UPDATE address SET
    created = COALESCE((SELECT MIN(since) FROM claim WHERE address_id = address.id), vetoed_at, 0),
    updated = COALESCE((SELECT MAX(since) FROM claim WHERE address_id = address.id), vetoed_at, 0);
CREATE INDEX address_of_accounts ON address (domain_id, id) WHERE kind <> 1 AND standing <> 2;
CREATE INDEX address_of_aliases ON address (domain_id, id) WHERE kind = 1 AND standing <> 2;

-- What an account has beside its address; most have no row. password: argon2id.
CREATE TABLE account_setting (
    address_id BIGINT PRIMARY KEY REFERENCES address (id) ON DELETE CASCADE,
    priority BIGINT,
    use_domain_notifications BOOLEAN,
    password TEXT,
    message_max BIGINT,
    updated BIGINT NOT NULL
);

-- Who is reached about what; of exactly one of the four.
ALTER TABLE contact RENAME TO contact_before;
CREATE TABLE contact (
    id BIGINT PRIMARY KEY,
    reseller_id BIGINT REFERENCES reseller (id) ON DELETE CASCADE,
    customer_id BIGINT REFERENCES customer (id) ON DELETE CASCADE,
    domain_id BIGINT REFERENCES domain (id) ON DELETE CASCADE,
    address_id BIGINT REFERENCES address (id) ON DELETE CASCADE,
    email TEXT NOT NULL,
    first_name TEXT NOT NULL DEFAULT '',
    last_name TEXT NOT NULL DEFAULT '',
    address TEXT,
    address2 TEXT,
    city TEXT NOT NULL DEFAULT '',
    state TEXT NOT NULL DEFAULT '',
    country TEXT NOT NULL DEFAULT '',
    zipcode TEXT,
    phone TEXT,
    is_technical BOOLEAN NOT NULL DEFAULT FALSE,
    is_billing BOOLEAN NOT NULL DEFAULT FALSE,
    is_emergency BOOLEAN NOT NULL DEFAULT FALSE,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL
);
INSERT INTO contact (id, customer_id, email, is_technical, is_billing, is_emergency, created, updated)
    SELECT ROW_NUMBER() OVER (ORDER BY customer_id, kind), customer_id, address,
           kind = 'technical', kind = 'billing', kind = 'emergency', 0, 0
    FROM contact_before;
INSERT INTO next_number (what, next) SELECT 'contact', COUNT(*) + 1 FROM contact;
DROP TABLE contact_before;
CREATE INDEX contact_of_reseller ON contact (reseller_id) WHERE reseller_id IS NOT NULL;
CREATE INDEX contact_of_customer ON contact (customer_id) WHERE customer_id IS NOT NULL;
CREATE INDEX contact_of_domain ON contact (domain_id) WHERE domain_id IS NOT NULL;
CREATE INDEX contact_of_address ON contact (address_id) WHERE address_id IS NOT NULL;

-- How pages look to a tenant's people; of one of the two. settings: JSON.
CREATE TABLE branding (
    id BIGINT PRIMARY KEY,
    reseller_id BIGINT UNIQUE REFERENCES reseller (id) ON DELETE CASCADE,
    customer_id BIGINT UNIQUE REFERENCES customer (id) ON DELETE CASCADE,
    settings TEXT NOT NULL,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL
);
INSERT INTO branding (id, reseller_id, settings, created, updated)
    SELECT ROW_NUMBER() OVER (ORDER BY id), id, '{}', 0, 0 FROM reseller;
INSERT INTO branding (id, customer_id, settings, created, updated)
    SELECT (SELECT COUNT(*) FROM reseller) + ROW_NUMBER() OVER (ORDER BY id), id, '{}', 0, 0 FROM customer;
INSERT INTO next_number (what, next) SELECT 'branding', COUNT(*) + 1 FROM branding;
INSERT INTO next_number (what, next) SELECT 'reseller', MAX(id) + 1 FROM reseller;
INSERT INTO next_number (what, next) SELECT 'customer', COALESCE(MAX(id), 0) + 1 FROM customer;

-- People who may do something. username: folded. password: argon2id; NULL: keys only.
CREATE TABLE login (
    id BIGINT PRIMARY KEY,
    username TEXT NOT NULL UNIQUE,
    email TEXT NOT NULL,
    password TEXT,
    active BOOLEAN NOT NULL,
    created BIGINT NOT NULL,
    last_login BIGINT
);
INSERT INTO next_number (what, next) VALUES ('login', 1), ('api_key', 1), ('sender_rule', 1);

-- What a login may do. role: operator, admin, auditor. scope: all, reseller, customer, domain; scope_id: of which, 0 of all.
CREATE TABLE login_grant (
    login_id BIGINT NOT NULL REFERENCES login (id) ON DELETE CASCADE,
    role TEXT NOT NULL,
    scope TEXT NOT NULL,
    scope_id BIGINT NOT NULL,
    created BIGINT NOT NULL,
    PRIMARY KEY (login_id, scope, scope_id)
) WITHOUT ROWID;
CREATE INDEX login_grant_of ON login_grant (scope, scope_id);

-- Keys of logins and of email accounts. hash: SHA-256; the key itself is not kept. name: '' is the one that
-- regenerate_api_key replaces. limits: JSON (read only, domains, networks).
CREATE TABLE api_key (
    id BIGINT PRIMARY KEY,
    hash TEXT NOT NULL UNIQUE,
    prefix TEXT NOT NULL,
    login_id BIGINT REFERENCES login (id) ON DELETE CASCADE,
    address_id BIGINT REFERENCES address (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    limits TEXT NOT NULL,
    created BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    expires BIGINT,
    last_used BIGINT
);
CREATE INDEX api_key_of_login ON api_key (login_id) WHERE login_id IS NOT NULL;
CREATE INDEX api_key_of_address ON api_key (address_id) WHERE address_id IS NOT NULL;

-- Who did what over HTTP, each entry sealed with the hash of the one before it on its node.
CREATE TABLE audit (
    node BIGINT NOT NULL,
    number BIGINT NOT NULL,
    time BIGINT NOT NULL,
    entry TEXT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (node, number)
) WITHOUT ROWID;

-- Senders that a domain or an account takes mail from, or does not. sender: an address or a domain, canonical.
CREATE TABLE sender_rule (
    id BIGINT PRIMARY KEY,
    domain_id BIGINT REFERENCES domain (id) ON DELETE CASCADE,
    address_id BIGINT REFERENCES address (id) ON DELETE CASCADE,
    sender TEXT NOT NULL,
    allow BOOLEAN NOT NULL,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL
);
CREATE UNIQUE INDEX sender_rule_of_domain ON sender_rule (domain_id, sender) WHERE domain_id IS NOT NULL;
CREATE UNIQUE INDEX sender_rule_of_address ON sender_rule (address_id, sender) WHERE address_id IS NOT NULL;

-- A domain that somebody wants and has yet to prove to be theirs.
CREATE TABLE domain_claim (
    name TEXT NOT NULL,
    customer_id BIGINT NOT NULL REFERENCES customer (id) ON DELETE CASCADE,
    token TEXT NOT NULL,
    made BIGINT NOT NULL,
    PRIMARY KEY (name, customer_id)
) WITHOUT ROWID;

-- The state of a domain that comes in several parts. body: JSON.
CREATE TABLE push_part (
    domain_id BIGINT NOT NULL REFERENCES domain (id) ON DELETE CASCADE,
    push TEXT NOT NULL,
    part BIGINT NOT NULL,
    parts BIGINT NOT NULL,
    actor TEXT NOT NULL,
    time BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (domain_id, push, part)
) WITHOUT ROWID;
