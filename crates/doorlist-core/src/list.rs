//! The list in memory: every accepted or vetoed address of every domain, about 13 bytes each, and the look-up.
//!
//! An address is a 64-bit SipHash of (domain id, canonical local part) under a secret seed, 8 bits of kind and state,
//! and the 32-bit number of its row. Addresses are sorted in immutable shards of at most [`shard::SHARD_MAX`] entries.
//! An array of shard pointers is indexed by the top bits of the hash (extendible hashing). A change copies the shards
//! it touches and the array, so its cost does not depend on the size of the list. A reader holds an `Arc` of an
//! immutable list. Names are not kept: the store has them under the row number.

mod shard;
mod snapshot;
mod updates;
#[cfg(test)]
mod tests;

pub use shard::{Entry, Kind, SHARD_MAX, Standing};
pub use snapshot::{Collision, DomainTable, Seed, Snapshot, SnapshotBuilder};
pub use updates::ListUpdates;

use serde::{Deserialize, Serialize};

/// Number of an address's row in the store; 32 bits, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AddressId(pub u32);

/// The result of looking a recipient up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Match {
    /// An email account of its own.
    Mailbox(AddressId),
    /// Alias of an account.
    Alias(AddressId),
    /// An account that is flagged as a distribution list.
    DistributionList(AddressId),
    /// `user+tag` of the listed `user`.
    SubAddress(AddressId),
    /// `postmaster@`, and `abuse@` where the domain accepts it.
    System,
    /// Listed, but switched off by the admin.
    SwitchedOff(AddressId),
    /// Removed by a person: unlisted in every mode until it is added again.
    Vetoed(AddressId),
    /// In a protected domain, but not on its list.
    Unlisted,
    /// Not in a protected domain, or a form that requests relaying.
    NotOurs,
}

impl Match {
    /// The row that matched, if a row did.
    pub fn address_id(self) -> Option<AddressId> {
        match self {
            Match::Mailbox(id)
            | Match::Alias(id)
            | Match::DistributionList(id)
            | Match::SubAddress(id)
            | Match::SwitchedOff(id)
            | Match::Vetoed(id) => Some(id),
            Match::System | Match::Unlisted | Match::NotOurs => None,
        }
    }
}
