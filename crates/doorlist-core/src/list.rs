//! The list in memory: every accepted (or vetoed) address of every domain, about 13 bytes each, and the look-up.
//!
//! An address is a 64-bit SipHash of (domain id, canonical local part) under a secret seed, 8 bits of kind and state,
//! and the 32-bit number of its row. They stand sorted in immutable shards of at most [`shard::SHARD_MAX`] entries, and
//! a directory of shard pointers is indexed by the top bits of the hash (extendible hashing): a change copies the
//! shards it touches and the directory, so its cost does not grow with the list, and a reader holds an `Arc` of a
//! whole that never changes. Names are not kept: who needs them reads the store by the row's number.
//!
//! This module must not know where the rows come from, nor what is answered to a recipient.

mod shard;
mod snapshot;
#[cfg(test)]
mod tests;
mod updates;

pub use shard::{Entry, EntryKind, SHARD_MAX, Standing};
pub use snapshot::{Collision, DomainTable, Seed, Snapshot, SnapshotBuilder};
pub use updates::ListUpdates;

use serde::{Deserialize, Serialize};

/// The number of an address's row in the store. 32 bits: four billion rows in a gateway's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AddressId(pub u32);

/// What the list says of a recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Match {
    /// An email account of its own.
    Mailbox(AddressId),
    /// A further name of an account.
    Alias(AddressId),
    /// An account that is flagged as a distribution list.
    DistributionList(AddressId),
    /// `user+tag` of the listed `user`.
    SubAddress(AddressId),
    /// A bounce to the signed sender `prvs=TAG=user` (BATV) of the listed `user`.
    SignedSender(AddressId),
    /// A bounce to a sender that the domain's own server rewrote (SRS).
    RewrittenSender,
    /// `postmaster@`, and `abuse@` where the domain accepts it.
    System,
    /// Listed, but switched off by the admin.
    SwitchedOff(AddressId),
    /// Removed by a person: unlisted in every mode until it is added again.
    Vetoed(AddressId),
    /// One of our domains, not on its list.
    Unlisted,
    /// Not one of our domains, or a form that asks for a relay.
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
            | Match::SignedSender(id)
            | Match::SwitchedOff(id)
            | Match::Vetoed(id) => Some(id),
            Match::System | Match::RewrittenSender | Match::Unlisted | Match::NotOurs => None,
        }
    }
}
