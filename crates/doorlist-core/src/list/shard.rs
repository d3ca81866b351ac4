//! One shard: sorted hashes with their tags and row numbers, in three parallel arrays. Immutable.

use super::AddressId;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// Maximum entries of a shard; a larger one splits in two.
pub const SHARD_MAX: usize = 1 << 16;

/// What a listed address is. The store keeps the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    Mailbox = 0,
    /// Alias of an account.
    Alias = 1,
    List = 2,
}

/// Whether a row counts. The store keeps the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    Active = 0,
    /// Listed, switched off by the admin.
    SwitchedOff = 1,
    /// Removed by a person.
    Vetoed = 2,
}

/// One address of the list without its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    pub kind: EntryKind,
    pub standing: Standing,
    /// Number of its row in the store.
    pub id: AddressId,
}

impl Entry {
    pub(super) const fn tag(self) -> u8 {
        self.kind as u8 | (self.standing as u8) << 4
    }

    pub(super) fn from_tag(tag: u8, id: u32) -> Self {
        let kind = match tag & 0x0f {
            0 => EntryKind::Mailbox,
            1 => EntryKind::Alias,
            _ => EntryKind::List,
        };
        let standing = match tag >> 4 {
            0 => Standing::Active,
            1 => Standing::SwitchedOff,
            _ => Standing::Vetoed,
        };
        Self { kind, standing, id: AddressId(id) }
    }
}

/// Sorted by hash; all hashes share their first `depth` bits.
#[derive(Debug, Default)]
pub(super) struct Shard {
    pub(super) depth: u32,
    hashes: Box<[u64]>,
    tags: Box<[u8]>,
    ids: Box<[u32]>,
}

impl Shard {
    /// From entries sorted by hash without repeats.
    pub(super) fn from_sorted(depth: u32, entries: &[(u64, Entry)]) -> Self {
        Self {
            depth,
            hashes: entries.iter().map(|(h, _)| *h).collect(),
            tags: entries.iter().map(|(_, e)| e.tag()).collect(),
            ids: entries.iter().map(|(_, e)| e.id.0).collect(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.hashes.len()
    }

    /// Bytes on the heap.
    pub(super) fn bytes(&self) -> usize {
        self.len() * (size_of::<u64>() + size_of::<u8>() + size_of::<u32>())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, Entry)> + '_ {
        self.hashes.iter().zip(&self.tags).zip(&self.ids).map(|((h, t), id)| (*h, Entry::from_tag(*t, *id)))
    }

    pub(super) fn get(&self, hash: u64) -> Option<Entry> {
        let at = self.position(hash)?;
        Some(Entry::from_tag(*self.tags.get(at)?, *self.ids.get(at)?))
    }

    /// Interpolation search: hashes are uniform, so two or three probes find an entry, where a binary search of a cold
    /// shard would cost sixteen cache misses.
    fn position(&self, hash: u64) -> Option<usize> {
        let (mut low, mut high) = (0usize, self.hashes.len());
        let (mut low_value, mut high_value) = self.bounds();
        while high - low > 8 {
            let span = (high_value - low_value).max(1);
            let share = u128::from(hash.checked_sub(low_value)?) * ((high - low) as u128) / (u128::from(span) + 1);
            // A guess a little to either side narrows both ends at once.
            let guess = low + (share as usize).min(high - low - 1);
            let value = *self.hashes.get(guess)?;
            match value.cmp(&hash) {
                Ordering::Equal => return Some(guess),
                Ordering::Less => {
                    low = guess + 1;
                    low_value = value;
                }
                Ordering::Greater => {
                    high = guess;
                    high_value = value;
                }
            }
            if hash > high_value {
                return None;
            }
        }
        (low..high).find(|&at| self.hashes.get(at) == Some(&hash))
    }

    /// The range of hashes that this shard covers.
    fn bounds(&self) -> (u64, u64) {
        match self.hashes.first() {
            None => (0, u64::MAX),
            Some(first) => {
                let rest = u64::MAX >> self.depth;
                (first & !rest, first | rest)
            }
        }
    }

    /// This shard with `changes` (sorted by hash, no repeats) merged in; `None` removes.
    pub(super) fn merge(&self, changes: &[(u64, Option<Entry>)]) -> Vec<(u64, Entry)> {
        let mut merged = Vec::with_capacity(self.len() + changes.len());
        let mut old = self.iter().peekable();
        for (hash, change) in changes {
            while let Some(entry) = old.next_if(|(h, _)| h < hash) {
                merged.push(entry);
            }
            old.next_if(|(h, _)| h == hash);
            if let Some(entry) = change {
                merged.push((*hash, *entry));
            }
        }
        merged.extend(old);
        merged
    }
}
