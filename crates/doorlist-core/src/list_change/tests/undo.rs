//! What an undo gives back, and what it leaves alone.

use super::laws::is_sound;
use super::list::{List, NOW, address, alias_of, any_claim, any_history, any_set, claim, local};
use crate::change::{Change, Source, Structure};
use crate::list_change::{Note, has_renames};
use proptest::prelude::*;
use std::time::Duration;

proptest! {
    #[test]
    fn an_undo_gives_back_what_was_there(history in any_history(), changes in any_set()) {
        let mut list = List::after(&history);
        let before = list.clone();
        if let Ok(done) = list.apply(&changes, NOW) {
            let after = list.clone();
            let undone = list.undo(&done);
            prop_assert_eq!(&list.rows, &before.rows);
            list.undo(&undone);
            prop_assert_eq!(&list.rows, &after.rows, "and the undo of the undo is the change again");
        }
    }

    #[test]
    fn an_undo_leaves_what_came_later(history in any_history(), first in any_claim(), later in any_claim()) {
        let mut list = List::after(&history);
        let Ok(done) = list.apply(std::slice::from_ref(&first), NOW) else { return Ok(()) };
        if list.apply(std::slice::from_ref(&later), NOW + Duration::from_secs(60)).is_err() {
            return Ok(());
        }
        let (Change::Claim { source: s, .. }, Change::Claim { address, source, .. }) = (&first, &later) else {
            unreachable!()
        };
        let claims = |list: &List| {
            let state = list.rows.get(address.local());
            state.and_then(|state| state.claims.iter().find(|claim| claim.source == *source).cloned())
        };
        let kept = claims(&list);
        list.undo(&done);
        is_sound(&list)?;
        let leads_to_first = first.address().is_some_and(|first| later_leads_to(&later, first.local()));
        // What the first claim freed from a veto is vetoed again.
        let vetoed_again = list.rows.get(address.local()).is_some_and(|state| !state.is_listed());
        // A claim that gave way to the first one left nothing that could be kept.
        if s != source && !leads_to_first && !vetoed_again && kept.is_some() {
            prop_assert_eq!(claims(&list), kept);
        }
    }
}

fn later_leads_to(later: &Change, target: &crate::address::LocalPart) -> bool {
    matches!(later, Change::Claim { structure: Structure::AliasOf(account), .. } if account == target)
}

#[test]
fn a_later_claim_keeps_an_address_whose_first_claim_is_undone() {
    let mut list = List::new();
    let done = list.apply(&[claim("ann", Structure::Mailbox, Source::Hand)], NOW).unwrap();
    list.apply(&[claim("ann", Structure::DistributionList, Source::Push)], NOW).unwrap();
    let undone = list.undo(&done);
    assert_eq!(undone.notes, [Note::ChangedSince { address: address("ann") }]);
    let ann = list.state("ann").unwrap();
    assert_eq!(ann.claims.iter().map(|claim| &claim.source).collect::<Vec<_>>(), [&Source::Push]);
}

#[test]
fn a_new_name_is_taken_back_with_the_number_of_the_row() {
    let mut list = List::new();
    let alias = claim("a.lee", alias_of("ann"), Source::Hand);
    list.apply(&[claim("ann", Structure::Mailbox, Source::Hand), alias], NOW).unwrap();
    let before = list.clone();
    let done = list.apply(&[Change::Rename { address: address("ann"), to: local("ann.lee") }], NOW).unwrap();
    assert_eq!(list.state("ann.lee").unwrap().id, before.state("ann").unwrap().id);
    assert!(has_renames(&done));
    assert!(has_renames(&list.undo(&done)));
    assert_eq!(list.rows, before.rows);
}
