//! What networks asked for during attacks, in a bounded table: the network with the longest inactivity goes first.

use super::{entries_of, table_octets};
use doorlist_core::harvest::{NetworkKey, RetriesOfNetwork, RetryVerdict};
use doorlist_core::time::Timestamp;
use std::collections::HashMap;

const PLACES: usize = 32 * 1024;
const NETWORKS_MAX: usize = entries_of(PLACES);
/// Octets of recipients that are remembered.
const PAIRS_MAX: usize = 2 << 20;
const ENTRY: usize = size_of::<(NetworkKey, RetriesOfNetwork)>();
/// The most that the table takes.
#[cfg(test)]
pub(super) const OCTETS_MAX: usize = table_octets(PLACES, ENTRY) + PAIRS_MAX;

#[derive(Default)]
pub(super) struct Retries {
    networks: HashMap<NetworkKey, RetriesOfNetwork>,
    /// Octets beside the records.
    pairs: usize,
}

impl Retries {
    /// Judges an attempt of a network.
    pub(super) fn attempt(&mut self, network: NetworkKey, pair: u32, now: Timestamp) -> RetryVerdict {
        if self.networks.len() >= NETWORKS_MAX && !self.networks.contains_key(&network) {
            self.make_room();
        }
        let record = self.networks.entry(network).or_default();
        let before = record.heap_octets();
        let verdict = record.attempt(pair, now);
        self.pairs = (self.pairs + record.heap_octets()).saturating_sub(before);
        if self.pairs > PAIRS_MAX {
            self.make_room();
        }
        verdict
    }

    fn make_room(&mut self) {
        let mut seen: Vec<u32> = self.networks.values().map(RetriesOfNetwork::last_seen).collect();
        let quarter = seen.len() / 4;
        if seen.is_empty() {
            return;
        }
        let (_, limit, _) = seen.select_nth_unstable(quarter);
        let (limit, mut left) = (*limit, quarter + 1);
        self.networks.retain(|_, record| {
            let goes = left > 0 && record.last_seen() <= limit;
            left -= usize::from(goes);
            !goes
        });
        let mut kept = HashMap::with_capacity(self.networks.len());
        kept.extend(self.networks.drain());
        self.networks = kept;
        self.pairs = self.networks.values().map(RetriesOfNetwork::heap_octets).sum();
    }

    /// Forgets everything, when no domain is under attack any more.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn octets(&self) -> usize {
        table_octets(self.networks.capacity().div_ceil(7) * 8, ENTRY) + self.pairs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorlist_core::network::SourceKey;
    use std::net::IpAddr;
    use std::time::Duration;

    #[test]
    fn the_table_is_bounded_and_one_network_does_not_fill_it() {
        let (mut retries, start) = (Retries::default(), Timestamp::from_secs(1_700_000_000));
        let network = |n: u32| NetworkKey::from(SourceKey::from(IpAddr::from(n.to_be_bytes())));
        let patient = network(0x0a00_0001);
        assert_eq!(retries.attempt(patient, 1, start), RetryVerdict::Deferred);
        // One that tries a hundred thousand names, and many that try some each.
        (0..100_000).for_each(|pair| {
            let _ = retries.attempt(network(0xc000_0201), pair, start);
        });
        (0..5_000u32).for_each(|n| {
            (0..10).for_each(|pair| {
                let _ = retries.attempt(network(0x1000_0000 + n * 256), pair, start);
            });
        });
        assert_eq!(retries.attempt(patient, 1, start + Duration::from_mins(6)), RetryVerdict::JudgedNormally);
        (0..200_000u32).for_each(|n| {
            (0..10).for_each(|pair| {
                let _ = retries.attempt(network(0x2000_0000 + n * 256), pair, start);
            });
        });
        assert!(retries.octets() <= OCTETS_MAX, "{} of {OCTETS_MAX}", retries.octets());
    }
}
