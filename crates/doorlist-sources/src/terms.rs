//! The limits of a read, set by the operator: allowed networks, duration and size. The network is a parameter.

use doorlist_core::network::Network;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// The operator's limits for every read.
#[derive(Clone)]
pub struct ReadTerms {
    /// Networks, or single addresses, in which every address and port is allowed, also of this machine. Elsewhere only
    /// directory ports of public addresses are.
    pub allowed: Vec<Network>,
    pub names: Arc<dyn NameResolver>,
    pub times: ReadTimeouts,
    pub sizes: Sizes,
}

impl Default for ReadTerms {
    fn default() -> Self {
        Self {
            allowed: Vec::new(),
            names: Arc::new(SystemNames),
            times: ReadTimeouts::default(),
            sizes: Sizes::default(),
        }
    }
}

/// Time limits of the stages of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadTimeouts {
    /// To resolve a name, and to connect to one address.
    pub connect: Duration,
    /// For the TLS handshake.
    pub handshake: Duration,
    /// Until the next complete message.
    pub answer: Duration,
    /// For the whole read.
    pub whole: Duration,
}

impl Default for ReadTimeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            handshake: Duration::from_secs(10),
            answer: Duration::from_secs(60),
            whole: Duration::from_secs(300),
        }
    }
}

/// Size limits of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Bytes of a message, which is one entry.
    pub message_max: usize,
    /// Bytes of one page.
    pub page_max: u64,
    /// Number of entries; the lower of this and the connection's limit applies.
    pub entries_max: u64,
    /// Values of one attribute of one entry.
    pub values_max: usize,
    /// Bytes of a cookie for the next page.
    pub cookie_max: usize,
}

impl Default for Sizes {
    fn default() -> Self {
        Self {
            message_max: 1 << 20,
            page_max: 64 << 20,
            entries_max: 10_000_000,
            values_max: 20_000,
            cookie_max: 16 << 10,
        }
    }
}

/// A pending list of addresses.
pub type Addresses<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>>;

/// Turns the names of servers into addresses.
pub trait NameResolver: Send + Sync + 'static {
    /// The addresses of a host, of both families.
    fn addresses<'a>(&'a self, host: &'a str) -> Addresses<'a>;
}

/// Uses the hosts file and name servers of this machine.
#[derive(Clone, Copy, Debug)]
pub struct SystemNames;

impl NameResolver for SystemNames {
    fn addresses<'a>(&'a self, host: &'a str) -> Addresses<'a> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((host, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}
