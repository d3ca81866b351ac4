//! Checks each domain: whether its MX records point to this gateway, whether it has a mail server, and whether that takes
//! mail.

use super::next_hops::{self, ANSWER_MAX, NextHop, NextHopCheck};
use super::{Finding, Level};
use crate::command_target::CommandTarget;
use crate::config::Config;
use doorlist_actions::{DomainList, DomainShow};
use doorlist_core::address::DomainName;
use doorlist_core::change::MailServer;
use doorlist_gateway::relay::resolver::{LookupError, MailExchanger, Resolver, SystemResolver};
use doorlist_store::recipients::DomainDetails;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

/// Maximum domains to check: nobody reads more findings.
const DOMAINS_MAX: usize = 200;
/// Domains and servers that are looked at in parallel.
const LOOKS_MAX: usize = 64;
/// Maximum time for servers that were just named: whoever named them waits.
const NEW_SERVERS_MAX: Duration = Duration::from_secs(2);
/// Domains without a server that are named; the others are counted.
const NAMED_MAX: usize = 5;

/// Checks all domains and their servers, several in parallel, until `end`. Findings are in the order of the domains.
pub(super) async fn domains(target: &mut CommandTarget, config: &Config, end: Instant) -> Vec<Finding> {
    let (resolver, check) = match tools(config) {
        Ok(tools) => tools,
        Err(finding) => return vec![finding],
    };
    let Ok(Ok(domains)) = timeout_at(end, target.ask(DomainList)).await else {
        return vec![Finding::warn(
            "domains",
            "no list of the domains in time",
            "check the database, and run it again",
        )];
    };
    let mut details: Vec<DomainDetails> = Vec::new();
    for domain in domains.iter().take(DOMAINS_MAX) {
        match timeout_at(end, target.ask(DomainShow { name: domain.name.clone() })).await {
            Ok(Ok(found)) => details.push(found),
            // It was removed just now.
            Ok(Err(_)) => {}
            Err(_) => break,
        }
    }
    let places = Arc::new(Semaphore::new(LOOKS_MAX));
    let hostname: Arc<str> = config.gateway.hostname.as_str().into();
    let exchangers = details.iter().map(|details| {
        let (resolver, hostname, domain) = (Arc::clone(&resolver), Arc::clone(&hostname), details.summary.name.clone());
        looked_at(&places, async move { exchangers(&*resolver, domain.as_str(), &hostname).await })
    });
    let exchangers: Vec<_> = exchangers.collect();
    let hops = next_hops::grouped(details.iter().map(|details| (&details.summary.name, &details.servers[..])));
    let hops = hops.into_iter().map(|hop| {
        let check = check.clone();
        looked_at(&places, async move { check.check(&hop).await })
    });
    let hops: Vec<_> = hops.collect();
    let (records, records_seen) = until(end, exchangers).await;
    let (servers, _) = until(end, hops).await;
    let mut findings = summed(records);
    findings.extend(without_server(&details));
    findings.extend(servers);
    findings.extend(not_looked_at(records_seen, domains.len()));
    findings
}

/// Says which of the servers that were just named for a domain are this gateway itself, or answer, but take no mail as
/// they are named. Servers that do not answer are not told of: they may not be there yet.
pub(crate) async fn tell_of_wrong_servers(config: &Config, domain: &DomainName, servers: &[MailServer]) {
    let Ok((_, check)) = tools(config) else { return };
    let end = Instant::now() + NEW_SERVERS_MAX;
    let looks = servers.iter().map(|server| {
        let (check, hop) = (check.clone(), NextHop::of(domain, server));
        tokio::spawn(async move { check.wrong(&hop).await })
    });
    let (findings, _) = until(end, looks.collect()).await;
    for finding in findings.iter().flatten() {
        say!("warning: {}\n  {}", finding.text, finding.todo.as_deref().unwrap_or_default());
    }
}

fn tools(config: &Config) -> Result<(Arc<dyn Resolver>, NextHopCheck), Finding> {
    let resolver: Arc<dyn Resolver> = match SystemResolver::of(config.gateway.name_server) {
        Ok(resolver) => Arc::new(resolver),
        Err(error) => {
            let todo = "check /etc/resolv.conf: mail servers with host names cannot be resolved";
            return Err(Finding::fail("dns", format!("no DNS resolver: {error}"), todo));
        }
    };
    let check = NextHopCheck::new(&config.gateway, &resolver)?;
    Ok((resolver, check))
}

/// A look that begins when it gets a place.
fn looked_at(places: &Arc<Semaphore>, look: impl Future<Output = Finding> + Send + 'static) -> JoinHandle<Finding> {
    let places = Arc::clone(places);
    tokio::spawn(async move {
        let _place = places.acquire().await;
        look.await
    })
}

/// What looks found until `end`, and how many of them ended.
async fn until<T>(end: Instant, looks: Vec<JoinHandle<T>>) -> (Vec<T>, usize) {
    let (mut findings, mut ended) = (Vec::new(), 0);
    for mut look in looks {
        match timeout_at(end, &mut look).await {
            Ok(found) => {
                findings.extend(found);
                ended += 1;
            }
            Err(_) => look.abort(),
        }
    }
    (findings, ended)
}

/// The same with the good news of several domains in one line.
fn summed(findings: Vec<Finding>) -> Vec<Finding> {
    let good = findings.iter().filter(|finding| finding.level == Level::Ok).count();
    if good < 2 {
        return findings;
    }
    let sum = Finding::ok("mx", format!("{good} domains: MX records lead here and nowhere else"));
    std::iter::once(sum).chain(findings.into_iter().filter(|finding| finding.level != Level::Ok)).collect()
}

fn without_server(details: &[DomainDetails]) -> Option<Finding> {
    let names = details.iter().filter(|details| details.servers.is_empty()).map(|details| &details.summary.name);
    let names: Vec<&DomainName> = names.collect();
    let first = *names.first()?;
    let named: Vec<_> = names.iter().take(NAMED_MAX).map(ToString::to_string).collect();
    let more = match names.len().saturating_sub(NAMED_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let text = format!("no mail server is set for {}{more}: that mail stays in the queue", named.join(", "));
    Some(Finding::fail("domains", text, format!("doorlist domain set {first} --server HOST")))
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

#[cfg(test)]
mod tests {
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
