-- Grants are numbered as they are given, and a key has those that whoever made it could give (grants: JSON), so that
-- nobody who knows an early key has what its login is granted later. active: each tenant's own word on an admin.
ALTER TABLE login_grant ADD COLUMN number BIGINT NOT NULL DEFAULT 0;
ALTER TABLE login_grant ADD COLUMN active BOOLEAN NOT NULL DEFAULT TRUE;
ALTER TABLE api_key ADD COLUMN grants TEXT NOT NULL DEFAULT '[0]';
INSERT INTO next_number (what, next) VALUES ('login_grant', 1);

-- Of which domain a plan is, by its number: another tenant may add a domain of the same name later. None: of several.
ALTER TABLE plan ADD COLUMN domain_id BIGINT;
UPDATE plan SET domain_id = (
    SELECT d.id FROM domain AS d WHERE d.name = plan.domain_name AND d.created <= plan.made
);

-- Wishes for domains are counted by customer.
CREATE INDEX domain_claim_of ON domain_claim (customer_id, made);
