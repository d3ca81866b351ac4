//! Protection against lists that shrink by mistake: a directory that returns half of its entries, an edited filter, a
//! file of another domain. A plan that it stops needs approval.

use crate::counted::counted;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Time over which losses are added up, so that small losses every hour are detected.
pub const WINDOW: Duration = Duration::from_hours(7 * 24);
/// How long an address stays accepted after a directory no longer has it.
pub const GRACE: Duration = Duration::from_hours(7 * 24);
/// Losses up to this percentage of the largest list in the window pass.
pub const SHARE_MAX_PERCENT: u64 = 5;
/// Losses up to this number always pass, for small lists.
pub const COUNT_MAX: u64 = 5;

/// The loss of an earlier run of the same source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    pub at: Timestamp,
    /// Addresses that went missing or were removed by it.
    pub lost: u64,
    /// Addresses that the source claimed before it.
    pub size: u64,
}

/// The effect of a plan on the claims of its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shrinking {
    /// Addresses that the source claims now, without those in the grace period.
    pub size: u64,
    /// Addresses that would go missing or be removed, without those whose entry got another address.
    pub lost: u64,
}

/// Why a plan needs approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "because")]
pub enum Shrunk {
    /// Nothing would be left.
    #[error(
        "the source has none of its {} any more; that it lost all of them is for a person to confirm",
        counted(*size, "previous address")
    )]
    NothingLeft {
        /// Number of addresses the source claimed before.
        size: u64,
    },
    /// More than half is gone.
    #[error("{lost} of the source's {largest} addresses are gone within 7 days, which is more than half")]
    MoreThanHalf {
        /// Addresses lost within the window.
        lost: u64,
        /// The largest list in the window.
        largest: u64,
    },
    /// More than the usual number.
    #[error("{lost} of the source's {largest} addresses are gone within 7 days; more than {limit} need approval")]
    TooMany {
        /// Addresses lost within the window.
        lost: u64,
        /// The largest list in the window.
        largest: u64,
        /// The number that would pass.
        limit: u64,
    },
}

/// Checks whether a plan may be applied without approval. `earlier` are the applied runs of the same source.
pub fn check(plan: Shrinking, earlier: &[Loss], now: Timestamp) -> Result<(), Shrunk> {
    if plan.lost == 0 {
        return Ok(());
    }
    if plan.lost >= plan.size {
        return Err(Shrunk::NothingLeft { size: plan.size });
    }
    // A clock that was put back does not empty the window: what seems to lie ahead counts too.
    let window = || earlier.iter().filter(|loss| loss.at + WINDOW > now);
    let lost = window().map(|loss| loss.lost).fold(plan.lost, u64::saturating_add);
    let largest = window().map(|loss| loss.size).fold(plan.size, u64::max);
    let limit = (largest.saturating_mul(SHARE_MAX_PERCENT) / 100).max(COUNT_MAX);
    if lost > largest / 2 {
        return Err(Shrunk::MoreThanHalf { lost, largest });
    }
    if lost > limit {
        return Err(Shrunk::TooMany { lost, largest, limit });
    }
    Ok(())
}

/// Limits of changes per run of a source; `None` for no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OperationLimits {
    /// Accounts that become listed.
    pub accounts_add: Option<u64>,
    /// Accounts that go missing or are removed.
    pub accounts_delete: Option<u64>,
    /// Aliases that become listed.
    pub aliases_add: Option<u64>,
    /// Aliases that go missing or are removed.
    pub aliases_delete: Option<u64>,
    /// All of these together.
    pub total: Option<u64>,
}

/// Number of changes of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operations {
    /// Compared with the limit [`OperationLimits::accounts_add`].
    pub accounts_add: u64,
    /// Compared with the limit [`OperationLimits::accounts_delete`].
    pub accounts_delete: u64,
    /// Compared with the limit [`OperationLimits::aliases_add`].
    pub aliases_add: u64,
    /// Compared with the limit [`OperationLimits::aliases_delete`].
    pub aliases_delete: u64,
}

/// The limit that a plan exceeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{count} {what} exceed the limit of {limit} per run; the list was not changed")]
pub struct OverLimit {
    pub what: &'static str,
    pub count: u64,
    pub limit: u64,
}

impl OperationLimits {
    /// Checks a plan against all limits.
    pub fn check(&self, operations: &Operations) -> Result<(), OverLimit> {
        let Operations { accounts_add, accounts_delete, aliases_add, aliases_delete } = *operations;
        let total = [accounts_add, accounts_delete, aliases_add, aliases_delete].iter().sum();
        let all = [
            ("new accounts", accounts_add, self.accounts_add),
            ("removed accounts", accounts_delete, self.accounts_delete),
            ("new aliases", aliases_add, self.aliases_add),
            ("removed aliases", aliases_delete, self.aliases_delete),
            ("changes", total, self.total),
        ];
        for (what, count, limit) in all {
            if let Some(limit) = limit.filter(|limit| count > *limit) {
                return Err(OverLimit { what, count, limit });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
