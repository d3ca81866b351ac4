//! Aliases: further local parts of accounts, added, changed and removed by hand and over the API.

mod add;
mod reassign;
mod remove;
mod suggest;
mod update;

pub use add::AliasAdd;
pub use reassign::{AliasPromote, AliasReassign};
pub use remove::AliasRemove;
pub use suggest::{AliasReason, AliasSuggest, SuggestedAlias};
