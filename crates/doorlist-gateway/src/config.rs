//! The settings of the gateway, validated and with defaults.

use doorlist_core::address::Address;
use doorlist_core::network::Network;
use doorlist_smtp::server::BareLf;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// Settings of the gateway.
#[derive(Clone, Debug)]
pub struct GatewayConfig {
    /// Our name in the greeting, in HELO and in trace headers.
    pub hostname: String,
    pub listeners: Vec<ListenerConfig>,
    /// Certificate and key, PEM; made self-signed at the first start when absent.
    pub tls: TlsConfig,
    /// How much we take.
    pub limits: Limits,
    /// The guard against guessing.
    pub guard: GuardConfig,
    /// How queued mail goes out.
    pub relay: RelayConfig,
    /// The operator's mailbox: bare `<postmaster>`, and what a domain's server refuses for its own postmaster.
    pub postmaster: Option<Address>,
}

/// One listening socket, with its TLS and proxy settings.
#[derive(Clone, Debug)]
pub struct ListenerConfig {
    /// Address and port; port 0 takes a free one.
    pub address: SocketAddr,
    /// TLS from the first byte instead of STARTTLS.
    pub implicit_tls: bool,
    /// Peers that speak the PROXY protocol here. Empty: nobody does. A listed peer must, another may not.
    pub proxy_from: Vec<IpNetwork>,
    /// What a lone LF at a line's end inside a message means.
    pub bare_lf: BareLf,
}

/// Where certificate and key are.
#[derive(Clone, Debug)]
pub struct TlsConfig {
    /// Path of the certificate chain, PEM.
    pub cert: PathBuf,
    /// Path of the private key, PEM.
    pub key: PathBuf,
    /// Make a self-signed pair there when both are absent.
    pub self_signed: bool,
}

/// How much the gateway takes; behaviour in each case is an answer, never a crash.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Octets of a message.
    pub message_bytes_max: u64,
    /// Accepted recipients of one transaction.
    pub recipients_max: usize,
    /// Commands that lead nowhere (NOOP, RSET, errors) in a row without a message between them; then 421.
    pub junk_commands_max: u32,
    /// Maximum number of sessions at once.
    pub sessions_max: usize,
    /// Sessions at once from one address (IPv6: /64).
    pub sessions_per_address_max: usize,
    /// A session that makes no progress for so long is closed: see `Stage`.
    pub idle: Duration,
    /// The same while more than four fifths of [`Limits::sessions_max`] are open.
    pub idle_crowded: Duration,
    /// A session ends after this time whatever it does.
    pub session_max: Duration,
    /// DATA slower than this, averaged over [`Limits::data_window`], is closed.
    pub data_bytes_per_sec_min: u64,
    /// Over which time the rate of DATA is averaged.
    pub data_window: Duration,
    /// TLS handshake and PROXY header must be done by then.
    pub handshake: Duration,
    /// Open transactions that are finished after SIGTERM; then 421.
    pub drain: Duration,
}

/// The guard against guessing: see `doorlist_core::harvest`.
#[derive(Clone, Debug)]
pub struct GuardConfig {
    /// Off only for benchmarks and behind another guard.
    pub enabled: bool,
}

/// How queued mail goes out.
#[derive(Clone, Debug)]
pub struct RelayConfig {
    /// Mail that is not for a protected domain: bounces, notices, the operator's mailbox.
    pub outbound: Outbound,
    /// Mail servers may be in these networks, whoever named them (`doorlist_core::mail_server_access`).
    pub allow_networks: Vec<Network>,
    /// Connections to one destination at most.
    pub connections_per_destination_max: usize,
    /// Connections in all at most.
    pub connections_max: usize,
    /// Connecting may take so long.
    pub connect: Duration,
    /// A reply may take so long (RFC 5321 §4.5.3.2: 5 minutes).
    pub reply: Duration,
    /// The reply after the final dot may take so long (RFC 5321 §4.5.3.2.6: 10 minutes).
    pub final_reply: Duration,
    /// An idle connection is kept open so long for the next message, unless other mail waits for a connection.
    pub keep_open: Duration,
    /// A connection on which nothing has come for so long ends when other mail waits for one, but never behind the final
    /// dot.
    pub give_way: Duration,
    /// How long a message for a protected domain is kept trying.
    pub lifetime: Duration,
    /// How long a bounce is kept trying.
    pub bounce_lifetime: Duration,
    /// Bounces to one sender domain per hour.
    pub bounces_per_domain_hour_max: u32,
    /// Bounces in all per hour.
    pub bounces_per_hour_max: u32,
}

/// The way out for mail that is not for a protected domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outbound {
    /// By MX, implicit MX and null MX of the recipient's domain.
    Direct,
    /// Relay everything through one host.
    SmartHost { host: String, port: u16 },
}

/// A network in CIDR notation, for lists of peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpNetwork {
    /// Its address; bits behind the prefix are ignored.
    pub address: IpAddr,
    /// Leading bits that count.
    pub prefix: u8,
}

impl IpNetwork {
    /// Reads `192.0.2.0/24`, `2001:db8::/32`, or a single address.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address.parse::<IpAddr>().ok()?, Some(prefix.parse::<u8>().ok()?)),
            None => (text.parse::<IpAddr>().ok()?, None),
        };
        let max = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.unwrap_or(max);
        (prefix <= max).then_some(Self { address, prefix })
    }

    /// Whether `peer` is in it.
    pub fn contains(&self, peer: IpAddr) -> bool {
        match (self.address, peer) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix)).unwrap_or(0);
                (u32::from(a) ^ u32::from(b)) & mask == 0
            }
            (IpAddr::V6(a), IpAddr::V6(b)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix)).unwrap_or(0);
                (u128::from(a) ^ u128::from(b)) & mask == 0
            }
            _ => false,
        }
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
