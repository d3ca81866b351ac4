-- Customers that were removed, for as long as that can be undone. kept: JSON, what comes back with the first of its domains.
CREATE TABLE removed_customer (id BIGINT PRIMARY KEY, time BIGINT NOT NULL, kept TEXT NOT NULL);

-- The audit of all nodes is read by time.
CREATE INDEX audit_by_time ON audit (time, node, number);
