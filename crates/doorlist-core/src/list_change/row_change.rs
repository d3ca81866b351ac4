//! What a plan or a change does to an address, in the order in which people look for it: what goes, first.

use super::address_state::{AddressState, DraftAddress};
use super::record::{AddressRecord, ClaimRecord};
use crate::address::LocalPart;
use crate::list::{EntryKind, Standing};
use crate::shrink_guard::GRACE;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// What becomes of an address. Rows of a plan stand in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowChange {
    /// It leaves the list.
    Removed,
    /// No source has it any more: it stays listed until the grace is over.
    Missing,
    /// It becomes another kind, or an alias of another account.
    Kind,
    /// It comes on the list.
    Added,
    /// It stays what it is: who claims it differs, or whether it takes mail.
    Claims,
}

/// An address, as far as it matters for what becomes of it.
#[derive(Clone, Copy)]
struct AddressView<'a> {
    kind: (EntryKind, Option<&'a LocalPart>),
    is_listed: bool,
    claims: &'a [ClaimRecord],
}

impl RowChange {
    /// Each of them, in order.
    pub const ALL: [Self; 5] = [Self::Removed, Self::Missing, Self::Kind, Self::Added, Self::Claims];

    /// What becomes of an address; `None`: it has no row.
    pub fn of(before: Option<&AddressRecord>, after: Option<&AddressRecord>) -> Self {
        between(before.map(of_record), after.map(of_record))
    }
}

impl DraftAddress {
    pub(super) fn change(&self) -> RowChange {
        between(self.before.as_ref().map(of_state), self.now.as_ref().map(of_state))
    }
}

impl AddressRecord {
    /// Until when an address is accepted that no source has any more; `None`: one has it.
    pub fn accepted_until(&self) -> Option<Timestamp> {
        missing_since(&self.claims).map(|since| since + GRACE)
    }
}

fn of_record(record: &AddressRecord) -> AddressView<'_> {
    let kind = (record.kind, record.account.as_ref());
    AddressView { kind, is_listed: record.standing != Standing::Vetoed, claims: &record.claims }
}

fn of_state(state: &AddressState) -> AddressView<'_> {
    let kind = (state.kind, state.account.as_ref().map(|(_, local)| local));
    AddressView { kind, is_listed: state.is_listed(), claims: &state.claims }
}

/// The latest time at which the last source lost it.
fn missing_since(claims: &[ClaimRecord]) -> Option<Timestamp> {
    claims.iter().map(|claim| claim.missing_since).collect::<Option<Vec<_>>>()?.into_iter().max()
}

fn between(before: Option<AddressView<'_>>, after: Option<AddressView<'_>>) -> RowChange {
    let is_missing = |seen: AddressView<'_>| missing_since(seen.claims).is_some();
    match (before.filter(|seen| seen.is_listed), after.filter(|seen| seen.is_listed)) {
        (Some(_), None) => RowChange::Removed,
        (None, Some(_)) => RowChange::Added,
        (Some(before), Some(after)) if before.kind != after.kind => RowChange::Kind,
        (Some(before), Some(after)) if is_missing(after) && !is_missing(before) => RowChange::Missing,
        _ => RowChange::Claims,
    }
}
