//! Every setting there is, once: its name, its default and what it means. Reading and checking are done elsewhere.

#[derive(Debug)]
pub(crate) struct Key {
    /// As in the file, with the table in front: `smtp.listen`.
    pub name: &'static str,
    /// What stands without any file.
    pub default: Default,
    /// One line for the operator.
    pub help: &'static str,
    /// May hold a password: shown masked, never taken from a flag.
    pub secret: bool,
}

/// The default of a setting, as it would be written in the file.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Default {
    One(&'static str),
    /// A list; one value may stand for a list of one.
    List(&'static [&'static str]),
}

const fn one(name: &'static str, default: &'static str, help: &'static str) -> Key {
    Key { name, default: Default::One(default), help, secret: false }
}

const fn list(name: &'static str, default: &'static [&'static str], help: &'static str) -> Key {
    Key { name, default: Default::List(default), help, secret: false }
}

/// All settings, in the order in which `config show` prints them.
pub(crate) const KEYS: &[Key] = &[
    one("state.dir", "./doorlist-data", "folder of the store, the lock and the control socket"),
    one("state.user", "", "a server started by root becomes this user; empty: the owner of state.dir"),
    one(
        "state.secret_key_file",
        "",
        "the key that seals stored passwords; empty: secret.key in state.dir, made when needed",
    ),
    Key {
        secret: true,
        ..one("store.url", "sqlite:", "sqlite: keeps the store in state.dir; or postgres://user:password@host/database")
    },
    one("smtp.hostname", "", "our name in greeting, HELO and trace headers; empty: the machine's name"),
    one("smtp.postmaster", "", "the operator's mailbox: bare <postmaster>, and what a domain's server refuses"),
    list("smtp.listen", &["127.0.0.1:2525"], "ADDRESS:PORT [tls] [bare_lf=normalize|reject] [proxy_from=NETWORK]..."),
    list("smtp.listen_tls", &[], "the same with TLS from the first byte"),
    list("smtp.proxy_from", &[], "peers that speak the PROXY protocol, where a listener does not say otherwise"),
    one("smtp.bare_lf", "normalize", "a lone LF at a line's end: normalize it to CRLF, or reject the message"),
    one("smtp.message_max", "50 MiB", "largest message"),
    one("smtp.recipients_max", "100", "recipients of one transaction"),
    one("smtp.junk_commands_max", "100", "commands that lead nowhere (NOOP, RSET, errors) before a session is closed"),
    one("smtp.sessions_max", "1000", "sessions at once"),
    one("smtp.sessions_per_address_max", "50", "sessions at once from one address (IPv6: from one /64)"),
    one("smtp.idle", "300 s", "a session without progress is closed (NOOP, RSET and refused commands are none)"),
    one("smtp.idle_crowded", "30 s", "the same while more than 80 % of smtp.sessions_max are open"),
    one("smtp.session_max", "2 h", "a session ends after this time, whatever it does"),
    one("smtp.data_rate_min", "100 B/s", "a slower DATA is closed"),
    one("smtp.data_rate_window", "60 s", "over which time that rate is averaged"),
    one("smtp.handshake", "10 s", "TLS handshake and PROXY header must be done by then"),
    one("smtp.drain", "30 s", "how long a stopping server lets running transactions finish"),
    one("tls.cert", "", "PEM certificate chain; empty: a self-signed one in state.dir/tls"),
    one("tls.key", "", "PEM key of it"),
    one("guard.enabled", "true", "the guard against guessing; off only behind another guard"),
    one("relay.outbound", "direct", "mail to other domains (bounces): direct by MX, or HOST[:PORT] of a smart host"),
    list("relay.allow_networks", &[], "networks and addresses where mail servers may be, whoever named them"),
    one("relay.connections_per_destination_max", "20", "connections to one destination"),
    one("relay.connections_max", "500", "connections to all destinations; a tenth is kept for those that have none"),
    one("relay.connect", "30 s", "how long connecting may take"),
    one("relay.reply", "300 s", "how long a reply may take"),
    one("relay.final_reply", "600 s", "how long the reply to a whole message may take"),
    one("relay.keep_open", "5 s", "how long an idle connection waits for the next message, if no other mail needs one"),
    one("relay.give_way", "10 s", "a connection without an answer for so long ends if other mail needs one"),
    one("relay.lifetime", "15 d", "how long a message is kept trying"),
    one("relay.bounce_lifetime", "2 d", "how long a bounce is kept trying"),
    one("relay.bounces_per_domain_hour_max", "10", "bounces to one sender domain in an hour"),
    one("relay.bounces_per_hour_max", "100", "bounces in all in an hour"),
    one("spool.node", "0", "number of this node, 0 to 1023: each node of a cluster has its own"),
    one("spool.memory_max", "64 MiB", "memory for messages that are coming in"),
    one("spool.disk_reserve", "64 MiB", "room on the disk that is never used, beside one and a half largest messages"),
    one("mail_log.days", "30", "how long the mail log is kept"),
    one("mail_log.size_max", "10 GiB", "room for the mail log; beyond, its oldest days go first"),
    one("mail_log.refusals_per_domain_hour_max", "5000", "refusals that are logged singly; beyond, counts a source"),
    one("audit.keep", "400d", "how long the audit is kept"),
    one(
        "audit.size_max",
        "1 GiB",
        "room for the audit in the store; beyond, its oldest part goes into files in state.dir",
    ),
    one("audit.files_max", "64", "files of the audit in state.dir, of 16 MiB; beyond, the oldest are removed"),
    one("changes.keep", "400d", "how long the change log is kept; undo is for 30 days"),
    one("changes.number_max", "5000000", "changes in the log; beyond, the oldest of whoever has most go first"),
    one("changes.rows_max", "20000000", "rows of all changes; beyond, those of the oldest changes go first"),
    one("tenants.domains_max", "10000", "domains of one customer"),
    one(
        "tenants.addresses_max",
        "5000000",
        "addresses on all lists of one customer, aliases and vetoed ones among them",
    ),
    list("web.listen", &["127.0.0.1:8080"], "API, health, links for files: ADDRESS:PORT [tls] [proxy_from=NETWORK]..."),
    list(
        "web.proxy_from",
        &[],
        "peers whose X-Forwarded-For and -Proto count, where a listener does not say otherwise",
    ),
    one("web.connections_per_address_max", "32", "connections at once from one address (IPv6: from one /64)"),
    one("web.url", "", "how people reach it, such as https://mx.example.test: links in mails and for files begin so"),
    one("api.domain_proof", "dns", "how a tenant proves that a domain is theirs: dns (a TXT record), or none"),
    one("api.pushes_per_12h", "50", "pushes of one domain (ldapsync/remote_data) that are taken within 12 hours"),
    one("api.requests_per_key", "1000", "requests of one key in a second"),
    one("api.requests_per_address", "2000", "requests from one address in a second"),
    one("api.failures_per_address", "60", "wrong keys from one address in a minute"),
    one(
        "work.threads",
        "",
        "threads for hashing, large bodies, files, plans and exports; empty: half as many as cores, at least 1",
    ),
    one("work.jobs_max", "128", "such jobs at once, running and waiting; more are answered 503 with Retry-After"),
    list("sources.allow_networks", &[], "private networks and addresses whose directories may be read"),
    list("metrics.listen", &["127.0.0.1:9925"], "HTTP: /metrics for Prometheus"),
    one("log.format", "text", "text in Postfix's shape, or json: one object a line"),
];

/// The setting of this name.
pub(crate) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// How alike two names must be for one to be offered in place of the other.
const LIKENESS_MIN: f64 = 0.7;

/// The known name that is most like `name`.
pub(crate) fn nearest(name: &str) -> Option<&'static str> {
    let likeness = |key: &&Key| strsim::jaro_winkler(key.name, name);
    let best = KEYS.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    (likeness(&best) >= LIKENESS_MIN).then_some(best.name)
}
