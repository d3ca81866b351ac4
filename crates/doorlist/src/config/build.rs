//! Validates the raw values and builds the settings. Reports all errors at once, each with its origin.

use super::api::{self, ApiSettings};
use super::layers::{Raw, SettingValues};
use super::places::{host_name, machine_name, network, outbound, socket_address};
use super::web::{self, WebListenerConfig};
use super::work::{self, WorkSettings};
use super::{Problem, log, retention, units, verdict};
use doorlist_actions::RetentionTerms;
use doorlist_core::address::Address;
use doorlist_core::harvest::LargeProviders;
use doorlist_core::network::{Network, NetworkError};
use doorlist_core::queue_id::QueueId;
use doorlist_core::verdict::UncheckedMail;
use doorlist_gateway::config::{GatewayConfig, GuardConfig, Limits, ListenerConfig, RelayConfig, TlsConfig};
use doorlist_gateway::journal::JournalFormat;
use doorlist_smtp::server::BareLf;
use doorlist_store::StoreUrl;
use doorlist_store::limits::CustomerLimits;
use doorlist_store::mail_log::MailLogConfig;
use doorlist_store::spool::SpoolConfig;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The settings of the whole process.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// Folder of the store, the lock and the control socket.
    pub state_dir: PathBuf,
    /// User that a server started by root switches to.
    pub state_user: Option<String>,
    /// Where the store is.
    pub store: StoreUrl,
    pub spool: SpoolConfig,
    pub mail_log: MailLogConfig,
    /// Retention times and limits.
    pub retention: RetentionTerms,
    /// Limits of a customer.
    pub tenants: CustomerLimits,
    pub gateway: GatewayConfig,
    /// Listeners of API, health and uploads.
    pub web: Vec<WebListenerConfig>,
    pub web_url: Option<String>,
    pub api: ApiSettings,
    /// The threads for heavy work.
    pub work: WorkSettings,
    /// File with the key that encrypts stored passwords, if it is not in the state folder.
    pub secret_key_file: Option<PathBuf>,
    /// Private networks in which directories may be read.
    pub allow_networks: Vec<Network>,
    pub metrics: Vec<SocketAddr>,
    /// How log lines look.
    pub log_format: JournalFormat,
    /// The program's name in lines of text.
    pub log_name: String,
}

impl Config {
    /// The settings in which `next` differs and which a running server cannot change.
    pub(crate) fn needs_restart(&self, next: &Config) -> Vec<&'static str> {
        let addresses = |config: &Config| -> Vec<_> {
            config.gateway.listeners.iter().map(|listener| (listener.address, listener.implicit_tls)).collect()
        };
        let web = |config: &Config| -> Vec<_> { config.web.iter().map(|web| (web.address, web.tls)).collect() };
        let per_address = |config: &Config| config.web.first().map(|web| web.connections_per_address_max);
        let proxies = |config: &Config| -> Vec<_> { config.web.iter().map(|web| web.proxy_from.clone()).collect() };
        let differs = [
            ("state.dir", self.state_dir != next.state_dir),
            ("state.user", self.state_user != next.state_user),
            ("store.url", self.store != next.store),
            ("spool.node", self.spool.node != next.spool.node),
            ("spool.memory_max", self.spool.memory_max != next.spool.memory_max),
            ("spool.disk_reserve", self.spool.disk_reserve != next.spool.disk_reserve),
            ("mail_log", format!("{:?}", self.mail_log) != format!("{:?}", next.mail_log)),
            ("audit or changes", self.retention != next.retention),
            ("tenants", self.tenants != next.tenants),
            ("smtp.listen", addresses(self) != addresses(next)),
            ("verdict.engine or verdict.rspamd_url", self.gateway.verdict != next.gateway.verdict),
            ("dns.server", self.gateway.name_server != next.gateway.name_server),
            ("web.listen", web(self) != web(next)),
            ("web.proxy_from", proxies(self) != proxies(next)),
            ("web.connections_per_address_max", per_address(self) != per_address(next)),
            ("web.url", self.web_url != next.web_url),
            ("api", self.api != next.api),
            ("work", self.work != next.work),
            ("state.secret_key_file", self.secret_key_file != next.secret_key_file),
            ("sources.allow_networks", self.allow_networks != next.allow_networks),
            ("metrics.listen", self.metrics != next.metrics),
            ("log.format", self.log_format != next.log_format),
            ("log.name", self.log_name != next.log_name),
        ];
        differs.iter().filter(|(_, differs)| *differs).map(|(name, _)| *name).collect()
    }
}

