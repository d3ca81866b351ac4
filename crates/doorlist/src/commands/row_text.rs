//! One address of a plan or of the change log in words: what it becomes, and what differs. No text says the same of before
//! and after.

use super::print;
use doorlist_core::address::Address;
use doorlist_core::change::Structure;
use doorlist_core::list::{EntryKind, Standing};
use doorlist_core::list_change::RowChange;
use doorlist_store::recipients::{AddressRecord, ClaimRecord};

/// A row of a plan or of the change log: `+ ann@example.test: mailbox, claimed by file:file`.
pub(super) fn row_text(address: &Address, before: Option<&AddressRecord>, after: Option<&AddressRecord>) -> String {
    let sign = match RowChange::of(before, after) {
        RowChange::Removed => '-',
        RowChange::Missing => '?',
        RowChange::Kind | RowChange::Claims => '~',
        RowChange::Added => '+',
    };
    format!("  {sign} {address}: {}", change_text(before, after))
}

/// What became of an address, in words.
pub(super) fn change_text(before: Option<&AddressRecord>, after: Option<&AddressRecord>) -> String {
    match (RowChange::of(before, after), before, after) {
        (RowChange::Removed, Some(before), Some(_)) => format!("{}; removed by a person", record_text(before)),
        (RowChange::Removed, Some(before), None) => record_text(before),
        (RowChange::Added, Some(_), Some(after)) => format!("{}; no longer removed by a person", record_text(after)),
        (RowChange::Kind, Some(before), Some(after)) => {
            format!("{}{} (was {})", record_text(after), until(after), kind_text(before))
        }
        (RowChange::Missing, _, Some(after)) => format!("{}{}", record_text(after), until(after)),
        (RowChange::Claims, Some(before), Some(after)) => claim_changes(before, after),
        (_, None, Some(after)) => record_text(after),
        (_, Some(before), None) => format!("no longer {}", record_text(before)),
        (_, None, None) => String::new(),
    }
}

/// What an address is: kind, account and who claims it.
pub(super) fn record_text(record: &AddressRecord) -> String {
    let claims: Vec<_> = record.claims.iter().map(|claim| claim.source.to_string()).collect();
    let claims = if claims.is_empty() { String::new() } else { format!(", claimed by {}", claims.join(", ")) };
    format!("{}{claims}", kind_text(record))
}

fn kind_text(record: &AddressRecord) -> String {
    let kind = match record.kind {
        EntryKind::Mailbox => "mailbox",
        EntryKind::Alias => "alias",
        EntryKind::List => "distribution list",
    };
    let of = record.account.as_ref().map(|account| format!(" of {account}")).unwrap_or_default();
    let standing = match record.standing {
        Standing::Active => "",
        Standing::SwitchedOff => ", switched off",
        Standing::Vetoed => ", removed by a person",
    };
    format!("{kind}{of}{standing}")
}

fn until(record: &AddressRecord) -> String {
    record.accepted_until().map(|until| format!(", accepted until {}", print::time(until))).unwrap_or_default()
}

/// What differs in the claims and in the standing, in words.
fn claim_changes(before: &AddressRecord, after: &AddressRecord) -> String {
    let of = |claims: &'_ [ClaimRecord], wanted: &ClaimRecord| claims.iter().position(|c| c.source == wanted.source);
    let mut changes = Vec::new();
    for claim in &after.claims {
        match of(&before.claims, claim) {
            None => changes.push(format!("now also claimed by {}", claim.source)),
            Some(at) => changes.extend(claim_change(&before.claims[at], claim)),
        }
    }
    let gone = before.claims.iter().filter(|claim| of(&after.claims, claim).is_none());
    changes.extend(gone.map(|claim| format!("no longer claimed by {}", claim.source)));
    match (before.standing, after.standing) {
        (Standing::Active, Standing::SwitchedOff) => changes.push("switched off".to_owned()),
        (Standing::SwitchedOff, Standing::Active) => changes.push("switched on".to_owned()),
        (Standing::Vetoed, Standing::Vetoed) if before.veto != after.veto => {
            changes.push("removed by a person again".to_owned());
        }
        _ => {}
    }
    changes.join("; ")
}

/// What a source says otherwise than before.
fn claim_change(before: &ClaimRecord, after: &ClaimRecord) -> Option<String> {
    let source = &after.source;
    if before.structure != after.structure {
        return Some(format!(
            "{source} calls it {} (before: {})",
            structure_text(&after.structure),
            structure_text(&before.structure)
        ));
    }
    match (before.missing_since, after.missing_since) {
        (None, Some(_)) => return Some(format!("missing from {source}")),
        (Some(_), None) => return Some(format!("back in {source}")),
        _ => {}
    }
    let place = |claim: &ClaimRecord| claim.place.clone().unwrap_or_else(|| "nowhere".to_owned());
    if before.key != after.key {
        return Some(format!("another entry of {source}: {}", place(after)));
    }
    (before != after).then(|| match before.place == after.place {
        true => format!("claimed by {source} since {}, by {}", print::time(after.since), after.by),
        false => format!("in {source} at {} (before: {})", place(after), place(before)),
    })
}

fn structure_text(structure: &Structure) -> String {
    match structure {
        Structure::Mailbox => "a mailbox".to_owned(),
        Structure::DistributionList => "a distribution list".to_owned(),
        Structure::AliasOf(account) => format!("an alias of {account}"),
    }
}

#[cfg(test)]
mod tests;
