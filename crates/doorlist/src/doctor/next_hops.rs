//! Checks mail servers, each once however many domains send their mail to it: whether the relay would connect, and
//! whether what answers takes mail.

use super::Finding;
use doorlist_core::address::DomainName;
use doorlist_core::change::MailServer;
use doorlist_core::network::{self, Network};
use doorlist_gateway::relay::access;
use doorlist_gateway::relay::resolver::Resolver;
use doorlist_gateway::relay::server_check::ServerCheck;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Maximum time to wait for a name server or a mail server.
pub(super) const ANSWER_MAX: Duration = Duration::from_secs(3);
/// Maximum time to wait for each answer of a mail server within [`ANSWER_MAX`].
const STEP_MAX: Duration = Duration::from_secs(2);
/// What to do about a server that speaks another protocol, or wants something else first.
const WRONG_KIND: &str = "correct the port or the TLS setting of the server here, or let it take mail from this gateway; \
                          its mail stays in the queue or bounces";
/// Domains of a server that are named; the others are counted.
const NAMED_MAX: usize = 3;

/// A mail server, and the domains whose mail goes to it.
#[derive(Debug)]
pub(super) struct NextHop {
    server: MailServer,
    domains: Vec<DomainName>,
}

impl NextHop {
    /// A server of one domain.
    pub(super) fn of(domain: &DomainName, server: &MailServer) -> Self {
        Self { server: server.clone(), domains: vec![domain.clone()] }
    }

    /// How findings call it: `mail.example.test:25 (example.test, example.org)`.
    fn name(&self) -> String {
        let named: Vec<_> = self.domains.iter().take(NAMED_MAX).map(ToString::to_string).collect();
        let more = match self.domains.len().saturating_sub(NAMED_MAX) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!("{} ({}{more})", self.server.host_and_port(), named.join(", "))
    }
}

/// The servers of domains, each once: neither its preference nor XFORWARD changes what is checked.
pub(super) fn grouped<'a>(servers_of: impl IntoIterator<Item = (&'a DomainName, &'a [MailServer])>) -> Vec<NextHop> {
    let mut hops: Vec<NextHop> = Vec::new();
    for (domain, servers) in servers_of {
        for server in servers {
            match hops.iter_mut().find(|hop| is_same(&hop.server, server)) {
                Some(hop) if hop.domains.last() == Some(domain) => {}
                Some(hop) => hop.domains.push(domain.clone()),
                None => hops.push(NextHop::of(domain, server)),
            }
        }
    }
    hops
}

fn is_same(a: &MailServer, b: &MailServer) -> bool {
    a.host.eq_ignore_ascii_case(&b.host) && a.port == b.port && a.tls == b.tls && a.named_by == b.named_by
}

/// Checks servers as the relay connects to them.
#[derive(Clone)]
pub(super) struct NextHopCheck {
    resolver: Arc<dyn Resolver>,
    check: Arc<ServerCheck>,
    allowed: Arc<[Network]>,
}

impl NextHopCheck {
    /// `hostname` is said in EHLO; servers that tenants named must be in `allowed`, or be public.
    pub(super) fn new(hostname: &str, resolver: &Arc<dyn Resolver>, allowed: &[Network]) -> Result<Self, Finding> {
        match ServerCheck::new(hostname, Arc::clone(resolver), STEP_MAX) {
            Ok(check) => Ok(Self { resolver: Arc::clone(resolver), check: Arc::new(check), allowed: allowed.into() }),
            Err(error) => Err(Finding::fail("tls", format!("cannot set up TLS: {error}"), "install the package again")),
        }
    }

