-- Whether a domain goes back to mode monitor by itself when authenticated senders with a good record are refused.
ALTER TABLE domain ADD COLUMN fall_back BOOLEAN NOT NULL DEFAULT FALSE;
