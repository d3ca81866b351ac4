//! Checks each domain: whether its MX records point to this gateway, and whether its own server is reachable.

use super::Finding;
use crate::command_target::CommandTarget;
use crate::config::Config;
use doorlist_actions::{DomainList, DomainShow};
use doorlist_core::address::DomainName;
use doorlist_core::change::MailServer;
use doorlist_core::network::{self, Network};
use doorlist_gateway::relay::access;
use doorlist_gateway::relay::resolver::{LookupError, MailExchanger, Resolver, SystemResolver};
use doorlist_gateway::relay::server_check::ServerCheck;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

/// Maximum domains to check: nobody reads more findings.
const DOMAINS_MAX: usize = 200;
/// Domains that are looked at in parallel.
const LOOKS_MAX: usize = 64;
/// Maximum time to wait for a name server or a mail server.
const ANSWER_MAX: Duration = Duration::from_secs(3);
/// Maximum time to wait for each answer of a mail server within [`ANSWER_MAX`].
const STEP_MAX: Duration = Duration::from_secs(2);

/// Checks all domains, several in parallel, until `end`. Findings are in the order of the domains.
pub(super) async fn domains(target: &mut CommandTarget, config: &Config, end: Instant) -> Vec<Finding> {
    let resolver: Arc<dyn Resolver> = match SystemResolver::from_system() {
        Ok(resolver) => Arc::new(resolver),
        Err(error) => {
            let todo = "check /etc/resolv.conf: mail servers with host names cannot be resolved";
            return vec![Finding::fail("dns", format!("no DNS resolver: {error}"), todo)];
        }
    };
    let check = match ServerCheck::new(&config.gateway.hostname, Arc::clone(&resolver), STEP_MAX) {
        Ok(check) => Arc::new(check),
        Err(error) => {
            let todo = "install the package again";
            return vec![Finding::fail("tls", format!("cannot set up TLS: {error}"), todo)];
        }
    };
    let Ok(Ok(domains)) = timeout_at(end, target.ask(DomainList)).await else {
        return vec![Finding::warn(
            "domains",
            "no list of the domains in time",
            "check the database, and run it again",
        )];
    };
    let places = Arc::new(Semaphore::new(LOOKS_MAX));
    let mut looks: Vec<JoinHandle<Vec<Finding>>> = Vec::new();
    for domain in domains.iter().take(DOMAINS_MAX) {
        let details = match timeout_at(end, target.ask(DomainShow { name: domain.name.clone() })).await {
            Ok(Ok(details)) => details,
            // It was removed just now.
            Ok(Err(_)) => continue,
            Err(_) => break,
        };
        let (resolver, places, check) = (Arc::clone(&resolver), Arc::clone(&places), Arc::clone(&check));
        let hostname = config.gateway.hostname.clone();
        let allowed = config.gateway.relay.allow_networks.clone();
        looks.push(tokio::spawn(async move {
            let _place = places.acquire().await;
            let domain = &details.summary.name;
            let mut findings = vec![exchangers(&*resolver, domain.as_str(), &hostname).await];
            for server in &details.servers {
                findings.push(next_hop(&*resolver, &check, domain, server, &allowed).await);
            }
            findings
        }));
    }
    let (mut findings, mut looked_at) = (Vec::new(), 0);
    for mut look in looks {
        match timeout_at(end, &mut look).await {
            Ok(found) => {
                findings.extend(found.unwrap_or_default());
                looked_at += 1;
            }
            Err(_) => look.abort(),
        }
    }
    findings.extend(not_looked_at(looked_at, domains.len()));
    findings
}

fn not_looked_at(looked_at: usize, all: usize) -> Option<Finding> {
    let text = format!("{} of {all} domains were not checked", all.saturating_sub(looked_at));
    if looked_at >= all {
        None
    } else if looked_at >= DOMAINS_MAX {
        Some(Finding::ok("domains", text))
    } else {
        let todo =
            "their name servers, mail servers or the database did not answer in time: check these, and run it again";
        Some(Finding::warn("domains", text, todo))
    }
}

async fn exchangers(resolver: &dyn Resolver, domain: &str, hostname: &str) -> Finding {
    let answer = timeout(ANSWER_MAX, resolver.mail_exchangers(domain)).await;
    mx_finding(domain, hostname, answer.unwrap_or(Err(LookupError::Temporary("no answer".to_owned()))))
}

