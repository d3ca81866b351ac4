//! Why nothing was done: the list moved, a rule speaks against it, or the store failed.

use crate::error::StoreError;
use doorlist_core::list_change::Refusal;

/// Why a change set was not applied. Nothing of it was.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The list moved since the version on which the plan was made.
    #[error("the list changed from version {base} to {now} since this was planned; review the plan again")]
    Moved { base: u64, now: u64 },
    /// A rule of the list speaks against it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Store(#[from] StoreError),
}
