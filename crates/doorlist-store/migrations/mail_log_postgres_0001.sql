-- The mail log of all nodes, one partition a day. The indexes of a partition are made when its day is over.
CREATE TABLE mail_log_format (version INTEGER NOT NULL);
INSERT INTO mail_log_format VALUES (1);
CREATE SEQUENCE mail_log_id;
CREATE TABLE mail_log (
    id         BIGINT NOT NULL DEFAULT nextval('mail_log_id'),
    time       BIGINT NOT NULL,    -- milliseconds since 1970
    action     SMALLINT NOT NULL,
    queue_id   BIGINT,
    sender     TEXT NOT NULL,
    recipient  TEXT NOT NULL,
    domain     BIGINT,
    client     TEXT,
    reason     TEXT NOT NULL,
    reply      TEXT NOT NULL,
    message_id TEXT,
    size       BIGINT NOT NULL,
    times      INTEGER NOT NULL    -- how many events the row stands for
) PARTITION BY RANGE (time);
