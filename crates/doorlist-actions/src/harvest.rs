//! The harvest defence: what it does now, and what a person may do about it. Everything stands in the store, where all nodes
//! see it within seconds; no server has to run for it.

mod status;

pub use status::{HarvestDomain, HarvestNames, HarvestReport, HarvestStatus};

use crate::action::{Action, Reach};
use crate::actions::Actions;
use crate::error::{ActionError, ErrorKind};
use doorlist_core::address::DomainName;
use doorlist_core::domain::DomainId;
use doorlist_core::harvest::blocks::{BLOCK_LONGEST, REASON_MAX};
use doorlist_core::harvest::domain::EXTENSION_LONGEST;
use doorlist_core::harvest::networks::FLAGGED_ADDRESSES;
use doorlist_core::harvest::{Block, NetworkKey};
use doorlist_core::network::{Network, SourceKey};
use doorlist_core::time::Timestamp;
use doorlist_store::HarvestBook;
use doorlist_store::harvest::FlagRow;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Shortest prefix of a network that may be blocked: more would be the Internet.
const BLOCKED_PREFIX_MIN: (u8, u8) = (8, 16);
/// Sources of one answer.
pub const HARVEST_SOURCES_MAX: u32 = 10_000;

/// Lists flagged sources, those whose flags end last first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HarvestSources {
    pub limit: u32,
}

/// A source that is flagged for guessing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlaggedSource {
    pub source: SourceKey,
    pub until: Timestamp,
    /// Flags in a row.
    pub flags: u8,
    /// Distinct unknown names of the hour in which it was flagged.
    pub unknown: u32,
    /// Distinct known names of that hour.
    pub known: u32,
    /// The domain whose unknown name raised the flag.
    pub domain: Option<DomainName>,
    /// Its /24, if all of that is flagged.
    pub network: Option<String>,
}

impl Action for HarvestSources {
    type Answer = Vec<FlaggedSource>;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    async fn run(self, actions: &Actions) -> Result<Vec<FlaggedSource>, ActionError> {
        let limit = self.limit.clamp(1, HARVEST_SOURCES_MAX);
        let flags = actions.harvest_book().flagged(actions.now(), limit).await?;
        let mut networks = HashMap::<NetworkKey, usize>::new();
        for flag in &flags {
            *networks.entry(flag.source.into()).or_default() += 1;
        }
        let names = actions.domain_names();
        let source = |flag: FlagRow| {
            let network = NetworkKey::from(flag.source);
            let all = network.is_ipv4() && networks.get(&network).is_some_and(|count| *count >= FLAGGED_ADDRESSES);
            let FlagRow { source, until, flags, unknown, known, domain, .. } = flag;
            let domain = domain.and_then(|id| names.get(&id).cloned());
            FlaggedSource { source, until, flags, unknown, known, domain, network: all.then(|| network.to_string()) }
        };
        Ok(flags.into_iter().map(source).collect())
    }
}

/// Blocks a network: its recipients are deferred, whether they exist or not.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HarvestBlock {
    pub network: Network,
    /// How long, in seconds.
    pub seconds: u64,
    pub reason: String,
}

impl Action for HarvestBlock {
    type Answer = Block;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    async fn run(self, actions: &Actions) -> Result<Block, ActionError> {
        let Self { network, seconds, reason } = self;
        let usage = |message: String| Err(ActionError::new(ErrorKind::Usage, message));
        let shortest = if network.is_ipv4() { BLOCKED_PREFIX_MIN.0 } else { BLOCKED_PREFIX_MIN.1 };
        if network.prefix() < shortest {
            return usage(format!("{network} is too large to be blocked; block /{shortest} or smaller"));
        }
        let length = Duration::from_secs(seconds);
        if length.is_zero() || length > BLOCK_LONGEST {
            return usage("a block ends; give it a time of at most 365 days".to_owned());
        }
        if reason.trim().is_empty() || reason.len() > REASON_MAX {
            return usage(format!("give a reason of at most {REASON_MAX} octets"));
        }
        let (by, made) = (actions.actor().name, actions.now());
        let block = Block { network, until: made + length, reason: reason.trim().to_owned(), by, made };
        let blocked = actions.harvest_book().block(&block, actions.services.node_number).await?;
        blocked.map_err(|full| ActionError::new(ErrorKind::Refused, full.to_string()))?;
        Ok(block)
    }
}

