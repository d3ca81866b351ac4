//! The harvest defence of all sessions: bounded tables around the rules of `doorlist_core::harvest`, shared with other nodes
//! through the store.
//!
//! | module | what it is |
//! |---|---|
//! | `sources` | a million sources in a bounded table |
//! | `good_records`, `networks`, `retries` | what else is kept of sources, each bounded |
//! | `domains` | the states of domains, as this node and others see them |
//! | `sharing` | writes what is new behind the answers, and reads what others wrote |
//! | `notices` | tells people when the state of a domain changes |
//! | `metrics` | what is measured; never with an address as a label |
//!
//! A session asks for nothing that is behind a lock until something was flagged, blocked or attacked since the start.

mod domains;
mod good_records;
mod metrics;
mod networks;
mod notices;
mod retries;
mod sharing;
mod sources;

use crate::clock;
use crate::config::GuardConfig;
use crate::journal::{FieldValue, Journal, Line, Process};
use crate::people::People;
use arc_swap::ArcSwap;
use domains::DomainStates;
use doorlist_core::address::Address;
use doorlist_core::domain::DomainId;
use doorlist_core::harvest::{
    AttackState, Block, DeliveryDay, LargeProviders, NameMatch, NetworkKey, RetryVerdict, SourceRating,
};
use doorlist_core::network::SourceKey;
use doorlist_core::time::Timestamp;
use doorlist_core::verdict::ContentVerdict;
use doorlist_store::HarvestBook;
use doorlist_store::harvest::{FlagRow, HarvestEvent, HarvestNotes};
use doorlist_store::spool::{Envelope, EnvelopeRecipient, MessageKind};
use good_records::GoodRecords;
use metrics::HarvestMetrics;
use networks::FlaggedNetworks;
use prometheus_client::registry::Registry;
use retries::Retries;
use sources::SourceTable;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Memory of all that is kept of a million sources, in octets.
#[cfg(test)]
const MEMORY_MAX: usize = 64 << 20;
/// Notes of each kind that wait to be written; more are known here alone.
const NOTES_MAX: usize = 20_000;
/// Events that one node writes within an hour.
const EVENTS_PER_HOUR_MAX: u32 = 200;

/// What the defence needs of the gateway.
pub(crate) struct HarvestParts {
    /// Who hears of attacks.
    pub(crate) people: People,
    pub(crate) journal: Journal,
}

/// The harvest defence of all sessions.
pub(crate) struct HarvestDefence {
    sources: SourceTable,
    networks: Mutex<FlaggedNetworks>,
    good_records: GoodRecords,
    retries: Mutex<Retries>,
    domains: DomainStates,
    /// Networks that a person blocked.
    blocks: ArcSwap<Vec<Block>>,
    providers: ArcSwap<LargeProviders>,
    /// Changes of flags and blocks since the start: a session looks again when it has changed.
    generation: AtomicU64,
    hasher: RandomState,
    notes: Mutex<HarvestNotes>,
    /// The hour since the epoch and the events of it.
    events: Mutex<(i64, u32)>,
    /// The number of this node.
    node: u16,
    store: HarvestBook,
    parts: HarvestParts,
    metrics: HarvestMetrics,
}

impl HarvestDefence {
    /// Reads what the store has, and keeps writing and reading from then on.
    pub(crate) async fn start(config: &GuardConfig, parts: HarvestParts, registry: &mut Registry) -> Arc<Self> {
        let defence = Arc::new(Self {
            sources: SourceTable::new(),
            networks: Mutex::default(),
            good_records: GoodRecords::new(),
            retries: Mutex::default(),
            domains: DomainStates::default(),
            blocks: ArcSwap::default(),
            providers: ArcSwap::from_pointee(config.large_providers.clone()),
            generation: AtomicU64::new(0),
            hasher: RandomState::new(),
            notes: Mutex::default(),
            events: Mutex::default(),
            node: config.node,
            store: HarvestBook::of(&parts.people.recipients),
            parts,
            metrics: HarvestMetrics::register(registry),
        });
        metrics::register_collected(&defence, registry);
        let read_until = defence.restore().await;
        tokio::spawn(sharing::run(Arc::downgrade(&defence), read_until));
        defence
    }

