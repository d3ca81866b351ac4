//! A plan: what a source says of a domain, and what would follow for the list. Plain data; how the rows are kept until the
//! plan is applied is the store's.

use super::outcome::Applied;
use super::record::AddressRecord;
use super::row_change::RowChange;
use crate::address::{Address, DomainName};
use crate::change::{PlanId, Source};
use crate::shrink_guard::{Operations, Shrinking};
use crate::source_rows::NormalizedRows;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Rows that a plan shows of itself, unless more are asked for.
pub const EXAMPLES_MAX: usize = 1_000;
/// Rows that a plan shows at most without being staged.
pub const EXAMPLES_LIMIT: usize = 100_000;
/// Other files that a plan names.
pub(super) const OTHER_FILES_MAX: usize = 10;

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
    /// Rows that the plan shows of itself, at most [`EXAMPLES_LIMIT`].
    pub examples_max: usize,
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

impl PlanRow {
    /// What becomes of the address.
    pub fn change(&self) -> RowChange {
        RowChange::of(self.before.as_ref(), self.after.as_ref())
    }
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
    /// Its first rows, in the order of [`RowChange`], some of each.
    pub examples: Vec<PlanRow>,
    /// Other files of the same source whose addresses would go, at most ten.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub other_files: BTreeSet<String>,
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
