-- Directories of domains that were removed, for as long as that can be undone. secret: encrypted, as in connection.
CREATE TABLE removed_connection (
    domain_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    time BIGINT NOT NULL,
    settings TEXT NOT NULL,
    secret TEXT,
    PRIMARY KEY (domain_id, name)
) WITHOUT ROWID;