    /// Applies new settings to all sessions.
    pub(crate) fn reload(&self, config: &GuardConfig) {
        self.providers.store(Arc::new(config.large_providers.clone()));
        self.generation.fetch_add(1, Ordering::Relaxed);
    }

    /// Changes of flags and blocks since the start.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    /// The fingerprint of a name.
    pub(crate) fn fingerprint(&self, address: &Address) -> u32 {
        (self.hasher.hash_one(address) >> 32) as u32
    }

    /// The end of the measure against a source: its flag, that of its /24, or a block. A large provider is blocked by
    /// hand alone, and neighbours do not speak against a good record.
    pub(crate) fn measured_until(&self, peer: IpAddr, now: Timestamp) -> Option<Timestamp> {
        // Nothing was flagged or blocked since the start.
        if self.generation() == 0 {
            return None;
        }
        let source = SourceKey::from(peer);
        let block = Block::until(&self.blocks.load(), peer, now);
        let flag = self.sources.flagged_until(source, now);
        let network = lock(&self.networks).flagged_until(NetworkKey::from(source), now);
        let by_rule = match (flag, network) {
            (None, None) => None,
            _ => match self.rating(peer, now) {
                SourceRating::LargeProvider => None,
                SourceRating::GoodRecord => flag,
                SourceRating::Ordinary => flag.max(network),
            },
        };
        block.max(by_rule)
    }

    /// What is known in favour of a source.
    pub(crate) fn rating(&self, peer: IpAddr, now: Timestamp) -> SourceRating {
        if self.providers.load().contains(peer) {
            SourceRating::LargeProvider
        } else if self.good_records.is_good(SourceKey::from(peer), now) {
            SourceRating::GoodRecord
        } else {
            SourceRating::Ordinary
        }
    }

    /// Whether any domain is under attack. Takes no lock.
    pub(crate) fn is_any_attacked(&self) -> bool {
        self.domains.is_any_attacked()
    }

    /// The state of a domain. Takes no lock.
    pub(crate) fn state(&self, domain: DomainId) -> AttackState {
        self.domains.state(domain)
    }

    /// Judges an attempt at a recipient of a domain under attack by a source that nothing speaks for.
    pub(crate) fn retry(&self, peer: IpAddr, sender: &str, recipient: &Address, now: Timestamp) -> RetryVerdict {
        let pair = (self.hasher.hash_one((sender.to_ascii_lowercase(), recipient)) >> 32) as u32;
        lock(&self.retries).attempt(NetworkKey::from(SourceKey::from(peer)), pair, now)
    }

    /// Whether a source named more unknown than known recipients of late.
    pub(crate) fn names_more_unknown(&self, peer: IpAddr, now: Timestamp) -> bool {
        self.sources.names_more_unknown(SourceKey::from(peer), now)
    }

    /// Counts a known name of a source.
    pub(crate) fn note_known(&self, peer: IpAddr, name: u32, rating: SourceRating, now: Timestamp) {
        self.sources.note(SourceKey::from(peer), NameMatch::Known(name), rating, now);
    }

    /// Counts an unknown name of a source. Returns the end of the flag if this name raised it.
    pub(crate) fn note_unknown(
        &self,
        peer: IpAddr,
        name: u32,
        domain: Option<DomainId>,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let source = SourceKey::from(peer);
        let rating = self.rating(peer, now);
        let noted = self.sources.note(source, NameMatch::Unknown(name), rating, now);
        if noted.record.is_new && self.good_records.cost(source, now) {
            self.add_note_of_day(source, &DeliveryDay::unknown_name(now));
        }
        if let Some(domain) = domain {
            self.note_of_domain(domain, name, rating, now);
        }
        let until = noted.record.flagged_until?;
        self.flag(source, until, now);
        let (unknown, known) = noted.counts;
        let row = FlagRow { source, until, flags: noted.flags, unknown, known, domain, noted: now };
        self.event(now, "flagged", &source.to_string(), domain, &format!("{unknown} unknown, {known} known names"));
        let mut notes = lock(&self.notes);
        if notes.flags.len() < NOTES_MAX {
            notes.flags.insert(source, row);
        }
        Some(until)
    }

