//! Every setting: its name, default and description.

#[derive(Debug)]
pub(crate) struct SettingKey {
    /// Name with its table: `smtp.listen`.
    pub name: &'static str,
    pub default: SettingDefault,
    /// Description in one line.
    pub help: &'static str,
    /// May contain a password: masked in output, rejected on the command line.
    pub secret: bool,
}

/// The default of a setting, as written in a file.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SettingDefault {
    One(&'static str),
    /// A list; a single value is accepted as a list of one.
    List(&'static [&'static str]),
}

const fn one(name: &'static str, default: &'static str, help: &'static str) -> SettingKey {
    SettingKey { name, default: SettingDefault::One(default), help, secret: false }
}

const fn list(name: &'static str, default: &'static [&'static str], help: &'static str) -> SettingKey {
    SettingKey { name, default: SettingDefault::List(default), help, secret: false }
}

/// All settings, in the order in which `config show` prints them.
pub(crate) const KEYS: &[SettingKey] = &[
    one("state.dir", "./doorlist-data", "folder of the store, the lock and the control socket"),
    one("state.user", "", "user that a server started by root switches to; empty: the owner of state.dir"),
    one(
        "state.secret_key_file",
        "",
        "file with the key that encrypts stored passwords; empty: secret.key in state.dir, created when needed",
    ),
    SettingKey {
        secret: true,
        ..one("store.url", "sqlite:", "sqlite: for a store in state.dir, or postgres://user:password@host/database")
    },
    one("smtp.hostname", "", "host name in the greeting, HELO and trace headers; empty: the machine's name"),
    one(
        "smtp.postmaster",
        "",
        "operator's mailbox, for mail to <postmaster> and system mail that a domain's server \
                                rejects; also the sender of questions to domains' servers, beside the null sender",
    ),
    list("smtp.listen", &["127.0.0.1:2525"], "ADDRESS:PORT [tls] [bare_lf=normalize|reject] [proxy_from=NETWORK]..."),
    list("smtp.listen_tls", &[], "the same, with implicit TLS"),
    list("smtp.proxy_from", &[], "peers that send the PROXY protocol, for listeners without proxy_from"),
    one("smtp.bare_lf", "normalize", "bare LF at the end of a line: normalize it to CRLF, or reject the message"),
    one("smtp.message_max", "50 MiB", "maximum size of a message"),
    one("smtp.recipients_max", "100", "maximum number of recipients in a transaction"),
    one("smtp.junk_commands_max", "100", "maximum number of unproductive commands (NOOP, RSET, errors) in a session"),
    one("smtp.sessions_max", "1000", "maximum number of concurrent sessions"),
    one(
        "smtp.sessions_per_address_max",
        "50",
        "maximum number of concurrent sessions from one address (IPv6: from \
                                                one /64)",
    ),
    one(
        "smtp.idle",
        "300 s",
        "time until a session without progress is closed (NOOP, RSET and rejected commands are \
                               no progress)",
    ),
    one("smtp.idle_crowded", "30 s", "the same, while more than 80 % of smtp.sessions_max are in use"),
    one("smtp.session_max", "2 h", "maximum duration of a session"),
    one("smtp.data_rate_min", "100 B/s", "minimum transfer rate during DATA"),
    one("smtp.data_rate_window", "60 s", "time over which the transfer rate is averaged"),
    one("smtp.handshake", "10 s", "maximum time for the PROXY header and the TLS handshake"),
    one("smtp.drain", "30 s", "maximum time for running transactions to finish when the server stops"),
    one("tls.cert", "", "certificate chain (PEM); empty: a self-signed certificate in state.dir/tls"),
    one("tls.key", "", "private key of the certificate (PEM)"),
    one(
        "guard.enabled",
        "true",
        "protection against address guessing; turn it off only behind another such \
                                  protection",
    ),
    list(
        "guard.large_providers",
        &["shipped"],
        "networks of large providers, which are never flagged, only slowed; shipped: those that Doorlist brings",
    ),
    one(
        "relay.outbound",
        "direct",
        "route for mail to other domains (bounces): direct to the MX, or HOST[:PORT] of a \
                                     smart host",
    ),
    list("relay.allow_networks", &[], "networks in which mail servers are allowed, no matter who names them"),
    one("relay.connections_per_destination_max", "20", "maximum number of connections to one destination"),
    one(
        "relay.connections_max",
        "500",
        "maximum number of connections to all destinations; a tenth is reserved for \
                                         destinations without a connection",
    ),
    one("relay.connect", "30 s", "maximum time to connect"),
    one("relay.reply", "300 s", "maximum time to wait for a reply"),
    one("relay.final_reply", "600 s", "maximum time to wait for the reply to a complete message"),
    one("relay.keep_open", "5 s", "time that an idle connection is kept, unless other mail needs one"),
    one("relay.give_way", "10 s", "time after which a connection without an answer is closed if other mail needs one"),
    one("relay.lifetime", "15 d", "time until an undelivered message bounces"),
    one("relay.bounce_lifetime", "2 d", "time until an undelivered bounce is given up"),
    one("relay.bounces_per_domain_hour_max", "10", "maximum number of bounces to one sender domain per hour"),
    one("relay.bounces_per_hour_max", "100", "maximum number of bounces per hour"),
    one(
        "verdict.engine",
        "builtin",
        "scanner of accepted mail: builtin (SPF, DKIM, DMARC), rspamd, or none; with none, no sender gets a bounce",
    ),
    one("verdict.rspamd_url", "http://127.0.0.1:11333", "URL of Rspamd's normal worker, for verdict.engine = rspamd"),
    one(
        "verdict.unchecked",
        "deliver",
        "mail that the scanner cannot check, though it may be able to later: deliver it, or defer it with 451",
    ),
    one("dns.server", "", "name server for the look-ups of mail, ADDRESS[:PORT]; empty: those of the system"),
    one("spool.node", "0", "number of this node, 0 to 1023; each node of a cluster needs its own"),
    one("spool.memory_max", "64 MiB", "memory for incoming messages"),
    one("spool.disk_reserve", "64 MiB", "disk space that is kept free, plus 1.5 times the maximum message size"),
    one("mail_log.days", "30", "retention time of the mail log"),
    one("mail_log.size_max", "10 GiB", "maximum size of the mail log; the oldest days are removed first"),
    one(
        "mail_log.refusals_per_domain_hour_max",
        "5000",
        "rejections that are logged one by one; more are counted per \
                                                          source",
    ),
    one("audit.keep", "400d", "retention time of the audit log"),
    one(
        "audit.size_max",
        "1 GiB",
        "maximum size of the audit log in the store; the oldest entries are moved to files in state.dir",
    ),
    one(
        "audit.files_max",
        "64",
        "maximum number of audit files in state.dir, 16 MiB each; the oldest are removed \
                                  first",
    ),
    one("changes.keep", "400d", "retention time of the change log; undo works for 30 days"),
    one(
        "changes.number_max",
        "5000000",
        "maximum number of changes in the change log; the oldest of the tenant with \
                                          the most are removed first",
    ),
    one(
        "changes.rows_max",
        "20000000",
        "maximum number of rows in the change log; rows of the oldest changes are \
                                         removed first",
    ),
    one("tenants.domains_max", "10000", "maximum number of domains of a customer"),
    one(
        "tenants.addresses_max",
        "5000000",
        "maximum number of addresses of a customer, with aliases and vetoed addresses",
    ),
    list(
        "web.listen",
        &["127.0.0.1:8080"],
        "listeners for API, health and uploads: ADDRESS:PORT [tls] \
                                             [proxy_from=NETWORK]...",
    ),
    list(
        "web.proxy_from",
        &[],
        "peers whose X-Forwarded-For and -Proto headers are trusted, for listeners without proxy_from",
    ),
    one(
        "web.connections_per_address_max",
        "32",
        "maximum number of concurrent connections from one address (IPv6: \
                                                  from one /64)",
    ),
    one("web.url", "", "public URL, such as https://mx.example.test, for links in mails and upload links"),
    one("api.domain_proof", "dns", "how a tenant verifies a domain: dns (TXT record), or none"),
    one("api.pushes_per_12h", "50", "maximum number of pushes (ldapsync/remote_data) of a domain in 12 hours"),
    one("api.requests_per_key", "1000", "maximum number of requests per second with one key"),
    one("api.requests_per_address", "2000", "maximum number of requests per second from one address"),
    one("api.failures_per_address", "60", "maximum number of wrong keys per minute from one address"),
    one(
        "work.threads",
        "",
        "threads for hashing, large bodies, files, plans and exports; empty: half the number of cores, at least 1",
    ),
    one(
        "work.jobs_max",
        "128",
        "maximum number of such jobs, running and queued; further ones get 503 with \
                                 Retry-After",
    ),
    list("sources.allow_networks", &[], "private networks in which directories may be read"),
    list("metrics.listen", &["127.0.0.1:9925"], "listeners for /metrics (Prometheus, HTTP)"),
    one("log.format", "text", "text, in the format of Postfix, or json, one object per line"),
    one(
        "log.name",
        "doorlist",
        "name of the program in lines of text; postfix/smtpd for readers of Postfix's log, such as fail2ban",
    ),
];

/// The setting of this name.
pub(crate) fn find(name: &str) -> Option<&'static SettingKey> {
    KEYS.iter().find(|key| key.name == name)
}

/// Minimum similarity of a suggested name.
const LIKENESS_MIN: f64 = 0.7;

/// The known name that is most similar to `name`.
pub(crate) fn nearest(name: &str) -> Option<&'static str> {
    let likeness = |key: &&SettingKey| strsim::jaro_winkler(key.name, name);
    let best = KEYS.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    (likeness(&best) >= LIKENESS_MIN).then_some(best.name)
}
