//! What the server behind the gateway must allow and switch off. It sees one client address, ours, for everybody's
//! mail: what it does to a stranger it would do to all senders at once. Data; must not know how it is printed.

use doorlist_core::address::DomainName;
use doorlist_core::change::MailServer;
use serde::{Deserialize, Serialize};

/// The list for a new domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerSetup {
    /// Of which domain.
    pub domain: DomainName,
    /// The servers that it is about, `host:port`.
    pub servers: Vec<String>,
    /// What to allow for the gateway's address.
    pub allow: Vec<SetupStep>,
    /// What to switch off for the gateway's address.
    pub switch_off: Vec<SetupStep>,
    /// What to do when both are done.
    pub then: Vec<SetupStep>,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetupStep {
    /// What, in few words.
    pub what: String,
    /// Why, in a sentence.
    pub why: String,
}

impl ServerSetup {
    /// What the servers of `domain` need.
    pub fn of(domain: &DomainName, servers: &[MailServer]) -> Self {
        let ports = servers.iter().map(|server| format!("{}:{}", server.host, server.port)).collect::<Vec<_>>();
        Self {
            domain: domain.clone(),
            allow: vec![
                step(
                    &format!("connections from this gateway to {}", ports.join(", ")),
                    "firewall and connection limits must let it in, 20 connections at a time",
                ),
                step(
                    &format!("mail for every address of {domain} from any sender, without a login"),
                    "the gateway passes on the sender as it came, also the null sender <> of bounces",
                ),
                step("messages as large as the gateway takes", "a smaller limit there becomes a bounce here"),
            ],
            switch_off: vec![
                step("SPF and DMARC checks", "the gateway is not among the senders' hosts: real mail would fail"),
                step("greylisting", "the gateway is every sender's host: the first mail of each would wait"),
                step("block lists (DNSBL) and reputation", "they would judge the gateway instead of the sender"),
                step("rate limits and tarpits", "all mail comes from one address, at times much at once"),
            ],
            then: vec![
                step("keep refusing unknown recipients on the server", "a list that is not complete shows there"),
                step("point the domain's MX records to the gateway", "until then mail goes past it"),
                step("let nobody but the gateway deliver to the server", "senders must not walk around the list"),
            ],
            servers: ports,
        }
    }
}

fn step(what: &str, why: &str) -> SetupStep {
    SetupStep { what: what.to_owned(), why: why.to_owned() }
}
