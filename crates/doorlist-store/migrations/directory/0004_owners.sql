-- Grants are numbered as they are given, and a key has those that whoever made it could give (grants: JSON), so that
-- nobody who knows an early key has what its login is granted later. active: each tenant's own word on an admin.
ALTER TABLE login_grant ADD COLUMN number BIGINT NOT NULL DEFAULT 0;
ALTER TABLE login_grant ADD COLUMN active BOOLEAN NOT NULL DEFAULT TRUE;
ALTER TABLE api_key ADD COLUMN grants TEXT NOT NULL DEFAULT '[]';
UPDATE login_grant SET number = n.number FROM
    (SELECT login_id, scope, scope_id, ROW_NUMBER() OVER (ORDER BY login_id, scope, scope_id) AS number
     FROM login_grant) AS n
    WHERE n.login_id = login_grant.login_id AND n.scope = login_grant.scope AND n.scope_id = login_grant.scope_id;
-- Earlier keys had all of their login's grants.
UPDATE api_key SET grants = (
    SELECT '[' || COALESCE(STRING_AGG(CAST(g.number AS TEXT), ','), '') || ']' FROM login_grant AS g
    WHERE g.login_id = api_key.login_id
);
INSERT INTO next_number (what, next) SELECT 'login_grant', COUNT(*) + 1 FROM login_grant;

-- Of which domain a plan is, by its number: another tenant may add a domain of the same name later. None: of several.
ALTER TABLE plan ADD COLUMN domain_id BIGINT;
UPDATE plan SET domain_id = (
    SELECT d.id FROM domain AS d WHERE d.name = plan.domain_name AND d.created <= plan.made
);

-- Wishes for domains are counted by customer.
CREATE INDEX domain_claim_of ON domain_claim (customer_id, made);
