//! The table of sources: a million compact records in shards, with a limit for the names that stand beside them.

use super::{entries_of, lock, table_octets};
use doorlist_core::harvest::{NameMatch, NotedName, SourceRating, SourceRecord};
use doorlist_core::network::SourceKey;
use doorlist_core::time::Timestamp;
use std::collections::HashMap;
use std::sync::Mutex;

const SHARDS: usize = 72;
/// Places of a shard's hash table; it is never larger.
const PLACES: usize = 16 * 1024;
const SOURCES_PER_SHARD: usize = entries_of(PLACES);
/// Maximum number of remembered sources.
#[cfg(test)]
pub(super) const SOURCES_MAX: usize = SHARDS * SOURCES_PER_SHARD;
/// Octets of the names of sources with more than two.
const NAMES_MAX: usize = 8 << 20;
const NAMES_PER_SHARD: usize = NAMES_MAX / SHARDS;
const ENTRY: usize = size_of::<(u64, SourceRecord)>();
/// The most that the table takes.
#[cfg(test)]
pub(super) const OCTETS_MAX: usize = SHARDS * table_octets(PLACES, ENTRY) + NAMES_MAX;

pub(super) struct SourceTable {
    shards: Vec<Mutex<SourceShard>>,
}

#[derive(Default)]
struct SourceShard {
    records: HashMap<u64, SourceRecord>,
    /// Octets beside the records.
    names: usize,
}

/// What came of a name, with what the record says of its source.
pub(super) struct NotedSource {
    pub(super) record: NotedName,
    /// Unknown and known names before it was flagged.
    pub(super) counts: (u32, u32),
    pub(super) flags: u8,
}

impl SourceTable {
    pub(super) fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }

    fn with<T>(&self, source: SourceKey, act: impl FnOnce(&mut SourceShard, u64) -> T) -> Option<T> {
        let key = source.number();
        // Neighbours are spread over the shards.
        let place = (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize % SHARDS;
        self.shards.get(place).map(|shard| act(&mut lock(shard), key))
    }

    pub(super) fn flagged_until(&self, source: SourceKey, now: Timestamp) -> Option<Timestamp> {
        self.with(source, |shard, key| shard.records.get(&key)?.flagged_until(now)).flatten()
    }

    /// Whether it named more unknown than known recipients of late.
    pub(super) fn names_more_unknown(&self, source: SourceKey, now: Timestamp) -> bool {
        let found =
            self.with(source, |shard, key| shard.records.get(&key).map(|record| record.names_more_unknown(now)));
        found.flatten().unwrap_or(false)
    }

    /// Counts a name of a source.
    pub(super) fn note(
        &self,
        source: SourceKey,
        named: NameMatch,
        rating: SourceRating,
        now: Timestamp,
    ) -> NotedSource {
        let noted = self.with(source, |shard, key| {
            shard.change(key, now, |record| {
                let (unknown, known) = record.counts(now);
                let noted = record.note(named, rating, now);
                // The name that raised the flag is one of them.
                let unknown = unknown + usize::from(noted.flagged_until.is_some());
                let count = |names: usize| u32::try_from(names).unwrap_or(u32::MAX);
                NotedSource { record: noted, counts: (count(unknown), count(known)), flags: record.flags() }
            })
        });
        noted.unwrap_or(NotedSource {
            record: NotedName { is_new: false, flagged_until: None },
            counts: (0, 0),
            flags: 0,
        })
    }

    /// Takes a flag of another node, or of the time before a restart. True if it is new.
    pub(super) fn adopt(&self, source: SourceKey, until: Timestamp, flags: u8, now: Timestamp) -> bool {
        let adopted = self.with(source, |shard, key| shard.change(key, now, |record| record.adopt(until, flags, now)));
        adopted.unwrap_or(false)
    }

    /// Ends a flag that a person released. True if there was one.
    pub(super) fn release(&self, source: SourceKey, now: Timestamp) -> bool {
        let release = |shard: &mut SourceShard, key: u64| {
            let was_flagged = shard.records.get(&key).is_some_and(|record| record.flagged_until(now).is_some());
            if was_flagged {
                shard.change(key, now, SourceRecord::release);
            }
            was_flagged
        };
        self.with(source, release).unwrap_or(false)
    }

    /// Sources that are flagged at this time.
    pub(super) fn flagged(&self, now: Timestamp) -> u64 {
        let is_flagged = |record: &&SourceRecord| record.flagged_until(now).is_some();
        self.shards.iter().map(|shard| lock(shard).records.values().filter(is_flagged).count() as u64).sum()
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).records.len()).sum()
    }

    /// Drops what is stale.
    pub(super) fn sweep(&self, now: Timestamp) {
        for shard in &self.shards {
            lock(shard).keep(|record| !record.is_stale(now));
        }
    }

    pub(super) fn octets(&self) -> usize {
        let of_shard = |shard: &Mutex<SourceShard>| {
            let shard = lock(shard);
            table_octets(shard.records.capacity().div_ceil(7) * 8, ENTRY) + shard.names
        };
        self.shards.iter().map(of_shard).sum()
    }
}

