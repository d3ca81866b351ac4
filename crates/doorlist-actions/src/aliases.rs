//! Aliases: further local parts of accounts, added, changed and removed by hand and over the API.

mod add;
mod remove;
mod update;

pub use add::AliasAdd;
pub use remove::AliasRemove;
