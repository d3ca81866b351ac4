//! Routes mail: to a domain's own servers by preference, and all other mail to the MX of its domain or to a smart host
//! (RFC 5321 §5.1).

use super::resolver::{LookupError, MailExchanger, Resolver};
use crate::config::Outbound;
use doorlist_core::address::DomainName;
use doorlist_core::change::{MailServer, NamedBy, ServerTls};
use doorlist_smtp::reply::EnhancedCode;
use std::net::IpAddr;
use std::sync::Arc;

/// Maximum addresses of a server that are tried.
pub(crate) const ADDRESSES_MAX: usize = 8;
/// Maximum servers of a destination that are tried.
const SERVERS_MAX: usize = 16;
/// The port of mail between servers.
const SMTP_PORT: u16 = 25;

/// The identity of a destination: the same servers with the same settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum DestinationKey {
    /// The servers of protected domains, or those that are left of a destination; who has equal ones shares it.
    Servers(Arc<[MailServer]>),
    /// Mail to other domains: the MX of this domain.
    Exchangers(DomainName),
    /// Mail to other domains: a smart host.
    SmartHost(String, u16),
    /// Mail of domains without a route; nothing is sent.
    #[default]
    Nowhere,
}

/// Why there is no server to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NoRoute {
    /// Status for the log, a bounce and the queue.
    pub(crate) status: EnhancedCode,
    pub(crate) why: String,
    /// Output of the server that is not an SMTP reply, only for the operator's log: it may come from any service.
    pub(crate) said: Option<String>,
}

impl NoRoute {
    pub(crate) fn new(class: u8, subject: u16, detail: u16, why: String) -> Self {
        Self { status: EnhancedCode::new(class, subject, detail), why, said: None }
    }
}

impl DestinationKey {
    /// The destination of mail to a domain that is not protected.
    pub(crate) fn outbound(way: &Outbound, domain: DomainName) -> Self {
        match way {
            Outbound::Direct => DestinationKey::Exchangers(domain),
            Outbound::SmartHost { host, port } => DestinationKey::SmartHost(host.clone(), *port),
        }
    }

    /// The servers that are left of a destination when those before them have failed.
    pub(crate) fn of_rest(servers: &[MailServer]) -> Option<Self> {
        (!servers.is_empty()).then(|| DestinationKey::Servers(servers.into()))
    }

    /// For a log line.
    pub(crate) fn name(&self) -> &str {
        match self {
            DestinationKey::Servers(servers) => servers.first().map_or("no server", |server| &server.host),
            DestinationKey::Exchangers(domain) => domain.as_str(),
            DestinationKey::SmartHost(host, _) => host,
            DestinationKey::Nowhere => "nowhere",
        }
    }
}

/// The servers to try: lower preference first, equal ones rotated by `turn`.
pub(crate) async fn servers(
    key: &DestinationKey,
    resolver: &dyn Resolver,
    turn: usize,
) -> Result<Vec<MailServer>, NoRoute> {
    let one = |preference, host: &str, port, named_by| {
        let tls = ServerTls::Opportunistic;
        MailServer { host: host.to_owned(), port, preference, tls, xforward: false, named_by }
    };
    match key {
        DestinationKey::Servers(servers) => {
            Ok(in_order(servers.iter().map(|server| (server.preference, server.clone())).collect(), turn))
        }
        DestinationKey::SmartHost(host, port) => Ok(vec![one(0, host, *port, NamedBy::Machine)]),
        DestinationKey::Exchangers(domain) => {
            let hosts = exchangers(domain, resolver, turn).await?;
            // Whoever sends mail names them by the domain of their address, and has no more say than a tenant.
            Ok(hosts.iter().map(|mx| one(mx.preference, &mx.host, SMTP_PORT, NamedBy::Tenant)).collect())
        }
        DestinationKey::Nowhere => Err(NoRoute::new(4, 4, 4, "no mail server is known for this domain".to_owned())),
    }
}

/// The MX records (RFC 5321 §5.1); without any, the domain itself (implicit MX). A null MX accepts no mail (RFC 7505).
async fn exchangers(domain: &DomainName, resolver: &dyn Resolver, turn: usize) -> Result<Vec<MailExchanger>, NoRoute> {
    let implicit = || vec![MailExchanger { preference: 0, host: domain.to_string() }];
    match resolver.mail_exchangers(domain.as_str()).await {
        Ok(records) if records.is_empty() => Ok(implicit()),
        Ok(records) if records.iter().all(|mx| mx.host.is_empty()) => {
            Err(NoRoute::new(5, 1, 10, format!("the domain {domain} does not accept mail (null MX)")))
        }
        Ok(records) => {
            let hosts = records.into_iter().filter(|mx| !mx.host.is_empty()).map(|mx| (mx.preference, mx));
            Ok(in_order(hosts.collect(), turn))
        }
        Err(LookupError::NoRecord) => Ok(implicit()),
        Err(LookupError::NoName) => {
            Err(NoRoute::new(5, 1, 2, format!("Host or domain name not found. The domain {domain} does not exist")))
        }
        Err(LookupError::Temporary(why)) => {
            Err(NoRoute::new(4, 4, 3, format!("Host or domain name not found. MX lookup of {domain} failed: {why}")))
        }
    }
}

/// Sorts by preference and rotates equal ones by `turn`, so that they share the load.
fn in_order<T>(mut servers: Vec<(u16, T)>, turn: usize) -> Vec<T> {
    servers.sort_by_key(|(preference, _)| *preference);
    for equals in servers.chunk_by_mut(|a, b| a.0 == b.0) {
        let shift = turn % equals.len();
        equals.rotate_left(shift);
    }
    servers.into_iter().map(|(_, server)| server).take(SERVERS_MAX).collect()
}

/// The addresses of a server, at most [`ADDRESSES_MAX`], alternating between families so that a dead one is skipped
/// quickly.
pub(crate) async fn addresses(host: &str, resolver: &dyn Resolver) -> Result<Vec<IpAddr>, NoRoute> {
    if let Ok(address) = host.parse() {
        return Ok(vec![address]);
    }
    // A name that is missing may be a mistake of an admin or of a name server that is mended tomorrow: never for good.
    let found = resolver.addresses(host).await.map_err(|error| {
        NoRoute::new(4, 4, 3, format!("Host or domain name not found. Address lookup of {host} failed: {error}"))
    })?;
    let (v6, v4): (Vec<IpAddr>, Vec<IpAddr>) = found.into_iter().partition(IpAddr::is_ipv6);
    let longest = v6.len().max(v4.len());
    let in_turn = (0..longest).flat_map(|n| [v6.get(n), v4.get(n)]).flatten().copied();
    let addresses: Vec<IpAddr> = in_turn.take(ADDRESSES_MAX).collect();
    match addresses.is_empty() {
        true => Err(NoRoute::new(4, 4, 3, format!("Host or domain name not found. {host} has no address"))),
        false => Ok(addresses),
    }
}

#[cfg(test)]
mod tests;
