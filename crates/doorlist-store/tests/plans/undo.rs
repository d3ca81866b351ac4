//! Chapters about taking back.

use crate::hand::{actor, added, address, alias, apply, domain, file, mailbox, name, veto};
use crate::list::{Said, list, take, undo};
use doorlist_core::change::{Change, ChangeSet, DomainChange, Source};
use doorlist_store::RecipientStore;
use doorlist_store::recipients::{Applied, ApplyError, Coverage, Note, Refusal, UNDO_MAX};
use std::time::Duration;

const BACK: &str = "back.test";

fn said(rows: &str) -> Said<'_> {
    Said { domain: BACK, source: file("staff"), rows, coverage: Coverage::Whole, day: 0 }
}

pub(crate) async fn an_import_goes_back_exactly(here: &RecipientStore) {
    apply(here, vec![added(BACK, "Maple")]).await;
    apply(here, vec![mailbox("ann@back.test"), mailbox("bob@back.test"), alias("info@back.test", "ann")]).await;
    let first = take(here, &said("ann cora help>cora")).await;
    let before = here.addresses(&name(BACK), None, 100).await.unwrap();
    let change = take(here, &said("cora* dan new>dan sales>ann info>dan")).await;
    assert_eq!((change.added, change.changed, change.removed), (3, 3, 1));
    let undone = undo(here, change.change_id.unwrap()).await;
    assert_eq!((undone.added, undone.changed, undone.removed, undone.notes.len()), (1, 3, 3, 0));
    assert_eq!(here.addresses(&name(BACK), None, 100).await.unwrap(), before, "ids, claims and dates too");
    // What was undone can be done again, and undone twice is nothing.
    assert_eq!(undo(here, change.change_id.unwrap()).await.change_id, None);
    undo(here, undone.change_id.unwrap()).await;
    assert_eq!(
        list(here, BACK).await,
        "ann/hand bob/hand cora*/file:staff dan/file:staff info>ann/hand,file:staff new>dan/file:staff sales>ann/file:staff"
    );
    undo(here, change.change_id.unwrap()).await;
    undo(here, first.change_id.unwrap()).await;
    assert_eq!(list(here, BACK).await, "ann/hand bob/hand info>ann/hand");
}

pub(crate) async fn what_came_later_stays(here: &RecipientStore) {
    let change = take(here, &said("ann cora dan help>cora")).await.change_id.unwrap();
    // Since then a person vouched for one, and another became an alias of somebody who goes.
    apply(here, vec![mailbox("dan@back.test")]).await;
    apply(here, vec![alias("desk@back.test", "cora")]).await;
    let undone = undo(here, change).await;
    assert_eq!(list(here, BACK).await, "ann/hand bob/hand dan/hand info>ann/hand");
    let changed_since = |note: &&Note| matches!(note, Note::ChangedSince { .. });
    assert_eq!(undone.notes.iter().filter(changed_since).count(), 1, "{:?}", undone.notes);
    assert!(undone.notes.iter().any(|note| matches!(note, Note::AliasWentWith { .. })), "{:?}", undone.notes);
    undo(here, undone.change_id.unwrap()).await;
    let expected = "ann/hand,file:staff bob/hand cora/file:staff dan/hand,file:staff desk>cora/hand help>cora/file:staff info>ann/hand";
    assert_eq!(list(here, BACK).await, expected);
    undo(here, change).await;
}

/// `dan` is said to be an alias of `box`, which is an alias itself by now, of somebody whom the change does not concern.
pub(crate) async fn an_alias_that_a_claim_names_stays(here: &RecipientStore) {
    const NAMED: &str = "named.test";
    let from = |source, rows| Said { domain: NAMED, source: file(source), rows, coverage: Coverage::Part, day: 0 };
    apply(here, vec![added(NAMED, "Maple")]).await;
    take(here, &from("old", "dan>box")).await;
    apply(here, vec![mailbox("cora@named.test"), alias("box@named.test", "cora")]).await;
    let before = list(here, NAMED).await;
    let change = take(here, &from("new", "dan")).await.change_id.unwrap();
    let undone = undo(here, change).await;
    assert_eq!((undone.changed, undone.removed, list(here, NAMED).await), (1, 0, before));
}

pub(crate) async fn removals_by_hand_come_back(here: &RecipientStore) {
    let before = list(here, BACK).await;
    let removal = apply(here, vec![veto("ann@back.test")]).await.change_id.unwrap();
    assert!(list(here, BACK).await.starts_with("ann# "), "with its alias");
    let undone = undo(here, removal).await.change_id.unwrap();
    assert_eq!(list(here, BACK).await, before);
    undo(here, undone).await;
    // An address that was freed meanwhile keeps its new claim, and gets the old ones back.
    take(here, &said("bob")).await;
    let removal = apply(here, vec![veto("bob@back.test")]).await.change_id.unwrap();
    apply(here, vec![mailbox("bob@back.test")]).await;
    undo(here, removal).await;
    assert!(list(here, BACK).await.contains("bob/hand,file:staff"));
    let withdraw = Change::Withdraw { address: address("bob@back.test"), source: Source::Hand };
    let change = apply(here, vec![withdraw]).await.change_id.unwrap();
    undo(here, change).await;
    assert!(list(here, BACK).await.contains("bob/hand,file:staff"));
}