/// The settings, with the problems of those that are wrong and have their default instead.
pub(super) fn build(values: &SettingValues) -> (Config, Vec<Problem>) {
    let mut reader = ConfigReader { values, problems: Vec::new() };
    let state_dir = PathBuf::from(reader.text("state.dir").unwrap_or_default());
    let mut config = Config {
        state_user: reader.given("state.user"),
        store: StoreUrl::Sqlite(state_dir.clone()),
        gateway: gateway(&mut reader, &state_dir),
        spool: SpoolConfig::default(),
        mail_log: MailLogConfig::default(),
        retention: retention::read(&mut reader),
        tenants: tenants(&mut reader),
        web: Vec::new(),
        web_url: reader.given("web.url"),
        api: api::read(&mut reader),
        work: work::read(&mut reader),
        secret_key_file: reader.given("state.secret_key_file").map(PathBuf::from),
        allow_networks: Vec::new(),
        metrics: Vec::new(),
        log_format: JournalFormat::Text,
        log_name: String::new(),
        state_dir,
    };
    let state_dir = config.state_dir.clone();
    reader.set(&mut config.store, "store.url", |text| StoreUrl::parse(text, &state_dir).map_err(|e| e.to_string()));
    reader.set(&mut config.log_format, "log.format", log::format);
    reader.set(&mut config.log_name, "log.name", log::name);
    config.spool = spool(&mut reader, &config.gateway.limits);
    config.gateway.guard.node = config.spool.node;
    config.mail_log = mail_log(&mut reader);
    config.web = web::listeners(&mut reader);
    config.allow_networks = reader.list("sources.allow_networks", allowed_network);
    if let Some(url) = config.web_url.as_deref().filter(|url| !is_web_url(url)) {
        reader.problem("web.url", format!("{url:?} is not a URL such as https://mx.example.test"));
    }
    config.metrics = reader.list("metrics.listen", socket_address);
    (config, reader.problems)
}

fn tenants(reader: &mut ConfigReader<'_>) -> CustomerLimits {
    let mut limits = CustomerLimits::default();
    reader.set(&mut limits.domains, "tenants.domains_max", units::count);
    reader.set(&mut limits.addresses, "tenants.addresses_max", units::count);
    limits
}

fn allowed_network(text: &str) -> Result<Network, String> {
    text.parse().map_err(|error: NetworkError| error.to_string())
}

fn is_web_url(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_ascii_graphic() && !"\"<>".contains(c)))
}

fn gateway(reader: &mut ConfigReader<'_>, state_dir: &std::path::Path) -> GatewayConfig {
    let file = |given: Option<String>, name: &str| given.map_or_else(|| state_dir.join(name), PathBuf::from);
    let (cert, key) = (reader.given("tls.cert"), reader.given("tls.key"));
    // Only files of our own are made: a certificate that somebody named must be there.
    let self_signed = cert.is_none() && key.is_none();
    if cert.is_some() != key.is_some() {
        reader.problem("tls.cert", "set both tls.cert and tls.key, or neither".to_owned());
    }
    let guard = guard(reader);
    let mut hostname = machine_name();
    let (mut postmaster, mut name_server) = (None, None);
    if reader.given("dns.server").is_some() {
        reader.set(&mut name_server, "dns.server", verdict::name_server);
    }
    let engine = verdict::engine(reader);
    let mut unchecked = UncheckedMail::default();
    reader.set(&mut unchecked, "verdict.unchecked", verdict::unchecked);
    if reader.given("smtp.hostname").is_some() {
        reader.set(&mut hostname, "smtp.hostname", host_name);
    }
    if reader.given("smtp.postmaster").is_some() {
        reader.set(&mut postmaster, "smtp.postmaster", |text| {
            text.parse::<Address>().map(Some).map_err(|error| error.to_string())
        });
    }
    GatewayConfig {
        hostname,
        listeners: listeners(reader),
        tls: TlsConfig { cert: file(cert, "tls/cert.pem"), key: file(key, "tls/key.pem"), self_signed },
        limits: limits(reader),
        guard,
        relay: relay(reader),
        verdict: engine,
        unchecked,
        name_server,
        postmaster,
    }
}

