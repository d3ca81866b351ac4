-- Signs of life of the nodes that share this store and ask domains' own servers: each takes its part of the limits. By the
-- clock of the store, in milliseconds since 1970; `joined` is since when the node was never away for long.
CREATE TABLE probe_node (
    node BIGINT PRIMARY KEY,
    heard BIGINT NOT NULL,
    joined BIGINT NOT NULL
);