pub(crate) async fn a_domain_comes_back_with_its_list(here: &RecipientStore) {
    let before = (here.domain(&name(BACK)).await.unwrap(), here.addresses(&name(BACK), None, 100).await.unwrap());
    let removal = apply(here, vec![domain(BACK, DomainChange::Remove)]).await.change_id.unwrap();
    assert_eq!(here.domain(&name(BACK)).await.unwrap(), None);
    let undone = undo(here, removal).await;
    assert_eq!((undone.domains, undone.added as usize + undone.changed as usize), (1, before.1.len()));
    let after = (here.domain(&name(BACK)).await.unwrap(), here.addresses(&name(BACK), None, 100).await.unwrap());
    assert_eq!(after, before);
    // An addition is not taken back under a list; a setting is.
    let hold = apply(here, vec![domain(BACK, DomainChange::Hold(true))]).await.change_id.unwrap();
    undo(here, hold).await;
    assert!(!here.domain(&name(BACK)).await.unwrap().unwrap().summary.hold);
    let addition = here.changes(Some(&name(BACK)), None, 1_000).await.unwrap().pop().unwrap().id;
    let undone = undo(here, addition).await;
    assert!(matches!(undone.notes.as_slice(), [Note::DomainChangedSince { .. }]), "{:?}", undone.notes);
    assert!(here.plan_undo(999_999, &actor(), None).await.is_err());
    // For thirty days.
    let made = here.change(addition).await.unwrap().unwrap().time;
    here.plan_undo_at(addition, &actor(), None, made + UNDO_MAX).await.unwrap();
    let late = here.plan_undo_at(addition, &actor(), None, made + UNDO_MAX + Duration::from_millis(1)).await;
    assert!(matches!(late, Err(ApplyError::Refused(Refusal::TooOldToUndo { .. }))), "{late:?}");
}

async fn try_undo(here: &RecipientStore, change: u64) -> Result<Applied, ApplyError> {
    let id = here.plan_undo(change, &actor(), Some("undone")).await?.id.unwrap();
    here.apply(&ChangeSet { changes: vec![Change::Plan { id }], summary: "undone".to_owned() }, &actor(), None).await
}

pub(crate) async fn a_name_that_leads_elsewhere_by_now_stays_there(here: &RecipientStore) {
    const GIVEN: &str = "given.test";
    let leads_to = || here.snapshot().domain(&name(GIVEN)).map(|domain| domain.name.to_string());
    let alias = |of, change: fn(_) -> DomainChange| domain(of, change(name(GIVEN)));
    apply(here, vec![added("first.test", "Maple"), alias("first.test", DomainChange::AddAlias)]).await;
    let dropped = apply(here, vec![alias("first.test", DomainChange::RemoveAlias)]).await.change_id.unwrap();
    // The name is a domain of another customer, then an alias of that one's domain.
    apply(here, vec![added(GIVEN, "Oak")]).await;
    for turn in 0..2 {
        let refused = try_undo(here, dropped).await;
        assert!(matches!(refused, Err(ApplyError::Refused(Refusal::NameGivenAway { .. }))), "{refused:?}");
        assert_ne!(leads_to().unwrap(), "first.test");
        if turn == 0 {
            let others = vec![added("second.test", "Oak"), alias("second.test", DomainChange::AddAlias)];
            apply(here, [vec![domain(GIVEN, DomainChange::Remove)], others].concat()).await;
        }
    }
    // One that goes from domain to domain goes back.
    apply(here, vec![alias("second.test", DomainChange::RemoveAlias)]).await;
    try_undo(here, dropped).await.unwrap();
    let moved = vec![alias("first.test", DomainChange::RemoveAlias), alias("second.test", DomainChange::AddAlias)];
    let moved = apply(here, moved).await.change_id.unwrap();
    assert_eq!(leads_to().unwrap(), "second.test");
    let back = undo(here, moved).await.change_id.unwrap();
    assert_eq!(leads_to().unwrap(), "first.test");
    undo(here, back).await;
    assert_eq!(leads_to().unwrap(), "second.test");
}

/// The number of a domain that was removed leads nowhere; its name may be somebody else's by now.
pub(crate) async fn a_list_does_not_come_back_to_another_domain_of_that_name(here: &RecipientStore) {
    const LOST: &str = "lost.test";
    apply(here, vec![added(LOST, "Maple"), mailbox("ann@lost.test")]).await;
    let removal = apply(here, vec![domain(LOST, DomainChange::Remove)]).await.change_id.unwrap();
    let is_refused = async || {
        let planned = here.plan_undo(removal, &actor(), Some("undone")).await.unwrap();
        assert_eq!((planned.id, planned.applied.added), (None, 0));
        let noted = |note: &Note| matches!(note, Note::DomainChangedSince { .. });
        assert!(planned.applied.notes.iter().all(noted) && !planned.applied.notes.is_empty());
    };
    apply(here, vec![added(LOST, "Oak")]).await;
    is_refused().await;
    apply(here, vec![domain(LOST, DomainChange::Remove), added("second-lost.test", "Oak")]).await;
    apply(here, vec![domain("second-lost.test", DomainChange::AddAlias(name(LOST)))]).await;
    is_refused().await;
    apply(here, vec![domain("second-lost.test", DomainChange::RemoveAlias(name(LOST)))]).await;
    undo(here, removal).await;
    assert_eq!(list(here, LOST).await, "ann/hand");
}
