-- A tenant that adds somebody whose login name belongs to a login of another tenant gets a login of its own, and the other
-- login is offered the membership. username stays unique: such a login has its number behind the name; name: as its
-- holder writes it (NULL: the username). offered_to: whose membership it may become, until offered_until. holder_id: who
-- has accepted it.
ALTER TABLE login ADD COLUMN name TEXT;
ALTER TABLE login ADD COLUMN offered_to BIGINT REFERENCES login (id) ON DELETE SET NULL;
ALTER TABLE login ADD COLUMN offered_until BIGINT;
ALTER TABLE login ADD COLUMN holder_id BIGINT REFERENCES login (id) ON DELETE SET NULL;
CREATE INDEX login_name ON login (name) WHERE name IS NOT NULL;
CREATE INDEX login_offered_to ON login (offered_to) WHERE offered_to IS NOT NULL;
CREATE INDEX login_holder ON login (holder_id) WHERE holder_id IS NOT NULL;

-- When a key with this grant was last used: a tenant sees nothing of what a login does for others.
ALTER TABLE login_grant ADD COLUMN last_used BIGINT;
UPDATE login_grant SET last_used = (SELECT l.last_login FROM login AS l WHERE l.id = login_grant.login_id)
    WHERE (SELECT COUNT(*) FROM login_grant AS g WHERE g.login_id = login_grant.login_id) = 1;
