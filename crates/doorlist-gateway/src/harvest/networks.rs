//! Networks with flagged addresses, in a bounded table.

use super::{entries_of, table_octets};
use doorlist_core::harvest::{NetworkKey, NetworkRecord};
use doorlist_core::network::SourceKey;
use doorlist_core::time::Timestamp;
use std::collections::HashMap;

const PLACES: usize = 16 * 1024;
/// Maximum number of networks with a flagged address.
const NETWORKS_MAX: usize = entries_of(PLACES);
const ENTRY: usize = size_of::<(NetworkKey, NetworkRecord)>();
/// The most that the table takes.
#[cfg(test)]
pub(super) const OCTETS_MAX: usize = table_octets(PLACES, ENTRY);

#[derive(Default)]
pub(super) struct FlaggedNetworks(HashMap<NetworkKey, NetworkRecord>);

impl FlaggedNetworks {
    /// Notes the flag of a source. An IPv6 /64 is one source: it has no neighbours.
    pub(super) fn flag(&mut self, source: SourceKey, until: Timestamp, now: Timestamp) {
        let key = NetworkKey::from(source);
        if !key.is_ipv4() {
            return;
        }
        if self.0.len() >= NETWORKS_MAX && !self.0.contains_key(&key) {
            self.0.retain(|_, record| !record.is_stale(now));
            // Beyond, each address is flagged for itself.
            if self.0.len() >= NETWORKS_MAX {
                return;
            }
        }
        self.0.entry(key).or_default().flag(source, until);
    }

    pub(super) fn release(&mut self, source: SourceKey) {
        if let Some(record) = self.0.get_mut(&NetworkKey::from(source)) {
            record.release(source);
        }
    }

    pub(super) fn flagged_until(&self, network: NetworkKey, now: Timestamp) -> Option<Timestamp> {
        self.0.get(&network).map(NetworkRecord::flagged_until).filter(|until| now < *until)
    }

    /// Networks that are flagged at this time.
    pub(super) fn flagged(&self, now: Timestamp) -> u64 {
        self.0.values().filter(|record| now < record.flagged_until()).count() as u64
    }

    pub(super) fn sweep(&mut self, now: Timestamp) {
        self.0.retain(|_, record| !record.is_stale(now));
    }

    pub(super) fn octets(&self) -> usize {
        table_octets(self.0.capacity().div_ceil(7) * 8, ENTRY)
    }
}
