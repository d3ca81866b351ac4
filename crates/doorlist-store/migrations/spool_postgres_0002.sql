-- What deliveries showed of recipients that are on no list, until somebody has counted it.
CREATE TABLE spool_outcome (
    id        BIGINT NOT NULL,   -- the queue id of the message
    recipient INTEGER NOT NULL,  -- the place of the recipient in its envelope
    node      SMALLINT NOT NULL, -- who delivered it, and counts it
    state     TEXT NOT NULL,     -- JSON
    PRIMARY KEY (id, recipient)
);
CREATE INDEX spool_outcome_node ON spool_outcome (node, id, recipient);
UPDATE spool_format SET version = 2;