    /// Counts a name that a domain was asked for in vain, by a source of this rating.
    pub(crate) fn note_of_domain(&self, domain: DomainId, name: u32, rating: SourceRating, now: Timestamp) {
        if self.domains.note(domain, name, rating, now) {
            self.note_state(domain, now);
        }
    }

    fn flag(&self, source: SourceKey, until: Timestamp, now: Timestamp) {
        lock(&self.networks).flag(source, until, now);
        self.generation.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes a message that a domain's own server took: clean mail to entries earns a good record.
    pub(crate) fn delivered(&self, envelope: &Envelope, recipient: &EnvelopeRecipient) {
        let is_clean = envelope.assessment.verdict == ContentVerdict::Clean && envelope.kind == MessageKind::Inbound;
        let (Some(peer), true, false) = (envelope.client.address, is_clean, recipient.system) else { return };
        if recipient.domain.is_none() {
            return;
        }
        let entry = match recipient.address {
            Some(row) => u64::from(row.0),
            None => self.entry_of_path(&recipient.path),
        };
        // Nodes and restarts must agree on it.
        let entry = (entry.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48) as u16;
        let (source, now) = (SourceKey::from(peer), clock::now());
        let day = DeliveryDay::delivery(now, entry);
        if self.good_records.add(source, &day, now) {
            self.add_note_of_day(source, &day);
        }
    }

    /// A number for a recipient that is on no list, the same on all nodes (FNV-1a).
    fn entry_of_path(&self, path: &str) -> u64 {
        let octets = path.bytes().map(|octet| octet.to_ascii_lowercase());
        octets.fold(0xcbf2_9ce4_8422_2325, |hash: u64, octet| (hash ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3))
    }

    fn add_note_of_day(&self, source: SourceKey, more: &DeliveryDay) {
        let mut notes = lock(&self.notes);
        let has_room = notes.days.len() < NOTES_MAX;
        match notes.days.get_mut(&(source, more.day)) {
            Some(day) => day.add(more),
            None if has_room => drop(notes.days.insert((source, more.day), *more)),
            None => {}
        }
    }

    /// Sources that are flagged at this time.
    pub(crate) fn flagged(&self, now: Timestamp) -> u64 {
        self.sources.flagged(now)
    }

    /// Notes an event for people who look back, unless there are too many.
    fn event(&self, at: Timestamp, event: &str, subject: &str, domain: Option<DomainId>, detail: &str) {
        let hour = at.as_secs() / 3600;
        {
            let mut events = lock(&self.events);
            if events.0 != hour {
                *events = (hour, 0);
            }
            if events.1 >= EVENTS_PER_HOUR_MAX {
                return;
            }
            events.1 += 1;
        }
        let (event, subject, detail) = (event.to_owned(), subject.to_owned(), detail.to_owned());
        lock(&self.notes).events.push(HarvestEvent { at, event, subject, domain, detail });
    }

    fn tell(&self, event: &str, fields: &[(&str, FieldValue<'_>)]) {
        self.parts.journal.write(&Line { process: Process::Smtpd, queue: None, event, fields });
    }

    /// Octets of all that is kept of sources.
    fn octets(&self) -> usize {
        self.sources.octets()
            + self.good_records.octets()
            + lock(&self.networks).octets()
            + lock(&self.retries).octets()
    }
}

/// Poisoned records are consistent: their methods do not panic between two writes.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Octets of a hash table with so many places: each has its entry and an octet.
const fn table_octets(places: usize, entry: usize) -> usize {
    places * (entry + 1)
}

/// Entries that a hash table of so many places holds: seven of eight.
const fn entries_of(places: usize) -> usize {
    places / 8 * 7
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_tables_together_keep_within_64_mib() {
        let most = sources::OCTETS_MAX + good_records::OCTETS_MAX + networks::OCTETS_MAX + retries::OCTETS_MAX;
        assert!(most <= MEMORY_MAX, "{most} octets");
        const { assert!(sources::SOURCES_MAX >= 1_000_000) };
    }
}
