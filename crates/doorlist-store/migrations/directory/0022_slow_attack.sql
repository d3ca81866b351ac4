-- The sign of a slow attack: since when it is there, and the distinct unknown names of a day by hour, the newest first (JSON),
-- as of `sums_at`.
ALTER TABLE harvest_domain ADD COLUMN slow_since BIGINT;
ALTER TABLE harvest_domain ADD COLUMN hours TEXT NOT NULL DEFAULT '[]';
