//! The whole list at one version: domains by name, addresses by hash. Knows nothing of replies or sessions.

use super::shard::{Entry, EntryKind, SHARD_MAX, Shard, Standing};
use super::updates::{Hashed, ListUpdates, SortedUpdates};
use super::{AddressId, Match};
use crate::address::{Address, DomainName};
use crate::domain::{DomainId, ProtectedDomain};
use siphasher::sip::SipHasher13;
use std::collections::HashMap;
use std::hash::Hasher;
use std::sync::Arc;

/// The secret under which addresses are hashed; drawn anew at each start, so that nobody can craft collisions.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Seed(pub [u8; 16]);

impl Seed {
    pub(super) fn hash(&self, domain: DomainId, local: &str) -> u64 {
        let mut hasher = SipHasher13::new_with_key(&self.0);
        hasher.write_u32(domain.0);
        hasher.write(local.as_bytes());
        hasher.finish()
    }
}

/// Two addresses have the same hash under this seed (once in a hundred thousand starts with ten million addresses):
/// build the snapshot again with another seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("two addresses collide under this seed; build again with another")]
pub struct Collision;

/// Protected domains by every name that leads to them.
pub type DomainTable = HashMap<DomainName, Arc<ProtectedDomain>>;

/// The list at one version. Cheap to share, never changed.
#[derive(Clone)]
pub struct Snapshot {
    version: u64,
    seed: Seed,
    domains: Arc<DomainTable>,
    /// Indexed by the top `depth` bits of the hash; a shard of less depth stands in several places.
    directory: Vec<Arc<Shard>>,
    depth: u32,
    addresses: usize,
}

impl Snapshot {
    /// A list with no domain in it.
    pub fn empty(seed: Seed) -> Self {
        let shard = Arc::new(Shard::default());
        Self { version: 0, seed, domains: Arc::default(), directory: vec![shard], depth: 0, addresses: 0 }
    }

    /// The store's version that this list shows.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Addresses in it, vetoed and switched-off ones too.
    pub fn addresses(&self) -> usize {
        self.addresses
    }

    /// Bytes that the addresses take on the heap.
    pub fn bytes(&self) -> usize {
        self.distinct_shards().map(|s| s.bytes() + size_of::<Shard>()).sum::<usize>()
            + self.directory.len() * size_of::<Arc<Shard>>()
    }

    /// The domain that this name or domain alias leads to.
    pub fn domain(&self, name: &DomainName) -> Option<&Arc<ProtectedDomain>> {
        self.domains.get(name)
    }

    /// All names that lead to a domain of ours.
    pub fn domains(&self) -> &DomainTable {
        &self.domains
    }

    /// The entry of exactly this local part.
    pub fn entry(&self, domain: DomainId, local: &str) -> Option<Entry> {
        let hash = self.seed.hash(domain, local);
        self.directory.get(self.slot(hash)).and_then(|shard| shard.get(hash))
    }

    /// What the list says of a recipient: the exact address first, then system addresses, then sub-addresses of the
    /// longest listed base. A local part that asks for a relay is what its own row says, or [`Match::NotOurs`]: the server
    /// behind us may read it as another address, so nothing shorter speaks for it.
    pub fn lookup(&self, domain: &ProtectedDomain, recipient: &Address) -> Match {
        let local = recipient.local();
        let exact = self.entry(domain.id, local.as_str());
        if let Some(Entry { standing: Standing::Active, kind, id }) = exact {
            return match kind {
                EntryKind::Mailbox => Match::Mailbox(id),
                EntryKind::Alias => Match::Alias(id),
                EntryKind::List => Match::DistributionList(id),
            };
        }
        if local.as_str() == "postmaster" || (domain.accept_abuse && local.as_str() == "abuse") {
            return Match::System;
        }
        if let Some(entry) = exact {
            return unlisted_row(entry);
        }
        if local.asks_for_relay() {
            return Match::NotOurs;
        }
        for base in local.bases(domain.separators()) {
            match self.entry(domain.id, base) {
                Some(Entry { standing: Standing::Active, id, .. }) => return Match::SubAddress(id),
                Some(entry) => return unlisted_row(entry),
                None if base == "postmaster" => return Match::System,
                None => {}
            }
        }
        Match::Unlisted
    }

    /// The secret under which its addresses are hashed.
    pub fn seed(&self) -> Seed {
        self.seed
    }

    /// This list at the next version, with some addresses changed and, if given, another table of domains.
    ///
    /// Cost: one copy of each touched shard (at most 64 k entries) and of the directory.
    ///
    /// # Errors
    /// When two addresses collide, or the updates are for lists under another seed: build the list again.
    pub fn with(
        &self,
        version: u64,
        updates: ListUpdates,
        domains: Option<Arc<DomainTable>>,
    ) -> Result<Snapshot, Collision> {
        if updates.seed() != self.seed {
            return Err(Collision);
        }
        let mut next = self.clone();
        next.version = version;
        if let Some(domains) = domains {
            next.domains = domains;
        }
        next.merge(updates.sorted())?;
        Ok(next)
    }

