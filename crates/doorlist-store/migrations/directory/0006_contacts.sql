-- For whom an address outside of the customer's own domains was confirmed. scope: all, reseller, customer; scope_id: of
-- which, 0 of all. way: link, command.
CREATE TABLE confirmed_address (
    address TEXT NOT NULL,
    scope TEXT NOT NULL,
    scope_id BIGINT NOT NULL,
    confirmed BIGINT NOT NULL,
    way TEXT NOT NULL,
    PRIMARY KEY (address, scope, scope_id)
) WITHOUT ROWID;

-- A login with a password, or one of everything, was made by the operator's command.
INSERT INTO confirmed_address (address, scope, scope_id, confirmed, way)
    SELECT l.email, 'all', 0, MIN(l.created), 'command' FROM login AS l JOIN login_grant AS g ON g.login_id = l.id
    WHERE g.scope = 'all' GROUP BY l.email;
INSERT INTO confirmed_address (address, scope, scope_id, confirmed, way)
    SELECT l.email, g.scope, g.scope_id, MIN(l.created), 'command'
    FROM login AS l JOIN login_grant AS g ON g.login_id = l.id
    WHERE l.password IS NOT NULL AND g.scope IN ('reseller', 'customer') GROUP BY l.email, g.scope, g.scope_id;

-- Mails that asked for a confirmation. mailbox: the address without its tag, by which they are counted.
CREATE TABLE confirmation_mail (
    token_hash TEXT PRIMARY KEY,
    address TEXT NOT NULL,
    mailbox TEXT NOT NULL,
    customer_id BIGINT NOT NULL,
    sent BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    used BIGINT
) WITHOUT ROWID;
CREATE INDEX confirmation_mail_to ON confirmation_mail (mailbox, sent);
CREATE INDEX confirmation_mail_of ON confirmation_mail (customer_id, sent);

-- Notices and copies of the last day, for their limits. kind: notice, copy; subject: the mailbox, or the number of the
-- domain. customer_id: 0: the operator's.
CREATE TABLE notice_sent (
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    customer_id BIGINT NOT NULL,
    sent BIGINT NOT NULL
);
CREATE INDEX notice_sent_to ON notice_sent (kind, subject, sent);
CREATE INDEX notice_sent_of ON notice_sent (customer_id, sent);
