//! Changes to the addresses of a list, on their way into its next snapshot. Knows no shards.

use super::shard::Entry;
use super::snapshot::Seed;
use crate::domain::DomainId;

/// Changes of one piece. A change of a million addresses is held in pieces, so that it never lies in memory twice while it
/// grows or is sorted.
const PIECE: usize = 1 << 16;

/// An address by its hash, and what it is now; `None`: its row is gone.
pub(super) type Hashed = (u64, Option<Entry>);

/// Changes to the addresses of a snapshot, in their order. An address is its hash here as there, 16 octets with what it is
/// now: a change of a million addresses is held while it is made.
#[derive(Clone, PartialEq, Eq)]
pub struct ListUpdates {
    seed: Seed,
    /// All but the last are full.
    pieces: Vec<Vec<Hashed>>,
}

impl ListUpdates {
    /// None yet, for lists under this seed.
    pub fn new(seed: Seed) -> Self {
        Self { seed, pieces: Vec::new() }
    }

    /// The seed of the lists that they are for.
    pub(super) fn seed(&self) -> Seed {
        self.seed
    }

    /// Adds what an address (its canonical local part) is now; `None`: its row is gone.
    pub fn push(&mut self, domain: DomainId, local: &str, entry: Option<Entry>) {
        self.push_hashed((self.seed.hash(domain, local), entry));
    }

    fn push_hashed(&mut self, change: Hashed) {
        if self.pieces.last().is_none_or(|piece| piece.len() >= PIECE) {
            // The first one is mostly the only one, and small.
            let capacity = if self.pieces.is_empty() { 1 } else { PIECE };
            self.pieces.push(Vec::with_capacity(capacity));
        }
        if let Some(piece) = self.pieces.last_mut() {
            piece.push(change);
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.pieces.iter().map(Vec::len).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// What addresses are now, those that are gone left out.
    pub fn entries(&self) -> impl Iterator<Item = Entry> {
        self.pieces.iter().flatten().filter_map(|(_, entry)| *entry)
    }

    /// Those of addresses that are gone.
    #[must_use]
    pub fn gone(&self) -> Self {
        let mut gone = Self::new(self.seed);
        self.pieces.iter().flatten().filter(|(_, entry)| entry.is_none()).for_each(|change| gone.push_hashed(*change));
        gone
    }

    /// The same by hash, the last change of each address alone.
    pub(super) fn sorted(mut self) -> SortedUpdates {
        self.pieces.iter_mut().for_each(last_of_each);
        let at = vec![0; self.pieces.len()];
        SortedUpdates { pieces: self.pieces, at }
    }
}

/// Sorts changes by hash and leaves the last one of each.
fn last_of_each(changes: &mut Vec<Hashed>) {
    changes.reverse();
    changes.sort_by_key(|(hash, _)| *hash);
    changes.dedup_by_key(|(hash, _)| *hash);
}

/// Changes by hash, each address once, taken from the front.
pub(super) struct SortedUpdates {
    pieces: Vec<Vec<Hashed>>,
    /// Where the rest of each piece begins.
    at: Vec<usize>,
}

impl SortedUpdates {
    fn rests(&self) -> impl Iterator<Item = &[Hashed]> {
        self.pieces.iter().zip(&self.at).map(|(piece, at)| piece.get(*at..).unwrap_or_default())
    }

    /// The smallest hash that is left.
    pub(super) fn first(&self) -> Option<u64> {
        self.rests().filter_map(|rest| rest.first()).map(|(hash, _)| *hash).min()
    }

    /// How many of the first ones fulfil a condition that none fulfils behind one that does not; repeats count.
    pub(super) fn count_while(&self, is_of_it: impl Fn(u64) -> bool) -> usize {
        self.rests().map(|rest| rest.partition_point(|(hash, _)| is_of_it(*hash))).sum()
    }

    pub(super) fn take_while(&mut self, is_of_it: impl Fn(u64) -> bool) -> Vec<Hashed> {
        let mut taken = Vec::with_capacity(self.count_while(&is_of_it));
        for (piece, at) in self.pieces.iter().zip(&mut self.at) {
            let rest = piece.get(*at..).unwrap_or_default();
            let (here, _) = rest.split_at(rest.partition_point(|(hash, _)| is_of_it(*hash)));
            taken.extend_from_slice(here);
            *at += here.len();
        }
        last_of_each(&mut taken);
        taken
    }
}