fn guard(reader: &mut ConfigReader<'_>) -> GuardConfig {
    let mut guard = GuardConfig::default();
    reader.set(&mut guard.enabled, "guard.enabled", units::switch);
    let providers = reader.list("guard.large_providers", |text| {
        // Each by itself, so that the one that is wrong is named.
        LargeProviders::of([text]).map(|_| text.to_owned()).map_err(|error| format!("{error}, or `shipped`"))
    });
    guard.large_providers = LargeProviders::of(providers.iter().map(String::as_str)).unwrap_or_default();
    guard
}

fn listeners(reader: &mut ConfigReader<'_>) -> Vec<ListenerConfig> {
    let mut bare_lf = BareLf::Normalize;
    reader.set(&mut bare_lf, "smtp.bare_lf", bare_lf_of);
    let proxy_from = reader.list("smtp.proxy_from", network);
    let listener = |implicit_tls: bool| {
        let plain = ListenerConfig {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            implicit_tls,
            proxy_from: proxy_from.clone(),
            bare_lf,
        };
        move |text: &str| listener(text, plain.clone())
    };
    let mut listeners = reader.list("smtp.listen", listener(false));
    listeners.extend(reader.list("smtp.listen_tls", listener(true)));
    if listeners.is_empty() && reader.problems.is_empty() {
        reader.problem(
            "smtp.listen",
            "name at least one address, such as 0.0.0.0:25: without one no mail is accepted".to_owned(),
        );
    }
    listeners
}

/// Parses `ADDRESS:PORT [tls] [bare_lf=...] [proxy_from=NETWORK]...`; `plain` has the defaults.
fn listener(text: &str, plain: ListenerConfig) -> Result<ListenerConfig, String> {
    let mut words = text.split_whitespace();
    let mut listener = ListenerConfig { address: socket_address(words.next().unwrap_or(""))?, ..plain };
    let mut own_peers = Vec::new();
    for word in words {
        match word.split_once('=') {
            None if word == "tls" => listener.implicit_tls = true,
            Some(("bare_lf", value)) => listener.bare_lf = bare_lf_of(value)?,
            Some(("proxy_from", value)) => own_peers.push(network(value)?),
            _ => {
                return Err(format!(
                    "unknown option `{word}`; use tls, bare_lf=normalize|reject or proxy_from=NETWORK"
                ));
            }
        }
    }
    if !own_peers.is_empty() {
        listener.proxy_from = own_peers;
    }
    Ok(listener)
}

fn limits(reader: &mut ConfigReader<'_>) -> Limits {
    let mut limits = Limits::default();
    reader.set(&mut limits.message_bytes_max, "smtp.message_max", units::size);
    reader.set(&mut limits.recipients_max, "smtp.recipients_max", units::count);
    reader.set(&mut limits.junk_commands_max, "smtp.junk_commands_max", units::count);
    reader.set(&mut limits.sessions_max, "smtp.sessions_max", units::count);
    reader.set(&mut limits.sessions_per_address_max, "smtp.sessions_per_address_max", units::count);
    reader.set(&mut limits.idle, "smtp.idle", units::duration);
    reader.set(&mut limits.idle_crowded, "smtp.idle_crowded", units::duration);
    reader.set(&mut limits.session_max, "smtp.session_max", units::duration);
    reader.set(&mut limits.data_bytes_per_sec_min, "smtp.data_rate_min", units::rate);
    reader.set(&mut limits.data_window, "smtp.data_rate_window", units::duration);
    reader.set(&mut limits.handshake, "smtp.handshake", units::duration);
    reader.set(&mut limits.drain, "smtp.drain", units::duration);
    limits
}

