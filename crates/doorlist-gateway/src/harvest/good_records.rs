//! Good records of sources, in a bounded table: who delivered longest ago goes first.

use super::{entries_of, lock, table_octets};
use doorlist_core::harvest::{DeliveryDay, GoodRecord};
use doorlist_core::network::SourceKey;
use doorlist_core::time::Timestamp;
use std::collections::HashMap;
use std::sync::Mutex;

const SHARDS: usize = 16;
const PLACES: usize = 2048;
const SOURCES_PER_SHARD: usize = entries_of(PLACES);
const ENTRY: usize = size_of::<(u64, GoodRecord)>();
/// The most that the table takes: with thirty days of each source.
#[cfg(test)]
pub(super) const OCTETS_MAX: usize =
    SHARDS * (table_octets(PLACES, ENTRY) + SOURCES_PER_SHARD * 30 * size_of::<DeliveryDay>());

type GoodRecordShard = HashMap<u64, GoodRecord>;

pub(super) struct GoodRecords {
    shards: Vec<Mutex<GoodRecordShard>>,
}

impl GoodRecords {
    pub(super) fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }

    fn with<T>(&self, source: SourceKey, act: impl FnOnce(&mut GoodRecordShard, u64) -> T) -> Option<T> {
        let key = source.number();
        let place = (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize % SHARDS;
        self.shards.get(place).map(|shard| act(&mut lock(shard), key))
    }

    pub(super) fn is_good(&self, source: SourceKey, now: Timestamp) -> bool {
        let is_good = |shard: &mut GoodRecordShard, key: u64| shard.get(&key).is_some_and(|record| record.is_good(now));
        self.with(source, is_good).unwrap_or(false)
    }

    /// Adds what happened on a day. True if it says anything new.
    pub(super) fn add(&self, source: SourceKey, more: &DeliveryDay, now: Timestamp) -> bool {
        let add = |shard: &mut GoodRecordShard, key: u64| record(shard, key, now).add(more);
        self.with(source, add).unwrap_or(false)
    }

    /// Counts an unknown name of a source that has anything to lose. True if it does.
    pub(super) fn cost(&self, source: SourceKey, now: Timestamp) -> bool {
        let cost = |shard: &mut GoodRecordShard, key: u64| {
            shard.get_mut(&key).is_some_and(|record| record.add(&DeliveryDay::unknown_name(now)))
        };
        self.with(source, cost).unwrap_or(false)
    }

    /// Takes a day as all nodes together know it.
    pub(super) fn replace(&self, source: SourceKey, all: DeliveryDay, now: Timestamp) {
        self.with(source, |shard, key| record(shard, key, now).replace(all));
    }

    /// How many sources have a good record now.
    pub(super) fn good(&self, now: Timestamp) -> u64 {
        let is_good = |record: &&GoodRecord| record.is_good(now);
        self.shards.iter().map(|shard| lock(shard).values().filter(is_good).count() as u64).sum()
    }

    /// Drops what is stale.
    pub(super) fn sweep(&self, now: Timestamp) {
        for shard in &self.shards {
            lock(shard).retain(|_, record| !record.is_stale(now));
        }
    }

    pub(super) fn octets(&self) -> usize {
        let of_shard = |shard: &Mutex<GoodRecordShard>| {
            let shard = lock(shard);
            let days: usize = shard.values().map(GoodRecord::heap_octets).sum();
            table_octets(shard.capacity().div_ceil(7) * 8, ENTRY) + days
        };
        self.shards.iter().map(of_shard).sum()
    }
}

/// The record of a source, which is made if it is missing.
fn record(shard: &mut GoodRecordShard, key: u64, now: Timestamp) -> &mut GoodRecord {
    if shard.len() >= SOURCES_PER_SHARD && !shard.contains_key(&key) {
        make_room(shard, now);
    }
    shard.entry(key).or_default()
}

/// Drops what is stale, then records that are not good, then those with the longest inactivity.
fn make_room(shard: &mut GoodRecordShard, now: Timestamp) {
    shard.retain(|_, record| !record.is_stale(now));
    let worth = |record: &GoodRecord| (record.is_good(now), record.last_day());
    let mut all: Vec<_> = shard.values().map(worth).collect();
    if all.len() > SOURCES_PER_SHARD / 8 * 7 {
        let quarter = all.len() / 4;
        let (_, limit, _) = all.select_nth_unstable(quarter);
        let (limit, mut left) = (*limit, quarter + 1);
        shard.retain(|_, record| {
            let goes = left > 0 && worth(record) <= limit;
            left -= usize::from(goes);
            !goes
        });
    }
    let mut kept = HashMap::with_capacity(shard.len());
    kept.extend(shard.drain());
    *shard = kept;
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;
    use std::time::Duration;

    #[test]
    fn the_table_is_bounded_and_keeps_who_is_good() {
        let (records, start) = (GoodRecords::new(), Timestamp::from_secs(1_700_006_400));
        let key = |n: u32| SourceKey::from(IpAddr::from(n.to_be_bytes()));
        let day = Duration::from_hours(24);
        for (at, entry) in [(start, 1), (start, 2), (start + day, 1)] {
            records.add(key(1), &DeliveryDay::delivery(at, entry), at);
        }
        let now = start + day;
        for n in 2..100_000 {
            records.add(key(n), &DeliveryDay::delivery(now, 1), now);
        }
        assert!(records.is_good(key(1), now) && !records.is_good(key(2), now));
        assert_eq!(records.good(now), 1);
        assert!(records.octets() <= OCTETS_MAX, "{} of {OCTETS_MAX}", records.octets());
        assert!(records.cost(key(1), now) && !records.cost(key(200_000), now));
    }
}
