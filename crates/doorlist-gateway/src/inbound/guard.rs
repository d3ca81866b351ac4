//! Remembers sources for all sessions: a bounded table around the rules of `doorlist_core::harvest`.

use doorlist_core::address::Address;
use doorlist_core::harvest::{NameMatch, SourceRecord};
use doorlist_core::network::SourceKey;
use doorlist_core::policy::SourceStanding;
use doorlist_core::preview::AskingSource;
use doorlist_core::time::Timestamp;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Maximum number of remembered sources: with full records, about 40 MiB.
pub(crate) const SOURCES_MAX: usize = 32 * 1024;
const SHARDS: usize = 16;

pub(crate) struct Guard {
    shards: [Mutex<HashMap<SourceKey, Arc<GuardedSource>>>; SHARDS],
    hasher: RandomState,
}

/// One source, shared by its sessions.
pub(crate) struct GuardedSource {
    record: Mutex<SourceRecord>,
    /// End of its flag in milliseconds, so that a RCPT without one takes no lock.
    flagged_until: AtomicI64,
}

impl Guard {
    pub(crate) fn new() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()), hasher: RandomState::new() }
    }

    /// Sources that are flagged at this time.
    pub(crate) fn flagged(&self, now: Timestamp) -> u64 {
        let is_flagged = |source: &&Arc<GuardedSource>| source.standing(now) == SourceStanding::Flagged;
        self.shards.iter().map(|shard| lock(shard).values().filter(is_flagged).count() as u64).sum()
    }

    /// The record of a source, created if missing.
    pub(crate) fn source(&self, key: SourceKey, now: Timestamp) -> Arc<GuardedSource> {
        let shard = usize::try_from(self.hasher.hash_one(key) % SHARDS as u64).unwrap_or(0);
        let Some(shard) = self.shards.get(shard) else { return Arc::new(GuardedSource::new()) };
        let mut sources = lock(shard);
        if let Some(source) = sources.get(&key) {
            return source.clone();
        }
        if sources.len() >= SOURCES_MAX / SHARDS {
            make_room(&mut sources, now);
        }
        sources.entry(key).or_insert_with(|| Arc::new(GuardedSource::new())).clone()
    }

    /// The 32-bit fingerprint of a name that is on no list.
    pub(crate) fn fingerprint(&self, address: &Address) -> u32 {
        (self.hasher.hash_one(address) >> 32) as u32
    }
}

impl GuardedSource {
    fn new() -> Self {
        Self { record: Mutex::default(), flagged_until: AtomicI64::new(i64::MIN) }
    }

    /// Whether it is flagged.
    pub(crate) fn standing(&self, now: Timestamp) -> SourceStanding {
        if now.as_millis() < self.flagged_until.load(Ordering::Relaxed) {
            SourceStanding::Flagged
        } else {
            SourceStanding::Normal
        }
    }

    /// What kind of source asks, as far as its names of the last hour tell.
    pub(crate) fn class(&self, standing: SourceStanding) -> AskingSource {
        match standing {
            SourceStanding::Flagged => AskingSource::Flagged,
            SourceStanding::Normal if lock(&self.record).names_more_unknown() => AskingSource::Guessing,
            SourceStanding::Normal => AskingSource::Ordinary,
        }
    }

    /// Counts a name. Returns the end of the flag if this name raised it.
    pub(crate) fn note(&self, named: NameMatch, now: Timestamp) -> Option<Timestamp> {
        let until = lock(&self.record).note(named, now)?;
        self.flagged_until.store(until.as_millis(), Ordering::Relaxed);
        Some(until)
    }
}

/// Removes stale records; if there are none, the quarter with the longest inactivity, flagged ones last.
fn make_room(sources: &mut HashMap<SourceKey, Arc<GuardedSource>>, now: Timestamp) {
    let before = sources.len();
    sources.retain(|_, source| !lock(&source.record).is_stale(now));
    if sources.len() < before {
        return;
    }
    let mut seen: Vec<Timestamp> = sources.values().map(|source| lock(&source.record).last_seen()).collect();
    let (_, limit, _) = seen.select_nth_unstable(before / 4);
    let limit = *limit;
    sources.retain(|_, source| {
        let record = lock(&source.record);
        record.last_seen() > limit || record.standing(now) == SourceStanding::Flagged
    });
    if sources.len() == before {
        sources.retain(|_, source| lock(&source.record).last_seen() > limit);
    }
}

/// A poisoned record is consistent: its methods do not panic between two writes.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv6Addr};

    fn key(n: u32) -> SourceKey {
        let [a, b, c, d] = n.to_be_bytes();
        IpAddr::from([a, b, c, d]).into()
    }

    #[test]
    fn a_million_sources_do_not_fill_the_memory_and_flags_stay_longest() {
        let guard = Guard::new();
        let start = Timestamp::from_secs(1_700_000_000);
        let flagged = guard.source(IpAddr::from(Ipv6Addr::LOCALHOST).into(), start);
        for name in 0..25 {
            flagged.note(NameMatch::Unknown(name), start);
        }
        for n in 0..200_000 {
            let now = Timestamp::from_millis(start.as_millis() + i64::from(n));
            guard.source(key(n), now).note(NameMatch::Unknown(1), now);
        }
        let held: usize = guard.shards.iter().map(|shard| lock(shard).len()).sum();
        assert!(held <= SOURCES_MAX, "{held}");
        let again = guard.source(IpAddr::from(Ipv6Addr::LOCALHOST).into(), start);
        assert_eq!(again.standing(start), SourceStanding::Flagged);
    }
}
