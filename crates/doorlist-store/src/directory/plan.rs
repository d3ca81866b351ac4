//! Plans: what a change of many rows would do, found out without a lock, shown, and applied in one transaction from the
//! rows that were staged. The rows of a plan are those of the change log, written before; applying makes the change.
//!
//! | module | what it is |
//! |---|---|
//! | `compare` | a source's list against the store's rows, both sorted |
//! | `planner` | the claims, withdrawals and renames that follow, by the rules of `draft` |
//! | `undo` | the inverse of a change |
//! | `names` | what becomes of domains themselves, and whether their names are free |
//! | `tally`, `stage` | counting rows, and writing them in short transactions |
//! | `touched` | whether the list has moved where a plan stands |
//! | `applying` | the one transaction that takes staged rows over |
//! | `shelf` | plans that wait for a person |

mod applying;
mod compare;
mod names;
mod planner;
mod shelf;
mod stage;
mod tally;
mod touched;
mod undo;

pub(super) use applying::{Taken, find_waiting, take_over};
pub use shelf::{PlanEntry, PlanState};
#[cfg(test)]
pub(super) use stage::batch;

use super::outcome::{Applied, ApplyError};
use super::records::AddressRecord;
use super::{Directory, domain_rows, load, now};
use crate::error::StoreError;
use doorlist_core::address::{Address, DomainName};
use doorlist_core::change::{Actor, PlanId, Source};
use doorlist_core::shrink_guard::{Operations, Shrinking};
use doorlist_core::source_rows::SourceList;
use doorlist_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Rows that a plan shows of itself without being staged.
pub const EXAMPLES_MAX: usize = 1_000;
/// A change can be undone for so long.
pub const UNDO_MAX: Duration = Duration::from_hours(30 * 24);

/// What a source says, to be compared with the list.
#[derive(Clone, Copy, Debug)]
pub struct SourcePlan<'a> {
    /// Of which domain.
    pub domain: &'a DomainName,
    /// Whose claims.
    pub source: &'a Source,
    /// The addresses.
    pub list: &'a SourceList,
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
    /// Which address.
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

/// See [`Shrinking`].
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

impl Directory {
    /// Compares what a source says with the list. With `stage`, the summary of the change to be, the rows are kept to be
    /// applied as [`doorlist_core::change::Change::Plan`].
    ///
    /// # Errors
    /// When the domain is not ours, or the store fails.
    pub async fn plan_source(
        &self,
        plan: &SourcePlan<'_>,
        actor: &Actor,
        stage: Option<&str>,
    ) -> Result<Planned, ApplyError> {
        self.plan_source_at(plan, actor, stage, now()).await
    }

    /// [`Directory::plan_source`] at a given time: grace is counted from there.
    ///
    /// # Errors
    /// As there.
    pub async fn plan_source_at(
        &self,
        plan: &SourcePlan<'_>,
        actor: &Actor,
        stage: Option<&str>,
        now: Timestamp,
    ) -> Result<Planned, ApplyError> {
        planner::plan(self.db(), plan, actor, stage, now).await
    }

    /// The inverse of a change: each address and domain as it was before, unless it was changed again since.
    ///
    /// # Errors
    /// When there is no such change, it is older than [`UNDO_MAX`], or the store fails.
    pub async fn plan_undo(&self, change: u64, actor: &Actor, stage: Option<&str>) -> Result<Planned, ApplyError> {
        self.plan_undo_at(change, actor, stage, now()).await
    }

    /// [`Directory::plan_undo`] at a given time: a change's age is counted up to there.
    ///
    /// # Errors
    /// As there.
    pub async fn plan_undo_at(
        &self,
        change: u64,
        actor: &Actor,
        stage: Option<&str>,
        now: Timestamp,
    ) -> Result<Planned, ApplyError> {
        undo::plan(self, change, actor, stage, now).await
    }
}

/// The list's version, and a domain as it is there.
async fn domain_at(
    mut db: &crate::db::Db,
    name: &DomainName,
) -> Result<(u64, Option<domain_rows::StoredDomain>), StoreError> {
    let version = load::version(db).await?;
    let Some(id) = domain_rows::id_of(&mut db, name).await? else { return Ok((version, None)) };
    Ok((version, domain_rows::load(&mut db, &[id]).await?.pop()))
}
