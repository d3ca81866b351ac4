-- The row that each node overwrites to see whether the database takes writes.
CREATE TABLE write_check (node BIGINT PRIMARY KEY, time BIGINT NOT NULL, padding TEXT NOT NULL);
