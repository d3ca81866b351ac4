-- What is kept has a term and a size.

-- tenant: whose share of the audit an entry counts in; '' for the operator and for entries from before.
ALTER TABLE audit ADD COLUMN tenant TEXT NOT NULL DEFAULT '';

-- Octets of the audit by node and tenant, kept with every entry (AUDIT_LINE_OVERHEAD beside its text).
CREATE TABLE audit_size (
    node BIGINT NOT NULL,
    tenant TEXT NOT NULL,
    octets BIGINT NOT NULL,
    PRIMARY KEY (node, tenant)
) WITHOUT ROWID;
INSERT INTO audit_size (node, tenant, octets)
    SELECT node, '', SUM(OCTET_LENGTH(entry) + 200) FROM audit GROUP BY node;

-- The last entry of each node's chain that was taken out of the store, with its seal; mark: a MAC over both.
CREATE TABLE audit_start (
    node BIGINT PRIMARY KEY,
    number BIGINT NOT NULL,
    seal TEXT NOT NULL,
    mark TEXT NOT NULL
);

-- Changes whose rows were removed before the change itself, and what their age is looked up by.
ALTER TABLE change ADD COLUMN rows_gone BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX change_time ON change (time);