    /// Checks a mail server as far as it takes mail without any, and only where the relay would connect.
    pub(super) async fn check(&self, hop: &NextHop) -> Finding {
        let (name, server) = (hop.name(), &hop.server);
        let addresses = match self.addresses(server).await {
            Ok(addresses) => addresses,
            Err(why) => {
                let todo = "correct its DNS name; until then its mail stays in the queue";
                return Finding::fail("next hop", format!("{name}: {why}"), todo);
            }
        };
        let addresses = access::permitted(server.named_by, addresses, &self.allowed).await;
        if addresses.is_empty() {
            let text = format!("{name} is on a network that is not allowed: its mail stays in the queue");
            return Finding::fail("next hop", text, access::advice(server.named_by));
        }
        let public = addresses.iter().all(|address| network::is_public(*address));
        let name = if public { name } else { format!("{name}, not a public address,") };
        let mut last = "it has no address".to_owned();
        for address in addresses {
            // Closed at once: a server that takes one connection at a time is asked on another one.
            let connected = timeout(ANSWER_MAX, TcpStream::connect(SocketAddr::new(address, server.port))).await;
            match connected.map(|connected| connected.map(drop)) {
                Ok(Ok(())) => return self.takes_mail(&name, hop, address).await,
                Ok(Err(error)) => last = format!("{address}: {error}"),
                Err(_) => last = format!("{address}: no answer"),
            }
        }
        let todo = "check that the server is running and its firewall allows this gateway; its mail stays in the queue";
        Finding::fail("next hop", format!("{name}: {last}"), todo)
    }

    async fn addresses(&self, server: &MailServer) -> Result<Vec<IpAddr>, String> {
        if let Ok(address) = server.host.parse::<IpAddr>() {
            return Ok(vec![address]);
        }
        match timeout(ANSWER_MAX, self.resolver.addresses(&server.host)).await {
            Ok(answer) => answer.map_err(|error| error.to_string()),
            Err(_) => Err("no answer from the name servers".to_owned()),
        }
    }

    /// Checks what a server that can be reached says before mail.
    async fn takes_mail(&self, name: &str, hop: &NextHop, address: IpAddr) -> Finding {
        let text = format!("{name} is reachable at {address}");
        let Some(domain) = hop.domains.first() else { return Finding::ok("next hop", text) };
        let asked = self.check.check(&hop.server, SocketAddr::new(address, hop.server.port), domain);
        match timeout(ANSWER_MAX, asked).await {
            Ok(Ok(())) => Finding::ok("next hop", text),
            Ok(Err(why)) => Finding::warn("next hop", format!("{text}, but: {why}"), WRONG_KIND),
            Err(_) => {
                let todo = "check what keeps it busy; its mail may be slow";
                Finding::warn("next hop", format!("{text}, but says little within {} s", ANSWER_MAX.as_secs()), todo)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorlist_core::change::{NamedBy, ServerTls};

    fn server(host: &str, preference: u16, tls: ServerTls) -> MailServer {
        let (xforward, named_by) = (preference > 10, NamedBy::Machine);
        MailServer { host: host.to_owned(), port: 25, preference, tls, xforward, named_by }
    }

    #[test]
    fn a_server_of_many_domains_is_checked_once() {
        let names: Vec<DomainName> =
            ["a.test", "b.test", "c.test", "d.test"].map(|name| name.parse().expect("a name")).to_vec();
        let shared =
            [server("mail.test", 10, ServerTls::Opportunistic), server("Mail.test", 20, ServerTls::Opportunistic)];
        let verified = [server("mail.test", 10, ServerTls::Verify)];
        let of = |name, servers| (name, servers);
        let hops = grouped([
            of(&names[0], &shared[..]),
            of(&names[1], &shared[..]),
            of(&names[2], &verified[..]),
            of(&names[3], &[][..]),
        ]);
        let told: Vec<_> = hops.iter().map(NextHop::name).collect();
        assert_eq!(told, ["mail.test:25 (a.test, b.test)", "mail.test:25 (c.test)"]);
        let all = grouped(names.iter().map(|name| of(name, &verified[..])));
        assert_eq!(all[0].name(), "mail.test:25 (a.test, b.test, c.test and 1 more)");
    }
}
