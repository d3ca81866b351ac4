-- Bounces to signed senders (BATV) and rewritten ones (SRS) that a domain accepts although no list has them.
ALTER TABLE domain ADD COLUMN batv BOOLEAN NOT NULL DEFAULT TRUE;
ALTER TABLE domain ADD COLUMN srs BOOLEAN NOT NULL DEFAULT FALSE;
