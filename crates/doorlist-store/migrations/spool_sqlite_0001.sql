-- One generation of the spool. A message's row is written once and deleted once; only its progress changes.
CREATE TABLE message (
    id     INTEGER PRIMARY KEY, -- the queue id
    record TEXT NOT NULL,       -- envelope and body's size, checksum and place, JSON
    seal   INTEGER NOT NULL,    -- CRC-32C of id and record
    body   BLOB                 -- NULL: in a file of its own
);
CREATE TABLE progress (
    id       INTEGER PRIMARY KEY, -- the queue id
    revision INTEGER NOT NULL,    -- how often it was written
    state    TEXT NOT NULL        -- JSON
);
