-- Which clean messages listed addresses got of late: accounts that get the same ones may be one person's. Message-ID and
-- the domain of the sender are hashes; days are counted since 1970.
CREATE TABLE recent_message (
    domain_id  BIGINT NOT NULL,
    message    BIGINT NOT NULL,
    address_id BIGINT NOT NULL,
    sender     BIGINT NOT NULL,
    day        BIGINT NOT NULL,
    PRIMARY KEY (domain_id, message, address_id)
) WITHOUT ROWID;
CREATE INDEX recent_message_day ON recent_message (day, domain_id, sender);

INSERT INTO next_number (what, next) VALUES ('recent_message', 1);

-- The first day on which an address got mail while it was listed; NULL: it was before this was kept.
ALTER TABLE address_mail ADD COLUMN first_accepted BIGINT;

-- What the change log knows of one address.
CREATE INDEX change_row_local ON change_row (domain_id, local) WHERE local IS NOT NULL;
CREATE INDEX change_batch ON change (batch);