fn mx_finding(domain: &str, hostname: &str, answer: Result<Vec<MailExchanger>, LookupError>) -> Finding {
    let todo = format!("point the MX record of {domain} to {hostname} when this gateway should receive its mail");
    match answer {
        Ok(mut found) => {
            found.sort_by_key(|mx| mx.preference);
            let hosts: Vec<_> = found.iter().map(|mx| mx.host.as_str()).collect();
            let text = format!("{domain}: MX {}", hosts.join(", "));
            match hosts.iter().position(|host| host.eq_ignore_ascii_case(hostname)) {
                Some(0) if hosts.len() == 1 => Finding::ok("mx", text),
                Some(_) => {
                    let todo = "remove the other MX records: mail to them bypasses the list";
                    Finding::warn("mx", format!("{text}: not only this gateway ({hostname})"), todo)
                }
                None => Finding::warn("mx", format!("{text}: not this gateway ({hostname})"), todo),
            }
        }
        Err(LookupError::NoName | LookupError::NoRecord) => {
            Finding::warn("mx", format!("{domain} has no MX record"), todo)
        }
        Err(LookupError::Temporary(why)) => {
            Finding::warn("mx", format!("cannot look up the MX of {domain}: {why}"), "check the name servers")
        }
    }
}

/// Checks a mail server as far as it takes mail without any, and only where the relay would connect.
async fn next_hop(
    resolver: &dyn Resolver,
    check: &ServerCheck,
    domain: &DomainName,
    server: &MailServer,
    allowed: &[Network],
) -> Finding {
    let name = format!("{domain}: server {}:{}", server.host, server.port);
    let addresses = match server.host.parse::<IpAddr>() {
        Ok(address) => Ok(vec![address]),
        Err(_) => match timeout(ANSWER_MAX, resolver.addresses(&server.host)).await {
            Ok(answer) => answer.map_err(|error| error.to_string()),
            Err(_) => Err("no answer from the name servers".to_owned()),
        },
    };
    let addresses = match addresses {
        Ok(addresses) => addresses,
        Err(why) => {
            let todo = "correct its DNS name; until then mail for the domain stays in the queue";
            return Finding::fail("next hop", format!("{name}: {why}"), todo);
        }
    };
    let addresses = access::permitted(server.named_by, addresses, allowed).await;
    if addresses.is_empty() {
        let todo = access::advice(server.named_by);
        return Finding::fail(
            "next hop",
            format!(
                "{name} is on a network that is not allowed: mail for the domain \
                                                  stays in the queue"
            ),
            todo,
        );
    }
    let public = addresses.iter().all(|address| network::is_public(*address));
    let name = if public { name } else { format!("{name}, not a public address,") };
    let mut last = "it has no address".to_owned();
    for address in addresses {
        match timeout(ANSWER_MAX, TcpStream::connect(SocketAddr::new(address, server.port))).await {
            Ok(Ok(_)) => return takes_mail(check, &name, domain, server, address).await,
            Ok(Err(error)) => last = format!("{address}: {error}"),
            Err(_) => last = format!("{address}: no answer"),
        }
    }
    let todo = "check that the server is running and its firewall allows this gateway; mail for the domain stays in \
                the queue";
    Finding::fail("next hop", format!("{name}: {last}"), todo)
}

/// Checks what a server that can be reached says before mail.
async fn takes_mail(
    check: &ServerCheck,
    name: &str,
    domain: &DomainName,
    server: &MailServer,
    address: IpAddr,
) -> Finding {
    let text = format!("{name} is reachable at {address}");
    match timeout(ANSWER_MAX, check.check(server, SocketAddr::new(address, server.port), domain)).await {
        Ok(Ok(())) => Finding::ok("next hop", text),
        Ok(Err(why)) => Finding::warn(
            "next hop",
            format!("{text}, but: {why}"),
            "correct the port or the TLS setting of the server here, or let it take mail from this gateway; mail for \
             the domain stays in the queue or bounces",
        ),
        Err(_) => {
            let todo = "check what keeps it busy; mail for the domain may be slow";
            Finding::warn("next hop", format!("{text}, but says little within {} s", ANSWER_MAX.as_secs()), todo)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    #[test]
    fn mx_records_should_lead_here_and_nowhere_else() {
        let mx = |hosts: &[&str]| {
            let records =
                hosts.iter().zip(1..).map(|(host, preference)| MailExchanger { preference, host: (*host).to_owned() });
            mx_finding("example.test", "gw.example.test", Ok(records.collect())).level
        };
        assert_eq!(mx(&["GW.example.test"]), Level::Ok);
        assert_eq!(mx(&["gw.example.test", "mail.example.test"]), Level::Warn);
        assert_eq!(mx(&["mail.example.test"]), Level::Warn);
        assert_eq!(mx(&[]), Level::Warn);
        for error in [LookupError::NoName, LookupError::NoRecord, LookupError::Temporary("SERVFAIL".to_owned())] {
            assert_eq!(mx_finding("example.test", "gw.example.test", Err(error)).level, Level::Warn);
        }
    }
}
