//! Columns as the rules know them, and back: the numbers and words that stand for kinds, standings and ways, and the
//! checked forms of numbers and names.

use crate::db::variant;
use crate::error::StoreError;
use doorlist_core::address::DomainName;
use doorlist_core::change::{Structure, Via};
use doorlist_core::domain::DomainId;
use doorlist_core::list::{AddressId, EntryKind, Standing};

/// Rows that one statement reads or writes.
pub(super) const BATCH: usize = 10_000;

pub(crate) fn address_id(number: i64) -> Result<AddressId, StoreError> {
    u32::try_from(number).map(AddressId).map_err(|_| StoreError::corrupt("address", format!("id {number}")))
}

pub(crate) fn domain_id(number: i64) -> Result<DomainId, StoreError> {
    u32::try_from(number).map(DomainId).map_err(|_| StoreError::corrupt("domain", format!("id {number}")))
}

pub(crate) fn domain_name(text: &str) -> Result<DomainName, StoreError> {
    text.parse().map_err(|_| StoreError::corrupt("domain", format!("name {text:?}")))
}

pub(super) fn kind_code(kind: EntryKind) -> i64 {
    kind as i64
}

pub(super) fn kind_from(code: i64) -> Result<EntryKind, StoreError> {
    match code {
        0 => Ok(EntryKind::Mailbox),
        1 => Ok(EntryKind::Alias),
        2 => Ok(EntryKind::List),
        other => Err(StoreError::corrupt("address", format!("kind {other}"))),
    }
}

pub(super) fn standing_code(standing: Standing) -> i64 {
    standing as i64
}

pub(super) fn standing_from(code: i64) -> Result<Standing, StoreError> {
    match code {
        0 => Ok(Standing::Active),
        1 => Ok(Standing::SwitchedOff),
        2 => Ok(Standing::Vetoed),
        other => Err(StoreError::corrupt("address", format!("standing {other}"))),
    }
}

/// What a source says that an address is, as columns.
pub(super) fn structure_columns(structure: &Structure) -> (i64, Option<&str>) {
    match structure {
        Structure::Mailbox => (kind_code(EntryKind::Mailbox), None),
        Structure::DistributionList => (kind_code(EntryKind::List), None),
        Structure::AliasOf(local) => (kind_code(EntryKind::Alias), Some(local.as_str())),
    }
}

pub(super) fn via_word(via: Via) -> &'static str {
    match via {
        Via::Command => "command",
        Via::Import => "import",
        Via::Sync => "sync",
        Via::Push => "push",
        Via::Api => "api",
        Via::Learning => "learning",
        Via::System => "system",
    }
}

pub(super) fn via_from(word: &str) -> Result<Via, StoreError> {
    variant(word, "change", "via")
}
