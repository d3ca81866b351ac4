//! What the server behind the gateway must allow and switch off. It sees one client address, ours, for everybody's
//! mail: what it does to a stranger it would do to all senders at once. Data; must not know how it is printed.

use doorlist_core::address::DomainName;
use doorlist_core::change::MailServer;
use serde::{Deserialize, Serialize};

/// The list for a new domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerSetup {
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
        let ports = servers.iter().map(MailServer::host_and_port).collect::<Vec<_>>();
        Self {
            domain: domain.clone(),
            allow: vec![
                step(
                    &format!("connections from this gateway to {}", ports.join(", ")),
                    "the firewall and the connection limits must allow 20 connections at a time",
                ),
                step(
                    &format!("mail for every address of {domain} from any sender, without a login"),
                    "the gateway keeps the sender, including the null sender <> of bounces",
                ),
                step("messages up to the size limit of the gateway", "a smaller limit there causes bounces here"),
            ],
            switch_off: vec![
                step(
                    "SPF and DMARC checks",
                    "the gateway is not a host of the sender's domain: legitimate mail would \
                                              fail",
                ),
                step("greylisting", "all mail comes from the gateway: the first mail of each sender would be delayed"),
                step("block lists (DNSBL) and reputation", "they would rate the gateway instead of the sender"),
                step("rate limits and tarpits", "all mail comes from one address, sometimes in bursts"),
            ],
            then: vec![
                step("keep rejecting unknown recipients on the server", "its rejections show an incomplete list"),
                step("point the domain's MX records to the gateway", "until then mail bypasses the gateway"),
                step("let only the gateway deliver to the server", "senders must not bypass the list"),
            ],
            servers: ports,
        }
    }
}

fn step(what: &str, why: &str) -> SetupStep {
    SetupStep { what: what.to_owned(), why: why.to_owned() }
}
