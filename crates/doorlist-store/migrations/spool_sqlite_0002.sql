-- What deliveries showed of recipients that are on no list, until somebody has counted it.
CREATE TABLE outcome (
    id        INTEGER NOT NULL, -- the queue id of the message
    recipient INTEGER NOT NULL, -- the place of the recipient in its envelope
    state     TEXT NOT NULL,    -- JSON
    PRIMARY KEY (id, recipient)
) WITHOUT ROWID;
