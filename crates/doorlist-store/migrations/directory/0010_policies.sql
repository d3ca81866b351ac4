-- Of mail policies, kept for those who ask for it and without effect on mail. NULL: the default.
ALTER TABLE domain ADD COLUMN policy_priority BIGINT;
ALTER TABLE account_setting ADD COLUMN policy_priority BIGINT;
ALTER TABLE account_setting ADD COLUMN use_domain_policy BOOLEAN;
