//! Laws that hold for every list and every change.

use super::list::{
    List, NOW, any_change, any_claim, any_history, any_set, any_source, any_structure, any_veto, any_withdrawal,
};
use crate::address::LocalPart;
use crate::change::{Change, Source, Structure};
use crate::list::EntryKind;
use crate::list_change::{CountDifference, Draft, ListCounts, Refusal};
use crate::time::Timestamp;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::time::Duration;

/// Every alias leads to an account of the list, never to an alias or to itself; an address is listed by its claims.
pub(super) fn is_sound(list: &List) -> Result<(), TestCaseError> {
    let mut ids = BTreeSet::new();
    for (local, state) in &list.rows {
        prop_assert!(ids.insert(state.id), "a number stands twice");
        prop_assert_eq!(state.kind == EntryKind::Alias, state.account.is_some(), "{}", local);
        if let Some((id, account)) = &state.account {
            let account_state = list.rows.get(account);
            prop_assert!(account != local, "{} leads to itself", local);
            prop_assert!(account_state.is_some_and(|state| state.is_account() && state.id == *id), "{}", local);
        }
        prop_assert_eq!(state.is_listed(), !state.claims.is_empty(), "{}", local);
        prop_assert_eq!(state.is_listed(), state.veto.is_none(), "{}", local);
        let sources: BTreeSet<_> = state.claims.iter().map(|claim| &claim.source).collect();
        prop_assert_eq!(sources.len(), state.claims.len(), "a source claims {} once", local);
        prop_assert!(state.claims.is_sorted_by_key(|claim| std::cmp::Reverse(claim.source.rank())));
    }
    Ok(())
}

/// The claims of other sources, by address. What was learned from mail gives way to every other source.
fn claims_of_others<'a>(list: &'a List, source: &Source) -> Vec<(&'a LocalPart, &'a Source, &'a Structure)> {
    let claims = list.rows.iter().flat_map(|(local, state)| state.claims.iter().map(move |claim| (local, claim)));
    let gives_way = |of: &Source| *of == *source || *of == Source::Learned;
    claims.filter(|(_, c)| !gives_way(&c.source)).map(|(local, c)| (local, &c.source, &c.structure)).collect()
}

fn differs(draft: &Draft) -> bool {
    draft.changed().next().is_some()
}

