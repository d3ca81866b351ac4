-- How the readings of a directory go: when the last one began that was taken over; since when each has failed, and why the
-- last one did; how many have failed.
ALTER TABLE connection ADD COLUMN last_good BIGINT;
ALTER TABLE connection ADD COLUMN failing_since BIGINT;
ALTER TABLE connection ADD COLUMN failing_why TEXT;
ALTER TABLE connection ADD COLUMN failures BIGINT NOT NULL DEFAULT 0;
UPDATE connection SET last_good = (
    SELECT MAX(r.began) FROM source_run AS r JOIN domain AS d ON d.name = r.domain_name
    WHERE d.id = connection.domain_id AND r.source = 'directory:' || connection.name
      AND r.outcome IN ('applied', 'same'));

-- Plans that wait are counted often, and are few.
CREATE INDEX plan_waiting ON plan (source, domain_name) WHERE state = 'waiting';
