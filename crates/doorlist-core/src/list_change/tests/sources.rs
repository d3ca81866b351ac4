//! A source's whole list against the list: what the plan of it does.

use super::laws::{is_sound, moved};
use super::list::{List, NOW, any_history, any_local, any_source, any_structure, claim, local};
use crate::address::LocalPart;
use crate::change::{Source, Structure};
use crate::list::EntryKind;
use crate::list_change::{AddressState, Applied, Coverage, Note, Planned, RowChange, Shrunken, Tally};
use crate::shrink_guard::GRACE;
use crate::source_rows::{EntryPlace, NormalizedRows, RowPosition, SourceRow, normalize};
use crate::time::Timestamp;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// A source that says all that it knows at once.
fn any_whole_source() -> impl Strategy<Value = Source> {
    let says_all = |source: &Source| !source.is_wish() && *source != Source::Learned;
    any_source().prop_filter("people and mail say one thing at a time", says_all)
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

    /// Counts add up: each address of the source is one of these, and each that differs is of one kind.
    #[test]
    fn each_address_is_counted_once(history in any_history(), source in any_whole_source(), said in any_list()) {
        let mut list = List::after(&history);
        let before = list.clone();
        let tally = list.take_over(&source, &said, Coverage::Whole, NOW);
        let is_vetoed = |row: &SourceRow| before.rows.get(&row.local).is_some_and(|state| !state.is_listed());
        let differs = |local: &LocalPart| before.rows.get(local) != list.rows.get(local);
        let (vetoed, said): (Vec<_>, Vec<_>) = said.rows.iter().partition(is_vetoed);
        let same = said.iter().filter(|row| !differs(&row.local)).count() as u64;
        prop_assert_eq!((tally.applied.same, tally.applied.vetoed), (same, vetoed.len() as u64));
        let all: BTreeSet<_> = before.rows.keys().chain(list.rows.keys()).collect();
        let different = all.into_iter().filter(|local| differs(local)).count() as u64;
        prop_assert_eq!(RowChange::ALL.iter().map(|change| tally.applied.rows_of(*change)).sum::<u64>(), different);
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

/// `ann`, `help>ann` (an alias) of a file.
fn file_of(words: &str) -> NormalizedRows {
    let row = |(word, line): (&str, u32)| {
        let (name, structure) = match word.split_once('>') {
            Some((name, account)) => (name, Structure::AliasOf(local(account))),
            None => (word, Structure::Mailbox),
        };
        SourceRow { local: local(name), structure, switched_off: false, place: RowPosition::Line(line) }
    };
    normalize(words.split_whitespace().zip(1..).map(row).collect())
}

fn staff() -> Source {
    Source::File("staff".to_owned())
}

#[test]
fn an_alias_that_goes_with_its_account_is_not_also_the_same() {
    let mut list = List::new();
    list.take_over(&staff(), &file_of("ann bob b1>bob b2>bob cora"), Coverage::Whole, NOW);
    let applied = list.take_over(&staff(), &file_of("ann cora"), Coverage::Whole, NOW).applied;
    assert_eq!((applied.removed, applied.same, applied.changed), (3, 2, 0));
    assert_eq!(RowChange::ALL.map(|change| applied.rows_of(change)), [3, 0, 0, 0, 0]);
}

#[test]
fn rows_come_in_the_order_in_which_people_look_for_them() {
    let office = || Source::Directory("office".to_owned());
    let mut list = List::new();
    list.take_over(&staff(), &file_of("ann zoe info>ann both"), Coverage::Whole, NOW);
    list.take_over(&office(), &entries(&[("mia", "1"), ("both", "2")]), Coverage::Whole, NOW);
    let planned = list.take_over(&office(), &entries(&[]), Coverage::Whole, NOW).planned(1, Shrunken::default());
    let rows = |planned: Planned| {
        planned.examples.iter().map(|row| format!("{:?} {}", row.change(), row.address.local())).collect::<Vec<_>>()
    };
    // What another source has does not go missing.
    assert_eq!((planned.applied.missing, planned.applied.changed), (1, 2));
    assert_eq!(rows(planned), ["Missing mia", "Claims both"]);
    let said = file_of("ann info zoe>ann new newer");
    let planned = list.take_over(&staff(), &said, Coverage::Whole, NOW).planned(1, Shrunken::default());
    // The office lost `both` before: the file was the last that had it.
    assert_eq!(rows(planned), ["Missing both", "Kind info", "Kind zoe", "Added new", "Added newer"]);
    let until = list.state("mia").unwrap().record().accepted_until();
    assert_eq!((until, list.state("ann").unwrap().record().accepted_until()), (Some(NOW + GRACE), None));
    let planned = list.take_over(&staff(), &file_of("ann"), Coverage::Whole, NOW).planned(1, Shrunken::default());
    assert_eq!(rows(planned), ["Removed info", "Removed new", "Removed newer", "Removed zoe"]);
}

#[test]
fn examples_are_few_and_of_each_kind() {
    let mut list = List::new();
    let names = |prefix: &str, count: usize| (0..count).map(|n| format!("{prefix}{n:03} ")).collect::<String>();
    list.take_over(&staff(), &file_of(&names("old", 200)), Coverage::Whole, NOW);
    let shown = |list: &mut List, said: &str, max| {
        let mut tally = Tally::new(max);
        let before = list.rows.clone();
        list.take_over(&staff(), &file_of(said), Coverage::Whole, NOW);
        let all: BTreeSet<_> = before.keys().chain(list.rows.keys()).cloned().collect();
        for local in all {
            let record = |rows: &BTreeMap<LocalPart, AddressState>| rows.get(&local).map(AddressState::record);
            let (was, is) = (record(&before), record(&list.rows));
            if was != is {
                tally.row(&list.domain, &local, was.as_ref(), is.as_ref());
            }
        }
        let rows = tally.planned(1, Shrunken::default()).examples;
        RowChange::ALL.map(|change| rows.iter().filter(|row| row.change() == change).count())
    };
    let said = names("new", 200);
    assert_eq!(shown(&mut list.clone(), &said, 100), [90, 0, 0, 10, 0]);
    assert_eq!(shown(&mut list, &said, 1_000), [200, 0, 0, 200, 0]);
}

#[test]
fn a_file_that_takes_away_what_another_file_of_its_name_brought_says_so() {
    let mut list = List::new();
    let taken = |list: &mut List, file: Option<&str>, words: &str| {
        let tally = list.take_over_file(&staff(), file, &file_of(words), NOW);
        tally.clone().planned(1, Shrunken::default()).other_files.into_iter().collect::<Vec<_>>()
    };
    assert!(taken(&mut list, Some("staff, old.csv"), "ann bob").is_empty());
    assert!(taken(&mut list, None, "ann bob cora").is_empty(), "cora came by standard input");
    assert_eq!(taken(&mut list.clone(), Some("new.csv"), "ann"), ["staff, old.csv", "standard input"]);
    assert_eq!(taken(&mut list.clone(), Some("staff, old.csv"), "ann"), ["standard input"]);
    assert_eq!(taken(&mut list, None, "ann bob"), [""; 0]);
}

#[test]
fn a_new_address_that_looks_like_another_is_noted_whichever_way_it_comes() {
    let noted = |notes: &[Note]| notes.iter().map(ToString::to_string).collect::<Vec<_>>();
    let mut list = List::new();
    let said = file_of("o\u{2019}hara o'neil anna\u{2010}lena");
    let applied = list.take_over(&staff(), &said, Coverage::Whole, NOW).applied;
    let expected = [
        "anna\u{2010}lena@example.test has \u{2010} (U+2010) instead of -: mail to the address with - is not for it",
        "o\u{2019}hara@example.test has \u{2019} (U+2019) instead of ': mail to the address with ' is not for it",
    ];
    assert_eq!(noted(&applied.notes), expected);
    let again = list.take_over(&staff(), &said, Coverage::Whole, NOW).applied;
    assert_eq!((again.notes.len(), again.same), (0, 3), "it is said once");
    let mut applied = Applied::default();
    applied.count_address((&local("d\u{2019}arc"), &list.domain.name), false, true);
    assert_eq!(applied.notes.len(), 1);
}
