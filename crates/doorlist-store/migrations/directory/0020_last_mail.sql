-- The days on which addresses got mail while they were listed, since 1970: accepted, and of these the last clean one. By
-- name, since it is also asked of those that were listed.
CREATE TABLE address_mail (
    domain_id BIGINT NOT NULL,
    local TEXT COLLATE "C" NOT NULL,
    accepted BIGINT NOT NULL,
    clean BIGINT,
    PRIMARY KEY (domain_id, local)
) WITHOUT ROWID;
CREATE INDEX address_mail_accepted ON address_mail (accepted);
CREATE INDEX address_mail_clean ON address_mail (domain_id, clean);