fn relay(reader: &mut ConfigReader<'_>) -> RelayConfig {
    let mut relay = RelayConfig::default();
    reader.set(&mut relay.outbound, "relay.outbound", outbound);
    relay.allow_networks = reader.list("relay.allow_networks", allowed_network);
    let per_destination = "relay.connections_per_destination_max";
    reader.set(&mut relay.connections_per_destination_max, per_destination, units::count);
    reader.set(&mut relay.connections_max, "relay.connections_max", units::count);
    reader.set(&mut relay.connect, "relay.connect", units::duration);
    reader.set(&mut relay.reply, "relay.reply", units::duration);
    reader.set(&mut relay.final_reply, "relay.final_reply", units::duration);
    reader.set(&mut relay.keep_open, "relay.keep_open", units::duration);
    reader.set(&mut relay.give_way, "relay.give_way", units::duration);
    reader.set(&mut relay.lifetime, "relay.lifetime", units::duration);
    reader.set(&mut relay.bounce_lifetime, "relay.bounce_lifetime", units::duration);
    reader.set(&mut relay.bounces_per_domain_hour_max, "relay.bounces_per_domain_hour_max", units::count);
    reader.set(&mut relay.bounces_per_hour_max, "relay.bounces_per_hour_max", units::count);
    relay
}

fn spool(reader: &mut ConfigReader<'_>, limits: &Limits) -> SpoolConfig {
    let mut spool = SpoolConfig { message_bytes_max: limits.message_bytes_max, ..SpoolConfig::default() };
    reader.set(&mut spool.node, "spool.node", node);
    reader.set(&mut spool.memory_max, "spool.memory_max", |text| {
        usize::try_from(units::size(text)?).map_err(|_| format!("`{text}` is too large"))
    });
    reader.set(&mut spool.disk_reserve, "spool.disk_reserve", units::size);
    spool
}

fn mail_log(reader: &mut ConfigReader<'_>) -> MailLogConfig {
    let mut mail_log = MailLogConfig::default();
    reader.set(&mut mail_log.days, "mail_log.days", units::count);
    reader.set(&mut mail_log.size_max, "mail_log.size_max", units::size);
    let refusals = "mail_log.refusals_per_domain_hour_max";
    reader.set(&mut mail_log.refusals_per_domain_hour_max, refusals, units::count);
    mail_log
}

/// Reads values one by one and collects errors.
pub(super) struct ConfigReader<'a> {
    values: &'a SettingValues,
    problems: Vec<Problem>,
}

impl ConfigReader<'_> {
    /// Writes the parsed value to `target`; a bad value is recorded as an error and leaves `target` unchanged.
    pub(super) fn set<T>(&mut self, target: &mut T, key: &'static str, parse: impl Fn(&str) -> Result<T, String>) {
        match self.text(key).map(|text| parse(&text)) {
            Some(Ok(value)) => *target = value,
            Some(Err(why)) => self.problem(key, why),
            None => {}
        }
    }

    pub(super) fn list<T>(&mut self, key: &'static str, parse: impl Fn(&str) -> Result<T, String>) -> Vec<T> {
        let items = match self.values.get(key).map(|value| &value.raw) {
            Some(Raw::List(items)) => items.clone(),
            Some(Raw::One(item)) => vec![item.clone()],
            None => Vec::new(),
        };
        let mut parsed = Vec::with_capacity(items.len());
        for item in items {
            match parse(&item) {
                Ok(value) => parsed.push(value),
                Err(why) => self.problem(key, why),
            }
        }
        parsed
    }

    /// The text of a single value.
    fn text(&mut self, key: &'static str) -> Option<String> {
        match &self.values.get(key)?.raw {
            Raw::One(text) => Some(text.clone()),
            Raw::List(_) => {
                self.problem(key, "expected one value, not a list".to_owned());
                None
            }
        }
    }

    /// The text of a single value; `None` if it is empty.
    pub(super) fn given(&mut self, key: &'static str) -> Option<String> {
        self.text(key).filter(|text| !text.is_empty())
    }

    fn problem(&mut self, key: &'static str, why: String) {
        let why = format!("{key}: {why}");
        self.problems.push(match self.values.get(key) {
            Some(value) => Problem::new(value.origin.clone(), why),
            None => Problem { origin: None, why },
        });
    }
}

fn node(text: &str) -> Result<u16, String> {
    let node = text.parse().ok().filter(|node| *node < QueueId::NODES);
    node.ok_or_else(|| format!("`{text}` is not a number below {}", QueueId::NODES))
}

fn bare_lf_of(text: &str) -> Result<BareLf, String> {
    match text {
        "normalize" => Ok(BareLf::Normalize),
        "reject" => Ok(BareLf::Reject),
        _ => Err(format!("`{text}` is neither normalize nor reject")),
    }
}
