-- What was asked for on one day, beside its entries. On PostgreSQL the day is part of the tables' names. Made where they
-- are missing: a day may have been begun without them. Comments have no semicolon: statements are told apart by it.

-- Recipients that were on no list, by name. source, outcome, verdict: their numbers. Verdict 0: none.
CREATE TABLE IF NOT EXISTS asked_name (
    domain BIGINT NOT NULL,
    recipient TEXT COLLATE "C" NOT NULL,
    source BIGINT NOT NULL,
    outcome BIGINT NOT NULL,
    verdict BIGINT NOT NULL,
    times BIGINT NOT NULL,
    last BIGINT NOT NULL,
    senders TEXT NOT NULL,
    PRIMARY KEY (domain, recipient, source, outcome, verdict)
) WITHOUT ROWID;

-- All recipients, listed or not, by the hour since 1970.
CREATE TABLE IF NOT EXISTS asked_hour (
    domain BIGINT NOT NULL,
    hour BIGINT NOT NULL,
    source BIGINT NOT NULL,
    outcome BIGINT NOT NULL,
    verdict BIGINT NOT NULL,
    times BIGINT NOT NULL,
    PRIMARY KEY (domain, hour, source, outcome, verdict)
) WITHOUT ROWID;
