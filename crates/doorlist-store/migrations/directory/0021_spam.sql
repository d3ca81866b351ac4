-- What becomes of spam for a domain: tag or refuse.
ALTER TABLE domain ADD COLUMN spam TEXT NOT NULL DEFAULT 'tag';
