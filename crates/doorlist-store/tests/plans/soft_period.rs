//! When the soft period of an enforced list begins, by whatever way the list is filled and emptied.

use crate::hand::{actor, added, apply, domain, file, mailbox, name, reason, veto};
use crate::list::{Said, undo};
use doorlist_core::change::{Change, ChangeSet, DomainChange, PlanId};
use doorlist_core::domain::{Mode, SOFT_PERIOD};
use doorlist_core::time::Timestamp;
use doorlist_store::RecipientStore;
use doorlist_store::recipients::{Applied, Coverage};
use std::time::Duration;

const SOFT: &str = "soft.test";
const EMPTY: Mode = Mode::Enforce { soft_until: None, empty: true };

pub(crate) async fn an_empty_list_refuses_nobody_for_good(here: &RecipientStore, there: &RecipientStore) {
    let begun = now();
    apply(here, vec![added(SOFT, "Maple")]).await;
    let enforce = domain(SOFT, DomainChange::Mode(Mode::enforce(None)));
    let enforced = apply(here, vec![enforce.clone()]).await.change_id.unwrap();
    assert_eq!(mode(here).await, EMPTY, "though it was to be without a soft period");
    assert_eq!(reason(here, "nobody@soft.test"), "unlisted-soft");

    // By a file: the plan that is taken over fills the list.
    let filled = file_of(here, "ann bob").await;
    assert_eq!((filled.added, filled.domains), (2, 1));
    assert!(begins(mode(here).await, begun), "{:?}", mode(here).await);
    crate::list::catches_up(there, here).await;
    assert_eq!(there.snapshot().domain(&name(SOFT)).unwrap().mode, mode(here).await, "other nodes know it");
    // More entries, and fewer, change nothing.
    let until = mode(here).await;
    apply(here, vec![mailbox("cora@soft.test")]).await;
    apply(here, vec![veto("cora@soft.test")]).await;
    assert_eq!(mode(here).await, until);

    // What the list made of a mode is nobody's change: enforcing is undone as if it were as it was left.
    let back = undo(here, enforced).await;
    assert_eq!((back.domains, mode(here).await), (1, Mode::NEW));
    undo(here, back.change_id.unwrap()).await;
    assert!(begins(mode(here).await, begun), "enforced again as it was when the list was empty, and filled");

    // Undone it is empty again, as it was; done again it begins anew.
    let undone = undo(here, filled.change_id.unwrap()).await;
    assert_eq!((undone.removed, undone.notes.len(), mode(here).await), (2, 0, EMPTY));
    let again = undo(here, undone.change_id.unwrap()).await;
    assert_eq!((again.added, begins(mode(here).await, begun)), (2, true));

    // A list whose last active entry is switched off is empty, too.
    let switch =
        |local: &str, active| Change::SetActive { address: format!("{local}@soft.test").parse().unwrap(), active };
    apply(here, vec![switch("ann", false), switch("bob", false)]).await;
    assert_eq!(mode(here).await, EMPTY);
    apply(here, vec![switch("bob", true)]).await;
    assert!(begins(mode(here).await, begun));

    // With entries, a person's word counts: without a soft period at once.
    apply(here, vec![enforce.clone()]).await;
    assert_eq!(mode(here).await, Mode::enforce(None));
    apply(here, vec![domain(SOFT, DomainChange::Mode(Mode::Monitor)), enforce]).await;
    assert_eq!(mode(here).await, Mode::enforce(None), "it was filled all the time");
    assert_eq!(undo(here, enforced).await.domains, 0, "a person said something else since");
    apply(here, vec![domain(SOFT, DomainChange::Remove)]).await;
}

fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap())
}

/// Whether a soft period began behind this moment.
fn begins(mode: Mode, begun: Timestamp) -> bool {
    let soonest = begun + SOFT_PERIOD;
    matches!(mode, Mode::Enforce { soft_until: Some(until), empty: false }
        if until >= soonest && until < soonest + Duration::from_secs(600))
}

async fn mode(recipients: &RecipientStore) -> Mode {
    let stored = recipients.domain(&name(SOFT)).await.unwrap().unwrap().summary.mode;
    assert_eq!(recipients.snapshot().domain(&name(SOFT)).unwrap().mode, stored, "the list in memory knows it");
    stored
}

async fn file_of(recipients: &RecipientStore, rows: &str) -> Applied {
    let said = Said { domain: SOFT, source: file("staff"), rows, coverage: Coverage::Part, day: 0 };
    let id: PlanId = crate::list::plan(recipients, &said, Some("a file")).await.id.unwrap();
    let set = ChangeSet { changes: vec![Change::Plan { id }], summary: "a file".to_owned() };
    recipients.apply(&set, &actor(), None).await.unwrap()
}