proptest! {
    #[test]
    fn every_list_is_sound(history in any_history()) {
        is_sound(&List::after(&history))?;
    }

    #[test]
    fn a_claim_touches_no_claim_of_another_source(history in any_history(), change in any_claim()) {
        let before = List::after(&history);
        let mut after = before.clone();
        let Change::Claim { source, .. } = &change else { unreachable!() };
        if after.apply(std::slice::from_ref(&change), NOW).is_ok() {
            prop_assert_eq!(claims_of_others(&before, source), claims_of_others(&after, source));
        }
    }

    /// What was learned from mail stands where nobody else speaks, and nowhere else.
    #[test]
    fn what_was_learned_gives_way_to_every_other_source(history in any_history()) {
        for (local, state) in &List::after(&history).rows {
            let has_learned = state.claims.iter().any(|claim| claim.source == Source::Learned);
            prop_assert!(!has_learned || state.claims.len() == 1, "{}", local);
        }
    }

    /// An alias goes with its account, whoever claims that it leads there; nothing else goes.
    #[test]
    fn a_withdrawal_takes_no_claim_of_another_source(history in any_history(), change in any_withdrawal()) {
        let before = List::after(&history);
        let mut after = before.clone();
        let Change::Withdraw { address, source } = &change else { unreachable!() };
        after.apply(std::slice::from_ref(&change), NOW).unwrap();
        let went = before.rows.contains_key(address.local()) && !after.rows.contains_key(address.local());
        let went_with_it = Structure::AliasOf(address.local().clone());
        let mut expected = claims_of_others(&before, source);
        let was_led_there = |local: &LocalPart| {
            before.rows[local].account.as_ref().is_some_and(|(_, account)| account == address.local())
        };
        expected.retain(|(local, _, structure)| !(went && **structure == went_with_it && was_led_there(local)));
        prop_assert_eq!(expected, claims_of_others(&after, source));
    }

    #[test]
    fn an_address_stays_listed_while_one_source_claims_it(history in any_history(), change in any_withdrawal()) {
        let before = List::after(&history);
        let mut after = before.clone();
        let Change::Withdraw { address, source } = &change else { unreachable!() };
        let others = before.rows.get(address.local()).is_some_and(|s| s.claims.iter().any(|c| c.source != *source));
        after.apply(std::slice::from_ref(&change), NOW).unwrap();
        prop_assert_eq!(after.rows.contains_key(address.local()), others || is_vetoed(&before, address.local()));
    }

    #[test]
    fn a_removal_by_hand_is_a_veto_over_all_sources(
        history in any_history(),
        veto in any_veto(),
        structure in any_structure(),
        source in any_source(),
    ) {
        let mut list = List::after(&history);
        let address = veto.address().unwrap().clone();
        list.apply(&[veto], NOW).unwrap();
        prop_assert!(is_vetoed(&list, address.local()));
        let before = list.clone();
        let is_wish = source.is_wish();
        let claimed = list.apply(&[Change::Claim { address: address.clone(), structure, source }], NOW);
        if is_wish {
            prop_assert_eq!(is_vetoed(&list, address.local()), claimed.is_err());
        } else {
            prop_assert_eq!(claimed.unwrap().vetoed, 1);
            prop_assert_eq!(list, before);
        }
    }

    #[test]
    fn a_change_that_is_made_twice_changes_nothing_more(history in any_history(), change in any_change()) {
        let mut list = List::after(&history);
        if list.apply(std::slice::from_ref(&change), NOW).is_ok() {
            let before = list.clone();
            // A name that was given away cannot be given away again; a reassignment is dated anew. A wish that another
            // source's word outweighed may be refused the second time, since it is known to be in vain.
            let (again, is_fixed) = match change {
                Change::Rename { .. } => (Timestamp::from_secs(0), false),
                Change::Reassign { .. } => (NOW, true),
                _ => (NOW + Duration::from_secs(60), true),
            };
            let done = list.apply(std::slice::from_ref(&change), again);
            let outweighed = matches!(done, Err(Refusal::AccountIsAlias { .. }));
            prop_assert!(!is_fixed || outweighed || done.is_ok_and(|draft| !differs(&draft)));
            prop_assert!(!is_fixed || list == before);
        }
    }

    #[test]
    fn what_is_refused_is_refused_as_a_whole(history in any_history(), changes in any_set()) {
        let mut list = List::after(&history);
        let before = list.clone();
        if list.apply(&changes, NOW).is_err() {
            prop_assert_eq!(&list, &before);
        }
        is_sound(&list)?;
    }

    #[test]
    fn the_rows_that_a_change_needs_are_enough(history in any_history(), changes in any_set()) {
        let mut few = List::after(&history);
        let mut all = few.clone();
        let (of_few, of_all) = (few.apply(&changes, NOW), all.apply_with_all_loaded(&changes, NOW));
        prop_assert_eq!(of_few.map(|draft| draft.same()), of_all.map(|draft| draft.same()));
        prop_assert_eq!(few, all);
    }

    #[test]
    fn counts_follow(history in any_history(), changes in any_set()) {
        let mut list = List::after(&history);
        let before = list.counts();
        if let Ok(draft) = list.apply(&changes, NOW) {
            let mut difference = CountDifference::default();
            for address in draft.changed() {
                if let Some(state) = &address.before {
                    difference.subtract(state.kind, state.standing);
                }
                if let Some(state) = &address.now {
                    difference.add(state.kind, state.standing);
                }
            }
            prop_assert_eq!(moved(before, difference), list.counts());
            prop_assert_eq!(difference.total(), list.counts().rows().cast_signed() - before.rows().cast_signed());
        }
    }
}

fn is_vetoed(list: &List, local: &LocalPart) -> bool {
    list.rows.get(local).is_some_and(|state| !state.is_listed())
}

pub(super) fn moved(counts: ListCounts, difference: CountDifference) -> ListCounts {
    let [mailboxes, aliases, lists, vetoed] = difference.values();
    ListCounts {
        mailboxes: counts.mailboxes.checked_add_signed(mailboxes).unwrap(),
        aliases: counts.aliases.checked_add_signed(aliases).unwrap(),
        lists: counts.lists.checked_add_signed(lists).unwrap(),
        vetoed: counts.vetoed.checked_add_signed(vetoed).unwrap(),
    }
}
