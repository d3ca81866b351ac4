//! The settings of the gateway, validated and with defaults.

use doorlist_core::address::Address;
use doorlist_core::harvest::LargeProviders;
use doorlist_core::network::Network;
use doorlist_core::verdict::UncheckedMail;
use doorlist_smtp::server::BareLf;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Settings of the gateway.
#[derive(Clone, Debug)]
pub struct GatewayConfig {
    /// Host name in the greeting, in HELO and in trace fields.
    pub hostname: String,
    pub listeners: Vec<ListenerConfig>,
    /// Certificate and key, PEM; created self-signed at the first start if missing.
    pub tls: TlsConfig,
    pub limits: Limits,
    /// Settings of harvest detection.
    pub guard: GuardConfig,
    pub relay: RelayConfig,
    pub verdict: VerdictEngine,
    /// What becomes of mail that the scanner could not check.
    pub unchecked: UncheckedMail,
    /// The name server for all look-ups; `None`: the system's.
    pub name_server: Option<SocketAddr>,
    /// The operator's mailbox: for bare `<postmaster>`, and for mail that a domain's server rejects for its own
    /// postmaster.
    pub postmaster: Option<Address>,
}

/// One listening socket, with its TLS and proxy settings.
#[derive(Clone, Debug)]
pub struct ListenerConfig {
    /// Address and port; port 0 selects a free one.
    pub address: SocketAddr,
    /// TLS from the first byte instead of STARTTLS.
    pub implicit_tls: bool,
    /// Peers that send the PROXY protocol. A listed peer must send it, other peers must not.
    pub proxy_from: Vec<Network>,
    /// Handling of a bare LF at the end of a line in a message.
    pub bare_lf: BareLf,
}

/// Paths of certificate and key.
#[derive(Clone, Debug)]
pub struct TlsConfig {
    /// Path of the certificate chain, PEM.
    pub cert: PathBuf,
    /// Path of the private key, PEM.
    pub key: PathBuf,
    /// Whether to create a self-signed pair if both are missing.
    pub self_signed: bool,
}

/// Limits of incoming mail; exceeding one leads to a reply.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Maximum octets of a message.
    pub message_bytes_max: u64,
    /// Maximum accepted recipients of a transaction.
    pub recipients_max: usize,
    /// Maximum unproductive commands (NOOP, RSET, errors) in a row without a message; then 421.
    pub junk_commands_max: u32,
    /// Maximum number of sessions at once.
    pub sessions_max: usize,
    /// Maximum sessions at once from one address (IPv6: /64).
    pub sessions_per_address_max: usize,
    /// Time without progress after which a session is closed; see `SessionStage`.
    pub idle: Duration,
    /// The same while more than four fifths of [`Limits::sessions_max`] are open.
    pub idle_crowded: Duration,
    pub session_max: Duration,
    /// Minimum rate of DATA, averaged over [`Limits::data_window`].
    pub data_bytes_per_sec_min: u64,
    /// Time over which the rate of DATA is averaged.
    pub data_window: Duration,
    /// Maximum time for PROXY header and TLS handshake.
    pub handshake: Duration,
    /// Maximum time for open transactions to finish after SIGTERM; then 421.
    pub drain: Duration,
}

/// Settings of harvest detection; see `doorlist_core::harvest`.
#[derive(Clone, Debug)]
pub struct GuardConfig {
    /// `false` only for benchmarks, and behind another such protection.
    pub enabled: bool,
    /// Networks that are never flagged, only slowed.
    pub large_providers: LargeProviders,
    /// The number of this node among those that share a store.
    pub node: u16,
}

/// Who looks at messages before they are accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum VerdictEngine {
    /// SPF, DKIM and DMARC, and the test messages of filters.
    #[default]
    Builtin,
    /// Rspamd, with SPF, DKIM and DMARC evaluated beside it.
    Rspamd(RspamdAddress),
    /// Nobody: every message is *unchecked*, and nobody gets a bounce.
    Nobody,
}

/// Where Rspamd answers HTTP: its normal worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RspamdAddress {
    pub host: String,
    pub port: u16,
}

impl fmt::Display for RspamdAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// Settings of the relay.
#[derive(Clone, Debug)]
pub struct RelayConfig {
    /// Route of mail to other domains: bounces, notices, the operator's mailbox.
    pub outbound: Outbound,
    /// Networks in which mail servers are allowed, no matter who named them (`doorlist_core::mail_server_access`).
    pub allow_networks: Vec<Network>,
    pub connections_per_destination_max: usize,
    /// Maximum connections to all destinations.
    pub connections_max: usize,
    /// Maximum time to connect.
    pub connect: Duration,
    /// Maximum time to wait for a reply (RFC 5321 §4.5.3.2: 5 minutes).
    pub reply: Duration,
    /// Maximum time to wait for the reply after the final dot (RFC 5321 §4.5.3.2.6: 10 minutes).
    pub final_reply: Duration,
    /// How long an idle connection is kept open, unless other mail needs a connection.
    pub keep_open: Duration,
    /// Time without an answer after which a connection is closed if other mail needs one, but never after the final
    /// dot.
    pub give_way: Duration,
    /// How long delivery to a protected domain is tried.
    pub lifetime: Duration,
    /// How long delivery of a bounce is tried.
    pub bounce_lifetime: Duration,
    /// Maximum bounces to one sender domain per hour.
    pub bounces_per_domain_hour_max: u32,
    pub bounces_per_hour_max: u32,
}

/// The route of mail to domains that are not protected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outbound {
    /// By MX, implicit MX and null MX of the recipient's domain.
    Direct,
    /// Relay everything through one host.
    SmartHost { host: String, port: u16 },
}

impl Default for GuardConfig {
    fn default() -> Self {
        Self { enabled: true, large_providers: LargeProviders::default(), node: 0 }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes_max: 50 * 1024 * 1024,
            recipients_max: 100,
            junk_commands_max: 100,
            sessions_max: 1000,
            sessions_per_address_max: 50,
            idle: Duration::from_secs(300),
            idle_crowded: Duration::from_secs(30),
            session_max: Duration::from_hours(2),
            data_bytes_per_sec_min: 100,
            data_window: Duration::from_secs(60),
            handshake: Duration::from_secs(10),
            drain: Duration::from_secs(30),
        }
    }
}

impl Default for RelayConfig {
    fn default() -> Self {
        Self {
            outbound: Outbound::Direct,
            allow_networks: Vec::new(),
            connections_per_destination_max: 20,
            connections_max: 500,
            connect: Duration::from_secs(30),
            reply: Duration::from_secs(300),
            final_reply: Duration::from_secs(600),
            keep_open: Duration::from_secs(5),
            give_way: Duration::from_secs(10),
            lifetime: Duration::from_hours(15 * 24),
            bounce_lifetime: Duration::from_hours(48),
            bounces_per_domain_hour_max: 10,
            bounces_per_hour_max: 100,
        }
    }
}
