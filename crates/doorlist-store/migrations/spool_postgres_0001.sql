-- The spool of all nodes. A message's row is written once and deleted once; only its progress changes.
CREATE TABLE spool_format (version INTEGER NOT NULL);
INSERT INTO spool_format VALUES (1);
CREATE TABLE spool_message (
    id     BIGINT PRIMARY KEY,  -- the queue id
    node   SMALLINT NOT NULL,   -- who took it and delivers it
    record TEXT NOT NULL,       -- envelope and body's size, checksum and place, JSON
    seal   BIGINT NOT NULL,     -- CRC-32C of id and record
    body   BYTEA                -- NULL: in chunks
);
ALTER TABLE spool_message ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE INDEX spool_message_node ON spool_message (node, id);
CREATE TABLE spool_progress (
    id       BIGINT PRIMARY KEY,  -- the queue id
    revision INTEGER NOT NULL,    -- how often it was written
    state    TEXT NOT NULL        -- JSON
);
CREATE TABLE spool_chunk (
    body   BIGINT NOT NULL,   -- a name drawn like a queue id; the record of its message names it
    number INTEGER NOT NULL,  -- from 1
    bytes  BYTEA NOT NULL,
    PRIMARY KEY (body, number)
);
ALTER TABLE spool_chunk ALTER COLUMN bytes SET STORAGE EXTERNAL;
