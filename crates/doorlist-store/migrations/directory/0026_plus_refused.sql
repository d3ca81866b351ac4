-- Whether a domain's own server refuses user+tag of a user that it takes, and when it is asked for that next, in
-- milliseconds since 1970. Other servers are asked at once: `servers` are those that were.
ALTER TABLE domain ADD COLUMN plus_refused BOOLEAN NOT NULL DEFAULT FALSE;

CREATE TABLE plus_control (
    domain_id BIGINT PRIMARY KEY REFERENCES domain(id) ON DELETE CASCADE,
    servers TEXT NOT NULL,
    next_at BIGINT NOT NULL
);
