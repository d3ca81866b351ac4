//! A plan: what a source says of a domain, and what would follow for the list. Plain data; how the rows are kept until the
//! plan is applied is the store's.

use super::outcome::Applied;
use super::record::AddressRecord;
use crate::address::{Address, DomainName};
use crate::change::{PlanId, Source};
use crate::shrink_guard::{Operations, Shrinking};
use crate::source_rows::NormalizedRows;
use serde::{Deserialize, Serialize};

/// Rows that a plan shows of itself without being staged.
pub const EXAMPLES_MAX: usize = 1_000;

/// What a source says, to be compared with the list.
#[derive(Clone, Copy, Debug)]
pub struct SourcePlan<'a> {
    pub domain: &'a DomainName,
    pub source: &'a Source,
    pub list: &'a NormalizedRows,
    /// What it means that an address is not among them.
    pub coverage: Coverage<'a>,
    /// The name of the file, for those who ask later where an address came from.
    pub file: Option<&'a str>,
}

/// What it means that an address is not in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coverage<'a> {
    /// Nothing: what the source claimed before stays.
    Part,
    /// The source has it no more: its claim is withdrawn, at once or after the grace.
    Whole,
    /// The same, if its claim is of one of these entries of a directory; what others claim stays.
    Entries(&'a [Box<str>]),
    /// There is no such source any more: its claims are withdrawn at once.
    Ended,
}

/// One row of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanRow {
    pub address: Address,
    /// What it is now; `None`: not on the list.
    pub before: Option<AddressRecord>,
    /// What it would be.
    pub after: Option<AddressRecord>,
}

/// What a plan would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// Its number, if its rows were staged; what changes nothing is not staged.
    pub id: Option<PlanId>,
    /// The list's version that it was made on.
    pub base: u64,
    /// Its counts and notes.
    pub applied: Applied,
    /// The same by kind, as limits see them.
    pub operations: Operations,
    /// What the source would lose.
    pub shrinking: Shrunken,
    /// Its first rows, at most [`EXAMPLES_MAX`].
    pub examples: Vec<PlanRow>,
}

/// What a source loses by a plan, in the form in which it is stored; see [`Shrinking`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shrunken {
    /// Addresses that the source claims now.
    pub size: u64,
    /// Addresses that it would lose.
    pub lost: u64,
}

impl From<Shrunken> for Shrinking {
    fn from(shrunken: Shrunken) -> Self {
        Self { size: shrunken.size, lost: shrunken.lost }
    }
}
