//! Looks up mail exchangers and addresses. A small trait, so that tests pass their own; the implementation uses the
//! system's resolver settings and hosts file.

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::RData;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;

/// A pending answer of the resolver.
pub type PendingLookup<'a, T> = Pin<Box<dyn Future<Output = Result<T, LookupError>> + Send + 'a>>;

/// One MX record (RFC 5321 §5.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailExchanger {
    /// The lowest value is tried first.
    pub preference: u16,
    /// The host, without a trailing dot; empty for the root, which means "no mail" (RFC 7505).
    pub host: String,
}

/// Why a name has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// The name does not exist (NXDOMAIN).
    #[error("name not found")]
    NoName,
    /// The name exists, but has no record of this type.
    #[error("no such record")]
    NoRecord,
    /// No answer now: timeout, SERVFAIL, refused.
    #[error("{0}")]
    Temporary(String),
}

/// Looks names up in the DNS.
pub trait Resolver: Send + Sync + 'static {
    /// The MX records of a domain, in no order.
    fn mail_exchangers<'a>(&'a self, domain: &'a str) -> PendingLookup<'a, Vec<MailExchanger>>;
    /// The addresses of a host, of both families.
    fn addresses<'a>(&'a self, host: &'a str) -> PendingLookup<'a, Vec<IpAddr>>;
}

/// The resolver with the system's settings.
pub struct SystemResolver(TokioResolver);

impl SystemResolver {
    /// Asks this name server; `None`: those of the system.
    pub fn of(name_server: Option<SocketAddr>) -> Result<Self, NetError> {
        let Some(address) = name_server else { return Self::from_system() };
        let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
            connection.port = address.port();
            connection
        });
        let server = NameServerConfig::new(address.ip(), true, connections.to_vec());
        let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
        let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        builder.options_mut().ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        Ok(Self(builder.build()?))
    }

    /// The resolver itself, for what asks for other types of records.
    pub(crate) fn dns(&self) -> &TokioResolver {
        &self.0
    }

    /// Reads resolv.conf and hosts. Without a readable resolv.conf, the name server of this machine is used
    /// (resolv.conf(5)).
    pub fn from_system() -> Result<Self, NetError> {
        let local = || {
            let server = NameServerConfig::udp_and_tcp(IpAddr::V4(Ipv4Addr::LOCALHOST));
            let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        };
        let mut builder = TokioResolver::builder_tokio().unwrap_or_else(|_| local());
        builder.options_mut().ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        Ok(Self(builder.build()?))
    }

    /// The TXT records of a name (RFC 1035 §3.3.14), with the parts of each joined.
    ///
    /// # Errors
    ///
    /// [`LookupError`] if there is no answer or no such record.
    pub async fn texts(&self, name: &str) -> Result<Vec<String>, LookupError> {
        let lookup = self.0.txt_lookup(absolute(name)).await.map_err(classify)?;
        let texts = lookup.answers().iter().filter_map(|record| match &record.data {
            RData::TXT(txt) => {
                let bytes: Vec<u8> = txt.txt_data.iter().flat_map(|part| part.iter().copied()).collect();
                Some(String::from_utf8_lossy(&bytes).into_owned())
            }
            _ => None,
        });
        Ok(texts.collect())
    }
}

impl Resolver for SystemResolver {
    fn mail_exchangers<'a>(&'a self, domain: &'a str) -> PendingLookup<'a, Vec<MailExchanger>> {
        Box::pin(async move {
            let lookup = self.0.mx_lookup(absolute(domain)).await.map_err(classify)?;
            let exchangers = lookup.answers().iter().filter_map(|record| match &record.data {
                RData::MX(mx) => Some(MailExchanger {
                    preference: mx.preference,
                    host: mx.exchange.to_ascii().trim_end_matches('.').to_owned(),
                }),
                _ => None,
            });
            Ok(exchangers.collect())
        })
    }

    fn addresses<'a>(&'a self, host: &'a str) -> PendingLookup<'a, Vec<IpAddr>> {
        Box::pin(async move {
            // A name without a dot may be one of the local network: it goes through the search list.
            let name = if host.contains('.') { absolute(host) } else { host.to_owned() };
            let lookup = self.0.lookup_ip(name).await.map_err(classify)?;
            Ok(lookup.iter().collect())
        })
    }
}

/// Appends the root dot, so that no search list is used.
fn absolute(name: &str) -> String {
    format!("{}.", name.trim_end_matches('.'))
}

fn classify(error: NetError) -> LookupError {
    match &error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => match none.response_code {
            ResponseCode::NXDomain => LookupError::NoName,
            ResponseCode::NoError => LookupError::NoRecord,
            other => LookupError::Temporary(format!("the name server answered {other}")),
        },
        _ => LookupError::Temporary(error.to_string()),
    }
}
