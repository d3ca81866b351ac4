//! Checks mail servers, each once however many domains send their mail to it: whether the relay would connect, and
//! whether what answers takes mail.

use super::{Finding, Level};
use doorlist_core::address::DomainName;
use doorlist_core::change::MailServer;
use doorlist_core::network::{self, Network};
use doorlist_gateway::config::GatewayConfig;
use doorlist_gateway::relay::access;
use doorlist_gateway::relay::resolver::Resolver;
use doorlist_gateway::relay::server_check::{ServerCheck, ServerTrouble};
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
                          until then it gets no mail";
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
    /// Where this gateway listens.
    own: Arc<[SocketAddr]>,
}

/// A server that answers, where it does, and its name with that.
struct ServerReach {
    address: IpAddr,
    text: String,
}

/// Why no conversation with a server begins.
enum Unreached {
    /// It is this gateway.
    Loop(Finding),
    NoAnswer(Finding),
}

impl NextHopCheck {
    /// Servers that tenants named must be public, or on a network that the configuration allows.
    pub(super) fn new(config: &GatewayConfig, resolver: &Arc<dyn Resolver>) -> Result<Self, Finding> {
        let check = match ServerCheck::new(&config.hostname, Arc::clone(resolver), STEP_MAX) {
            Ok(check) => Arc::new(check),
            Err(error) => {
                return Err(Finding::fail("tls", format!("cannot set up TLS: {error}"), "install the package again"));
            }
        };
        let own = config.listeners.iter().map(|listener| listener.address).collect();
        Ok(Self { resolver: Arc::clone(resolver), check, allowed: config.relay.allow_networks.as_slice().into(), own })
    }

    /// Checks a mail server as far as it takes mail without any, and only where the relay would connect.
    pub(super) async fn check(&self, hop: &NextHop) -> Finding {
        match self.reach(hop).await {
            Ok(reached) => self.takes_mail(hop, reached).await,
            Err(Unreached::Loop(finding) | Unreached::NoAnswer(finding)) => finding,
        }
    }

    /// What is wrong with a server that answers; `None`: nothing, or it does not answer.
    pub(super) async fn wrong(&self, hop: &NextHop) -> Option<Finding> {
        match self.reach(hop).await {
            Ok(reached) => Some(self.takes_mail(hop, reached).await).filter(|finding| finding.level != Level::Ok),
            Err(Unreached::Loop(finding)) => Some(finding),
            Err(Unreached::NoAnswer(_)) => None,
        }
    }

    /// Connects as the relay does; why not, otherwise.
    async fn reach(&self, hop: &NextHop) -> Result<ServerReach, Unreached> {
        let no_answer = |text, todo| Unreached::NoAnswer(Finding::fail("next hop", text, todo));
        let (name, server) = (hop.name(), &hop.server);
        let addresses = match self.addresses(server).await {
            Ok(addresses) => addresses,
            Err(why) => {
                let todo = "correct its DNS name; until then its mail stays in the queue";
                return Err(no_answer(format!("{name}: {why}"), todo));
            }
        };
        let addresses = access::permitted(server.named_by, addresses, &self.allowed).await;
        if addresses.is_empty() {
            let text = format!("{name} is on a network that is not allowed: its mail stays in the queue");
            return Err(no_answer(text, access::advice(server.named_by)));
        }
        let public = addresses.iter().all(|address| network::is_public(*address));
        let (end, beside) = if public { ("", "") } else { (", not a public address", ", not a public address,") };
        let mut last = "it has no address".to_owned();
        for address in addresses {
            let peer = SocketAddr::new(address, server.port);
            if self.is_ours(peer, None) {
                return Err(mail_loop(hop));
            }
            match timeout(ANSWER_MAX, TcpStream::connect(peer)).await {
                // Closed at once: a server that takes one connection at a time is asked on another one.
                Ok(Ok(stream)) => {
                    let from = stream.local_addr().ok().map(|local| local.ip());
                    let text = format!("{name}{beside} is reachable at {address}");
                    return if self.is_ours(peer, from) {
                        Err(mail_loop(hop))
                    } else {
                        Ok(ServerReach { address, text })
                    };
                }
                Ok(Err(error)) => last = format!("{address}: {}", plain_words(&error)),
                Err(_) => last = format!("{address}: no answer"),
            }
        }
        let todo = "check that the server is running and its firewall allows this gateway; its mail stays in the queue";
        Err(no_answer(format!("{name}{end}: {last}"), todo))
    }

    /// Whether a server is one of this gateway's own listeners. A connection to this machine has the same address at both
    /// ends; `from` is this end's.
    fn is_ours(&self, peer: SocketAddr, from: Option<IpAddr>) -> bool {
        let is_it = |own: &SocketAddr| own.ip() == peer.ip() || own.ip().is_unspecified() && from == Some(peer.ip());
        self.own.iter().any(|own| own.port() == peer.port() && is_it(own))
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
    async fn takes_mail(&self, hop: &NextHop, reached: ServerReach) -> Finding {
        let ServerReach { address, text } = reached;
        let Some(domain) = hop.domains.first() else { return Finding::ok("next hop", text) };
        let asked = self.check.check(&hop.server, SocketAddr::new(address, hop.server.port), domain);
        match timeout(ANSWER_MAX, asked).await {
            Ok(Ok(())) => Finding::ok("next hop", text),
            Ok(Err(ServerTrouble { why, lasting: true })) => {
                Finding::fail("next hop", format!("{text}, but takes no mail: {why}"), WRONG_KIND)
            }
            Ok(Err(ServerTrouble { why, .. })) => Finding::warn("next hop", format!("{text}, but: {why}"), WRONG_KIND),
            Err(_) => {
                let todo = "check what keeps it busy; its mail may be slow";
                Finding::warn("next hop", format!("{text}, but says little within {} s", ANSWER_MAX.as_secs()), todo)
            }
        }
    }
}

/// A server that is this gateway itself.
fn mail_loop(hop: &NextHop) -> Unreached {
    let text = format!("{}: mail loops back: it is a listener of this gateway", hop.name());
    let domain = hop.domains.first().map(ToString::to_string).unwrap_or_default();
    let todo =
        format!("doorlist domain set {domain} --server HOST, the domain's own server; its mail stays in the queue");
    Unreached::Loop(Finding::fail("next hop", text, todo))
}

/// The text of an error without `(os error 111)`.
fn plain_words(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
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
