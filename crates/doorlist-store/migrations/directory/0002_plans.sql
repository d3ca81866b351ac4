-- Plans, provenance, and the sources that are read on a schedule.

-- Who made a claim; where in its source it stands (a line, a DN); what names the entry for good (objectGUID, entryUUID);
-- since when the source has it no more (it stays accepted for a while).
ALTER TABLE claim ADD COLUMN actor TEXT NOT NULL DEFAULT '';
ALTER TABLE claim ADD COLUMN place TEXT;
ALTER TABLE claim ADD COLUMN entry_key TEXT;
ALTER TABLE claim ADD COLUMN missing_since BIGINT;
CREATE INDEX claim_entry ON claim (entry_key) WHERE entry_key IS NOT NULL;

-- Who removed an address, and when.
ALTER TABLE address ADD COLUMN vetoed_at BIGINT;
ALTER TABLE address ADD COLUMN vetoed_by TEXT;

-- Rows of the log are written in batches: those of a plan before it is applied, under the plan's number made negative;
-- all others with their change, under its number. A row without address_id that has a local part is of an address that
-- is new with its batch: its number is the change's first_address + place.
ALTER TABLE change_row RENAME COLUMN change_id TO batch;
ALTER TABLE change ADD COLUMN batch BIGINT;
ALTER TABLE change ADD COLUMN first_address BIGINT NOT NULL DEFAULT 0;
UPDATE change SET batch = id;

-- state: staging, waiting (for a person), applied, discarded. base: the version of the list that it was made on.
-- outcome, report: JSON. change_id: what it was applied as.
CREATE TABLE plan (
    id BIGINT PRIMARY KEY,
    domain_name TEXT NOT NULL,
    source TEXT NOT NULL,
    state TEXT NOT NULL,
    base BIGINT NOT NULL,
    made BIGINT NOT NULL,
    actor TEXT NOT NULL,
    via TEXT NOT NULL,
    summary TEXT NOT NULL,
    held TEXT,
    outcome TEXT NOT NULL,
    report TEXT NOT NULL,
    change_id BIGINT
);

-- Directories that are read. settings: JSON; secret: encrypted; marker: where the next incremental read begins.
CREATE TABLE connection (
    name TEXT PRIMARY KEY,
    domain_id BIGINT NOT NULL REFERENCES domain (id),
    settings TEXT NOT NULL,
    secret TEXT,
    marker TEXT,
    next_run BIGINT NOT NULL,
    full_read BIGINT
) WITHOUT ROWID;

-- What came of each reading of a source: for people, and for the guard against a list that shrinks.
CREATE TABLE source_run (
    id BIGINT PRIMARY KEY,
    source TEXT NOT NULL,
    domain_name TEXT NOT NULL,
    began BIGINT NOT NULL,
    ended BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    lost BIGINT NOT NULL,
    size BIGINT NOT NULL,
    plan_id BIGINT,
    change_id BIGINT,
    report TEXT NOT NULL
);
CREATE INDEX source_run_of ON source_run (source, domain_name, began);

-- Who does scheduled work at this time.
CREATE TABLE lease (
    name TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    until BIGINT NOT NULL
) WITHOUT ROWID;

-- One-time links behind which a file can be handed in. The token itself is not kept.
CREATE TABLE upload_link (
    token_hash TEXT PRIMARY KEY,
    domain_name TEXT NOT NULL,
    source TEXT NOT NULL,
    made BIGINT NOT NULL,
    actor TEXT NOT NULL,
    expires BIGINT NOT NULL,
    used BIGINT,
    plan_id BIGINT
) WITHOUT ROWID;
