//! A source's whole list against the list: what the plan of it does.

use super::laws::{is_sound, moved};
use super::list::{List, NOW, any_history, any_local, any_source, any_structure, claim, local};
use crate::change::{Source, Structure};
use crate::list::EntryKind;
use crate::list_change::Coverage;
use crate::shrink_guard::GRACE;
use crate::source_rows::{EntryPlace, NormalizedRows, RowPosition, SourceRow, normalize};
use crate::time::Timestamp;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// A source that says all that it knows at once.
fn any_whole_source() -> impl Strategy<Value = Source> {
    any_source().prop_filter("people say one thing at a time", |source| !source.is_wish())
}

/// A list that names the accounts of its aliases, too.
fn any_list() -> impl Strategy<Value = NormalizedRows> {
    let row = (any_local(), any_structure(), any::<bool>());
    prop::collection::vec(row, 0..7).prop_map(|mut rows| {
        let named: BTreeSet<_> = rows.iter().map(|(local, ..)| local.clone()).collect();
        let accounts = rows.iter().filter_map(|(_, structure, _)| match structure {
            Structure::AliasOf(account) if !named.contains(account) => Some(account.clone()),
            _ => None,
        });
        let accounts: Vec<_> = accounts.map(|account| (account, Structure::Mailbox, false)).collect();
        rows.extend(accounts);
        let row = |((local, structure, switched_off), line)| SourceRow {
            local,
            structure,
            switched_off,
            place: RowPosition::Line(line),
        };
        normalize(rows.into_iter().zip(1..).map(row).collect())
    })
}

proptest! {
    #[test]
    fn what_a_source_names_is_listed_by_it_unless_a_person_removed_it(
        history in any_history(),
        source in any_whole_source(),
        said in any_list(),
    ) {
        let mut list = List::after(&history);
        let before = list.clone();
        let tally = list.take_over(&source, &said, Coverage::Whole, NOW);
        is_sound(&list)?;
        for row in said.rows.iter() {
            let state = list.rows.get(&row.local).unwrap();
            let claim = state.claims.iter().find(|claim| claim.source == source);
            let stands = claim.is_some_and(|claim| claim.missing_since.is_none());
            prop_assert!(stands || !state.is_listed(), "{}", row.local);
        }
        for (local, state) in &before.rows {
            let vetoed = list.rows.get(local).is_some_and(|state| !state.is_listed());
            prop_assert_eq!(vetoed, !state.is_listed(), "no source frees a veto or makes one");
        }
        let difference = tally.differences.get(&list.domain.id).copied().unwrap_or_default();
        prop_assert_eq!(moved(before.counts(), difference), list.counts());
    }

    /// An alias whose account came with the first taking over is looked at by the second; then all is settled.
    #[test]
    fn a_source_that_says_the_same_again_changes_no_claim_and_then_nothing(
        history in any_history(),
        source in any_whole_source(),
        said in any_list(),
    ) {
        let mut list = List::after(&history);
        list.take_over(&source, &said, Coverage::Whole, NOW);
        let claims = |list: &List| list.rows.values().map(|state| state.claims.clone()).collect::<Vec<_>>();
        let before = claims(&list);
        let again = list.take_over(&source, &said, Coverage::Whole, NOW + Duration::from_secs(60));
        prop_assert_eq!(claims(&list), before);
        prop_assert_eq!((again.applied.added, again.applied.removed), (0, 0));
        let before = list.clone();
        let third = list.take_over(&source, &said, Coverage::Whole, NOW + Duration::from_secs(120));
        prop_assert_eq!(&list.rows, &before.rows);
        prop_assert!(!third.applied.changes_something());
    }

    #[test]
    fn a_source_that_ends_leaves_nothing_of_itself(
        history in any_history(),
        source in any_whole_source(),
        said in any_list(),
    ) {
        let mut list = List::after(&history);
        list.take_over(&source, &said, Coverage::Whole, NOW);
        list.take_over(&source, &NormalizedRows::default(), Coverage::Ended, NOW);
        is_sound(&list)?;
        prop_assert!(list.rows.values().all(|state| state.claims.iter().all(|claim| claim.source != source)));
    }

    #[test]
    fn a_part_of_a_source_takes_nothing_away(history in any_history(), source in any_whole_source(), said in any_list()) {
        let mut list = List::after(&history);
        let before = list.clone();
        list.take_over(&source, &said, Coverage::Part, NOW);
        prop_assert!(before.rows.keys().all(|local| list.rows.contains_key(local)));
    }
}

fn entries(names: &[(&str, &str)]) -> NormalizedRows {
    let row = |(name, key): &(&str, &str)| SourceRow {
        local: local(name),
        structure: Structure::Mailbox,
        switched_off: false,
        place: RowPosition::Entry(Arc::new(EntryPlace { key: Some((*key).into()), dn: format!("cn={name}").into() })),
    };
    normalize(names.iter().map(row).collect())
}

#[test]
fn a_renamed_entry_keeps_its_former_address_until_the_grace_is_over() {
    let (mut list, source) = (List::new(), Source::Directory("head office".to_owned()));
    list.take_over(&source, &entries(&[("ann", "1"), ("bob", "2")]), Coverage::Whole, NOW);
    let said = entries(&[("ann.lee", "1"), ("bob", "2")]);
    let tally = list.take_over(&source, &said, Coverage::Whole, NOW);
    assert_eq!((tally.applied.missing, tally.applied.added), (0, 1), "nobody is lost");
    let former = list.state("ann").unwrap();
    assert_eq!((former.kind, &former.account.as_ref().unwrap().1), (EntryKind::Alias, &local("ann.lee")));
    let later = NOW + GRACE;
    list.take_over(&source, &said, Coverage::Whole, Timestamp::from_millis(later.as_millis() - 1));
    assert!(list.state("ann").is_some());
    list.take_over(&source, &said, Coverage::Whole, later);
    assert!(list.state("ann").is_none());
}

#[test]
fn what_a_directory_has_no_more_stays_for_the_grace_and_what_a_file_has_no_more_goes() {
    for (source, stays) in [(Source::Push, true), (Source::File("staff".to_owned()), false)] {
        let mut list = List::new();
        let structure = Structure::Mailbox;
        list.take_over(&source, &entries(&[("ann", "1"), ("bob", "2")]), Coverage::Whole, NOW);
        let tally = list.take_over(&source, &entries(&[("bob", "2")]), Coverage::Whole, NOW);
        assert_eq!(list.state("ann").is_some(), stays, "{source}");
        assert_eq!((tally.operations.accounts_delete, tally.applied.missing), (1, u64::from(stays)));
        list.apply(&[claim("ann", structure, source)], NOW).unwrap();
        assert!(list.state("ann").unwrap().claims[0].missing_since.is_none(), "it came back");
    }
}
