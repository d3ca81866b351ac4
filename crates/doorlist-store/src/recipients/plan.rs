//! Plans: what a change of many rows would do, found out without a lock, shown, and applied in one transaction from the
//! rows that were staged. The rows of a plan are those of the change log, written before; applying makes the change.
//!
//! | module | what it is |
//! |---|---|
//! | `making` | plans for whoever asks |
//! | `source` | the plan of a source's list, made by the rules of the core |
//! | `undo` | the inverse of a change |
//! | `stage` | the rows, written in short transactions |
//! | `domains` | what becomes of domains themselves, and whether their names are free |
//! | `touched` | whether the list has moved where a plan stands |
//! | `applying` | the one transaction that takes staged rows over |
//! | `pending` | plans that wait for a person |

pub(super) mod applying;
pub(super) mod domains;
mod making;
mod pending;
mod source;
pub(super) mod stage;
mod touched;
mod undo;

pub(crate) use pending::read_plans;
pub use pending::{PlanEntry, PlanState};
pub use undo::UNDO_MAX;
