-- Who named a mail server decides where it may be: tenant, operator (by a remote surface), machine (by command on the
-- machine). Those that are there already are the operator's.
ALTER TABLE mail_server ADD COLUMN named_by TEXT NOT NULL DEFAULT 'machine';