impl SourceShard {
    /// Changes the record of a source, which is made if it is missing.
    fn change<T>(&mut self, key: u64, now: Timestamp, change: impl FnOnce(&mut SourceRecord) -> T) -> T {
        if self.records.len() >= SOURCES_PER_SHARD && !self.records.contains_key(&key) {
            self.make_room(now);
        }
        let record = self.records.entry(key).or_default();
        let before = record.heap_octets();
        let changed = change(record);
        self.names = (self.names + record.heap_octets()).saturating_sub(before);
        if self.names > NAMES_PER_SHARD {
            self.make_room(now);
        }
        changed
    }

    /// Drops stale records; if there are few, the quarter with the longest inactivity. Flags end in the future, so that
    /// they go last.
    fn make_room(&mut self, now: Timestamp) {
        self.keep(|record| !record.is_stale(now));
        if self.names > NAMES_PER_SHARD {
            self.drop_oldest(|record| record.heap_octets() > 0);
        } else if self.records.len() > SOURCES_PER_SHARD / 8 * 7 {
            self.drop_oldest(|_| true);
        }
    }

    fn drop_oldest(&mut self, of: impl Fn(&SourceRecord) -> bool) {
        let mut seen: Vec<Timestamp> =
            self.records.values().filter(|record| of(record)).map(SourceRecord::last_seen).collect();
        let quarter = seen.len() / 4;
        if seen.is_empty() {
            return;
        }
        let (_, limit, _) = seen.select_nth_unstable(quarter);
        let limit = *limit;
        // Of many that were seen in the same second, as many go as must.
        let mut left = quarter + 1;
        self.keep(|record| {
            let goes = left > 0 && of(record) && record.last_seen() <= limit;
            left -= usize::from(goes);
            !goes
        });
    }

    /// Keeps some records, in a table of the right size: places of removed ones would make it grow.
    fn keep(&mut self, mut is_kept: impl FnMut(&SourceRecord) -> bool) {
        let count = self.records.len();
        self.records.retain(|_, record| is_kept(record));
        if self.records.len() == count {
            return;
        }
        let mut kept = HashMap::with_capacity(self.records.len());
        kept.extend(self.records.drain());
        self.records = kept;
        self.names = self.records.values().map(SourceRecord::heap_octets).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv6Addr};
    use std::time::Duration;

    const START: Timestamp = Timestamp::from_secs(1_700_000_000);

    fn key(n: u32) -> SourceKey {
        IpAddr::from(n.to_be_bytes()).into()
    }

    fn unknown(sources: &SourceTable, source: SourceKey, name: u32, now: Timestamp) {
        sources.note(source, NameMatch::Unknown(name), SourceRating::Ordinary, now);
    }

    /// H01: from more sources than there is room for, some with one name, some with many.
    #[test]
    fn a_million_sources_take_less_than_64_mib_and_flags_stay_longest() {
        let (sources, flagged) = (SourceTable::new(), IpAddr::from(Ipv6Addr::LOCALHOST).into());
        (0..25).for_each(|name| unknown(&sources, flagged, name, START));
        assert!(sources.flagged_until(flagged, START).is_some());
        let mut octets = 0;
        for n in 0..1_200_000u32 {
            let now = START + Duration::from_millis(u64::from(n));
            let names = if n % 16 == 0 { 20 } else { 1 + n % 2 };
            (0..names).for_each(|name| unknown(&sources, key(n), name, now));
            if n % 100_000 == 99_999 {
                octets = octets.max(sources.octets());
            }
        }
        let held = sources.len();
        assert!((800_000..=SOURCES_MAX).contains(&held), "{held}");
        assert!(octets <= OCTETS_MAX && OCTETS_MAX < super::super::MEMORY_MAX, "{octets} of {OCTETS_MAX}");
        assert!(sources.flagged_until(flagged, START).is_some());
        let later = START + Duration::from_hours(40);
        sources.sweep(later);
        assert_eq!(sources.len(), 0);
    }
}
