-- One day of the mail log. Its indexes are made when the day is over.
CREATE TABLE entry (
    id         INTEGER PRIMARY KEY, -- in the order in which entries were written
    time       INTEGER NOT NULL,    -- milliseconds since 1970
    action     INTEGER NOT NULL,
    queue_id   INTEGER,
    sender     TEXT NOT NULL,
    recipient  TEXT NOT NULL,
    domain     INTEGER,
    client     TEXT,
    reason     TEXT NOT NULL,
    reply      TEXT NOT NULL,
    message_id TEXT,
    size       INTEGER NOT NULL,
    times      INTEGER NOT NULL     -- how many events the row stands for
);
