-- Whoever has as many as there may be is counted by index: names of sources and links of a domain; and a change that goes
-- finds its domains.
CREATE INDEX source_run_of_domain ON source_run (domain_name, source);
CREATE INDEX plan_of_domain ON plan (domain_name, source);
CREATE INDEX upload_link_of_domain ON upload_link (domain_name);
CREATE INDEX change_domain_of_change ON change_domain (change_id);

-- The last change that was removed from the log: whoever knows the list only up to an earlier one reads it anew.
ALTER TABLE list_state ADD COLUMN changes_gone BIGINT NOT NULL DEFAULT 0;
