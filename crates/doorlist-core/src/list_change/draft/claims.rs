//! Claims on one address: their order, putting one in its place, and what they say in words. Must not know what follows
//! for the address.

use super::{Claim, ClaimOrigin};
use crate::change::{Source, Structure};
use crate::list::EntryKind;
use crate::list_change::address_state::AddressState;
use crate::list_change::record::ClaimRecord;

/// Puts a claim in its place; a source that says the same again keeps its date. What was learned from mail gives way to
/// every other source, and says nothing where another one speaks.
pub(super) fn put_claim(claims: &mut Vec<ClaimRecord>, claim: Claim<'_>) {
    match *claim.source {
        Source::Learned if claims.iter().any(|old| old.source != Source::Learned) => return,
        Source::Learned => {}
        _ => claims.retain(|old| old.source != Source::Learned),
    }
    match claims.iter_mut().find(|old| old.source == *claim.source) {
        // It came back, or its entry is known by name now: where it stands may have moved with that.
        Some(old) if old.structure == *claim.structure => {
            let key = claim.at.key.map(str::to_owned);
            if old.missing_since.is_some() || old.key != key {
                (old.missing_since, old.key, old.place) = (None, key, claim.at.place.map(str::to_owned));
            }
        }
        Some(old) => *old = record(claim),
        None => claims.push(record(claim)),
    }
    sort_claims(claims);
}

/// The claim as the change log keeps it.
pub(in crate::list_change) fn record(claim: Claim<'_>) -> ClaimRecord {
    let ClaimOrigin { now, by, place, key } = claim.at;
    ClaimRecord {
        source: claim.source.clone(),
        structure: claim.structure.clone(),
        since: now,
        by: by.to_owned(),
        place: place.map(str::to_owned),
        key: key.map(str::to_owned),
        missing_since: None,
    }
}

/// Strongest first; among equals by name, so that the order depends on neither engine nor clock.
pub fn sort_claims(claims: &mut [ClaimRecord]) {
    claims.sort_by(|a, b| b.source.rank().cmp(&a.source.rank()).then_with(|| a.source.cmp(&b.source)));
}

/// Whether a claim of this structure says what the row is already.
pub(in crate::list_change) fn says(structure: &Structure, state: &AddressState) -> bool {
    match (structure, &state.account) {
        (Structure::AliasOf(target), Some((_, account))) => state.kind == EntryKind::Alias && target == account,
        (structure, _) => kind_of(structure) == state.kind && state.kind != EntryKind::Alias,
    }
}

fn kind_of(structure: &Structure) -> EntryKind {
    match structure {
        Structure::Mailbox => EntryKind::Mailbox,
        Structure::DistributionList => EntryKind::List,
        Structure::AliasOf(_) => EntryKind::Alias,
    }
}

pub(super) fn structure_words(structure: &Structure) -> String {
    match structure {
        Structure::Mailbox => "a mailbox".to_owned(),
        Structure::AliasOf(account) => format!("an alias of {account}"),
        Structure::DistributionList => "a distribution list".to_owned(),
    }
}

pub(super) fn stands_as(state: &AddressState) -> String {
    match (state.kind, &state.account) {
        (EntryKind::Alias, Some((_, account))) => format!("an alias of {account}"),
        (EntryKind::List, _) => "a distribution list".to_owned(),
        _ => "a mailbox".to_owned(),
    }
}
