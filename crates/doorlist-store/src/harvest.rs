//! The harvest defence as all nodes share it: flags, days of good records, states of domains, blocks, events. Written behind
//! the answers, and read again by each node for what is new. Must not know what a row means.

mod orders;
mod read;
mod write;

use crate::db::Db;
use crate::recipients::RecipientStore;
use doorlist_core::domain::DomainId;
use doorlist_core::harvest::{AttackState, Block, DeliveryDay};
use doorlist_core::network::SourceKey;
use doorlist_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Flags that are kept, and read at a start; the oldest go first.
pub const FLAGS_MAX: u32 = 200_000;
/// Days of good records that are kept, and read at a start.
pub const DELIVERY_DAYS_MAX: u32 = 1_000_000;

/// A flag of a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlagRow {
    pub source: SourceKey,
    pub until: Timestamp,
    /// Flags in a row, each of which lasts longer.
    pub flags: u8,
    /// Distinct unknown names of the last hour when it was raised.
    pub unknown: u32,
    /// Distinct known names of the last hour when it was raised.
    pub known: u32,
    /// The domain whose unknown name raised it.
    pub domain: Option<DomainId>,
    /// When it was raised, or released.
    pub noted: Timestamp,
}

/// The state of a domain as a node sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainStateRow {
    pub domain: DomainId,
    pub node: u16,
    pub state: AttackState,
    pub since: Timestamp,
    pub until: Timestamp,
    /// Distinct unknown names within ten minutes when it was written.
    pub rate: u32,
    /// When the node saw the domain first.
    pub known_since: Timestamp,
    /// The daily sums of its baseline, the newest first.
    pub sums: Vec<u32>,
    /// When the newest of them was current.
    pub sums_at: Timestamp,
    /// Since when it shows the sign of a slow attack.
    pub slow_since: Option<Timestamp>,
    /// Distinct unknown names of the day before `sums_at` by the hour of their last use, the newest first.
    pub hours: Vec<u32>,
    pub noted: Timestamp,
}

/// What a person said of the state of a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateOrder {
    pub at: Timestamp,
    /// It goes on until then; `None`: it ends.
    pub until: Option<Timestamp>,
}

/// Something that happened, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HarvestEvent {
    pub at: Timestamp,
    /// One word: `flagged`, `attack`, `slow-attack`, `blocked`.
    pub event: String,
    /// The source, network or domain.
    pub subject: String,
    pub domain: Option<DomainId>,
    pub detail: String,
}

/// What is to be written.
#[derive(Debug, Default)]
pub struct HarvestNotes {
    pub flags: HashMap<SourceKey, FlagRow>,
    /// What is to be added to the days of sources.
    pub days: HashMap<(SourceKey, u16), DeliveryDay>,
    pub domains: HashMap<DomainId, DomainStateRow>,
    pub events: Vec<HarvestEvent>,
}

impl HarvestNotes {
    pub fn is_empty(&self) -> bool {
        self.flags.is_empty() && self.days.is_empty() && self.domains.is_empty() && self.events.is_empty()
    }
}

/// What was written since a moment, by any node or a command.
#[derive(Debug, Default)]
pub struct HarvestNews {
    pub flags: Vec<FlagRow>,
    /// Whole days, as all nodes together know them.
    pub days: Vec<(SourceKey, DeliveryDay)>,
    pub domains: Vec<(DomainStateRow, StateOrder)>,
    /// All blocks that hold.
    pub blocks: Vec<Block>,
}

/// The harvest defence of a store.
#[derive(Clone)]
pub struct HarvestBook {
    db: Db,
}

impl HarvestBook {
    /// For the store of this list.
    pub fn of(recipients: &RecipientStore) -> Self {
        Self { db: recipients.db().clone() }
    }
}