/// What is released: a source or a network, or a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HarvestTarget {
    Network(Network),
    Domain(DomainName),
}

impl FromStr for HarvestTarget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text.parse::<Network>(), DomainName::parse(text.as_bytes())) {
            (Ok(network), _) => Ok(HarvestTarget::Network(network)),
            (_, Ok(name)) => Ok(HarvestTarget::Domain(name)),
            _ => Err(format!("`{text}` is neither an address, a network such as 192.0.2.0/24, nor a domain")),
        }
    }
}

impl fmt::Display for HarvestTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HarvestTarget::Network(network) if network.is_one_address() => write!(f, "{}", network.address()),
            HarvestTarget::Network(network) => network.fmt(f),
            HarvestTarget::Domain(name) => name.fmt(f),
        }
    }
}

/// Ends flags and blocks of a source or a network, or the state of a domain.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HarvestRelease {
    /// A [`HarvestTarget`] as it is written.
    pub target: String,
}

/// What a release has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HarvestReleased {
    pub target: String,
    pub flags: u64,
    pub blocks: u64,
    /// Whether the state of a domain was ended.
    pub state_ended: bool,
}

impl Action for HarvestRelease {
    type Answer = HarvestReleased;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    async fn run(self, actions: &Actions) -> Result<HarvestReleased, ActionError> {
        let target: HarvestTarget = self.target.parse().map_err(|why| ActionError::new(ErrorKind::Usage, why))?;
        let (by, node, now) = (actions.actor().name, actions.services.node_number, actions.now());
        let mut released = HarvestReleased { target: target.to_string(), flags: 0, blocks: 0, state_ended: false };
        match &target {
            HarvestTarget::Network(network) => {
                let ended = actions.harvest_book().release(network, &by, node, now).await?;
                (released.flags, released.blocks) = (ended.flags, ended.blocks);
            }
            HarvestTarget::Domain(name) => {
                released.target = actions.order_state(name, None).await?.to_string();
                released.state_ended = true;
            }
        }
        if !released.state_ended && released.flags + released.blocks == 0 {
            let message = format!("{} is neither flagged nor blocked; look: doorlist harvest sources", released.target);
            return Err(ActionError::new(ErrorKind::NotFound, message));
        }
        Ok(released)
    }
}

/// Lets the state of a domain go on for longer than four hours.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HarvestExtend {
    pub name: DomainName,
    /// From now on, in seconds.
    pub seconds: u64,
}

impl Action for HarvestExtend {
    type Answer = Timestamp;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    async fn run(self, actions: &Actions) -> Result<Timestamp, ActionError> {
        let length = Duration::from_secs(self.seconds);
        if length.is_zero() || length > EXTENSION_LONGEST {
            return Err(ActionError::new(ErrorKind::Usage, "give a time of at most 7 days"));
        }
        let until = actions.now() + length;
        actions.order_state(&self.name, Some(until)).await?;
        Ok(until)
    }
}

impl Actions {
    fn harvest_book(&self) -> HarvestBook {
        HarvestBook::of(&self.services.recipients)
    }

    fn domain_names(&self) -> HashMap<DomainId, DomainName> {
        let list = self.services.recipients.snapshot();
        list.domains().values().map(|domain| (domain.id, domain.name.clone())).collect()
    }

    /// Orders what becomes of the state of a domain; gives its own name.
    async fn order_state(&self, name: &DomainName, until: Option<Timestamp>) -> Result<DomainName, ActionError> {
        let name = self.services.domain_details(name).await?.summary.name;
        let list = self.services.recipients.snapshot();
        let Some(domain) = list.domain(&name) else { return Err(ActionError::NotFound) };
        let (by, node) = (self.actor().name, self.services.node_number);
        let known = self.harvest_book().order((domain.id, name.as_str()), until, (&by, node), self.now()).await?;
        if known {
            return Ok(name);
        }
        let message = format!("no unknown recipient of {name} was ever asked for; there is nothing to do");
        Err(ActionError::new(ErrorKind::NotFound, message))
    }
}