    fn merge(&mut self, mut changes: SortedUpdates) -> Result<(), Collision> {
        while let Some(hash) = changes.first() {
            let Some(shard) = self.directory.get(self.slot(hash)).cloned() else { return Ok(()) };
            let is_of_shard = |other| same_prefix(other, hash, shard.depth);
            if changes.count_while(is_of_shard) > SHARD_MAX {
                // It would split afterwards: before, there is less to copy.
                self.halve(shard.depth, hash, &shard.iter().collect::<Vec<_>>());
                continue;
            }
            let here = changes.take_while(is_of_shard);
            check_collisions(&shard, &here)?;
            let merged = shard.merge(&here);
            self.addresses = self.addresses + merged.len() - shard.len();
            self.place(shard.depth, hash, &merged);
        }
        Ok(())
    }

    /// Puts the entries of one prefix in place, as one shard or, above the limit, as several.
    fn place(&mut self, depth: u32, prefix_of: u64, entries: &[(u64, Entry)]) {
        if entries.len() > SHARD_MAX {
            return self.halve(depth, prefix_of, entries);
        }
        while depth > self.depth {
            self.directory = self.directory.iter().flat_map(|s| [s.clone(), s.clone()]).collect();
            self.depth += 1;
        }
        let shard = Arc::new(Shard::from_sorted(depth, entries));
        let width = 1usize << (self.depth - depth);
        let first = self.slot(prefix_of) & !(width - 1);
        for place in self.directory.iter_mut().skip(first).take(width) {
            *place = shard.clone();
        }
    }

    /// Puts the entries of one prefix in place as two shards at least, one for each of its halves.
    fn halve(&mut self, depth: u32, prefix_of: u64, entries: &[(u64, Entry)]) {
        let bit = 1u64 << (63 - depth);
        let middle = entries.partition_point(|(h, _)| h & bit == 0);
        let (low, high) = entries.split_at(middle);
        let prefix = prefix_of & !(u64::MAX.checked_shr(depth).unwrap_or(0));
        self.place(depth + 1, prefix, low);
        self.place(depth + 1, prefix | bit, high);
    }

    fn slot(&self, hash: u64) -> usize {
        hash.checked_shr(64 - self.depth).unwrap_or(0) as usize
    }

    fn distinct_shards(&self) -> impl Iterator<Item = &Arc<Shard>> {
        let mut last: Option<&Arc<Shard>> = None;
        self.directory.iter().filter(move |shard| {
            let new = !last.is_some_and(|l| Arc::ptr_eq(l, shard));
            last = Some(shard);
            new
        })
    }
}

/// An address never changes its row; an equal hash with another living row is another address.
fn check_collisions(shard: &Shard, changes: &[Hashed]) -> Result<(), Collision> {
    let collides = |(hash, now): &Hashed| {
        let ids = now.zip(shard.get(*hash)).map(|(now, before)| (now.id, before.id));
        ids.is_some_and(|(now, before)| now != before)
    };
    if changes.iter().any(collides) { Err(Collision) } else { Ok(()) }
}

fn same_prefix(a: u64, b: u64, depth: u32) -> bool {
    (a ^ b).checked_shr(64 - depth).unwrap_or(0) == 0
}

/// A row that does not make its address accepted.
fn unlisted_row(entry: Entry) -> Match {
    match entry.standing {
        Standing::SwitchedOff => Match::SwitchedOff(entry.id),
        Standing::Vetoed | Standing::Active => Match::Vetoed(entry.id),
    }
}

/// Takes rows in any order and makes a snapshot; 16 bytes a row while it collects.
pub struct SnapshotBuilder {
    seed: Seed,
    rows: Vec<(u64, u32, u8)>,
}

impl SnapshotBuilder {
    /// `rows_hint` is how many rows are expected.
    pub fn new(seed: Seed, rows_hint: usize) -> Self {
        Self { seed, rows: Vec::with_capacity(rows_hint) }
    }

    /// Adds one row of the store; an address comes once.
    pub fn push(&mut self, domain: DomainId, local: &str, kind: EntryKind, standing: Standing, id: AddressId) {
        let tag = Entry { kind, standing, id }.tag();
        self.rows.push((self.seed.hash(domain, local), id.0, tag));
    }

    /// Sorts and shards what was pushed.
    pub fn build(mut self, version: u64, domains: Arc<DomainTable>) -> Result<Snapshot, Collision> {
        self.rows.sort_unstable();
        if self.rows.windows(2).any(|pair| matches!(pair, [a, b] if a.0 == b.0)) {
            return Err(Collision);
        }
        let mut snapshot = Snapshot::empty(self.seed);
        snapshot.version = version;
        snapshot.domains = domains;
        snapshot.addresses = self.rows.len();
        // Shards of half the limit leave room to grow before the first split.
        let depth = (self.rows.len() / (SHARD_MAX / 2)).next_power_of_two().trailing_zeros();
        let mut rest = self.rows.as_slice();
        let mut entries = Vec::with_capacity(SHARD_MAX);
        for slot in 0..1u64 << depth {
            let prefix = slot.checked_shl(64 - depth).unwrap_or(0);
            let (here, later) = rest.split_at(rest.partition_point(|row| same_prefix(row.0, prefix, depth)));
            entries.clear();
            entries.extend(here.iter().map(|&(hash, id, tag)| (hash, Entry::from_tag(tag, id))));
            snapshot.place(depth, prefix, &entries);
            rest = later;
        }
        Ok(snapshot)
    }
}
