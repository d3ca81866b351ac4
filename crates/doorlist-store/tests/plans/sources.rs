//! Chapters about what sources say.

use crate::hand::{added, address, apply, claim, domain, file, mailbox, name, reason, veto};
use crate::list::{Said, list, look, plan, rows, take};
use doorlist_core::change::{Actor, Change, ChangeSet, DomainChange, PlanId, Source, Structure, Via};
use doorlist_store::RecipientStore;
use doorlist_store::recipients::{Applied, ApplyError, Coverage, Note, PlanState, Refusal, SourcePlan};

const EXAMPLE: &str = "example.test";

fn directory_source() -> Source {
    Source::Directory("head".to_owned())
}

fn from<'a>(source: Source, rows: &'a str) -> Said<'a> {
    Said { domain: EXAMPLE, source, rows, coverage: Coverage::Part, day: 0 }
}

fn whole<'a>(source: Source, rows: &'a str, day: u64) -> Said<'a> {
    Said { coverage: Coverage::Whole, day, ..from(source, rows) }
}

pub(crate) async fn a_file_is_planned_then_applied(here: &RecipientStore) {
    apply(here, vec![added(EXAMPLE, "Maple")]).await;
    let said = from(file("staff"), "ann bob info>ann team* help>team lost>nobody");
    let planned = look(here, &said).await;
    assert_eq!((planned.applied.added, planned.id), (6, None));
    assert_eq!((planned.operations.accounts_add, planned.operations.aliases_add), (4, 2));
    assert_eq!(planned.applied.notes, [Note::StandsAlone { address: address("lost@example.test") }]);
    assert_eq!(list(here, EXAMPLE).await, "", "a plan writes nothing");
    assert_eq!(reason(here, "ann@example.test"), "undecided");

    let applied = take(here, &said).await;
    assert_eq!(applied.added, 6);
    let expected =
        "ann/file:staff bob/file:staff help>team/file:staff info>ann/file:staff lost/file:staff team*/file:staff";
    assert_eq!(list(here, EXAMPLE).await, expected);
    assert_eq!(reason(here, "info@example.test"), "listed");
    let again = take(here, &said).await;
    assert_eq!((again.same, again.change_id), (6, None));

    let record = here.account(&address("bob@example.test")).await.unwrap().unwrap().entry.record;
    assert_eq!((record.claims[0].by.as_str(), record.claims[0].place.as_deref()), ("ann", Some("staff.csv, line 2")));
}

pub(crate) async fn stronger_sources_say_what_an_address_is(here: &RecipientStore) {
    // What was learned from mail gives way to whoever speaks, and its evidence stays.
    apply(here, vec![claim("dan@example.test", Structure::Mailbox, Source::Learned)]).await;
    take(here, &from(directory_source(), "ann bob>ann dan>ann")).await;
    let expected = "ann/directory:head,file:staff bob>ann/directory:head,file:staff dan>ann/directory:head";
    assert!(list(here, EXAMPLE).await.starts_with(expected), "{}", list(here, EXAMPLE).await);
    // The file's word stays weaker, whenever it comes again.
    let applied = take(here, &from(file("staff"), "bob")).await;
    assert!(matches!(applied.notes.as_slice(), [Note::StructureStands { .. }]), "{:?}", applied.notes);
    // By hand it is what the person says.
    apply(here, vec![mailbox("bob@example.test")]).await;
    assert!(list(here, EXAMPLE).await.contains(" bob/hand,directory:head,file:staff "));
    // Without that word, the directory's stands again.
    let hand = Change::Withdraw { address: address("bob@example.test"), source: Source::Hand };
    apply(here, vec![hand]).await;
    assert!(list(here, EXAMPLE).await.contains(" bob>ann/directory:head,file:staff "));
}

fn actor() -> Actor {
    Actor { name: "ann".to_owned(), via: Via::Command }
}

pub(crate) async fn equal_sources_that_disagree_are_a_conflict(here: &RecipientStore) {
    let applied = take(here, &from(Source::Push, "bob")).await;
    assert_eq!(applied.conflicts, 1);
    let [Note::Conflict { address: which, source, other, .. }] = applied.notes.as_slice() else {
        panic!("{:?}", applied.notes)
    };
    assert_eq!((which, source.as_str(), other.as_str()), (&address("bob@example.test"), "push", "directory:head"));
    assert!(list(here, EXAMPLE).await.contains(" bob>ann/directory:head,push,file:staff "), "nothing is guessed");
    // As long as they disagree, each plan says so, and changes nothing.
    let again = look(here, &from(Source::Push, "bob")).await;
    assert_eq!((again.applied.conflicts, again.applied.same, again.applied.changed), (1, 1, 0));
    take(here, &whole(Source::Push, "", 1)).await;
    take(here, &whole(Source::Push, "", 9)).await;
    assert!(list(here, EXAMPLE).await.contains(" bob>ann/directory:head,file:staff "));
}

pub(crate) async fn a_veto_survives_every_source(here: &RecipientStore) {
    apply(here, vec![veto("dan@example.test")]).await;
    for source in [file("staff"), directory_source(), Source::Push, Source::Learned] {
        let applied = take(here, &from(source, "dan")).await;
        assert_eq!((applied.vetoed, applied.change_id), (1, None));
    }
    assert!(list(here, EXAMPLE).await.contains(" dan# "));
    let record = here.account(&address("dan@example.test")).await.unwrap().unwrap().entry.record;
    assert_eq!(record.veto.unwrap().by, "ann");
    apply(here, vec![mailbox("dan@example.test")]).await;
    let record = here.account(&address("dan@example.test")).await.unwrap().unwrap().entry.record;
    assert_eq!(record.veto, None);
}

pub(crate) async fn a_mirror_withdraws_only_its_own(here: &RecipientStore) {
    let planned = look(here, &whole(file("staff"), "ann bob info>ann", 0)).await;
    assert_eq!((planned.shrinking.size, planned.shrinking.lost), (6, 3), "help, lost and team");
    take(here, &whole(file("staff"), "ann bob info>ann", 0)).await;
    let expected = "ann/directory:head,file:staff bob>ann/directory:head,file:staff dan/hand info>ann/file:staff";
    assert_eq!(list(here, EXAMPLE).await, expected);
    let planned = look(here, &from(file("staff"), "ann")).await;
    assert_eq!(planned.applied.removed + planned.applied.changed, 0, "without --mirror nothing goes");
    take(here, &whole(file("staff"), "", 0)).await;
    assert_eq!(list(here, EXAMPLE).await, "ann/directory:head bob>ann/directory:head dan/hand");
}

pub(crate) async fn what_goes_missing_stays_for_seven_days(here: &RecipientStore) {
    let applied = take(here, &whole(directory_source(), "ann", 10)).await;
    assert_eq!((applied.missing, applied.changed, applied.removed), (1, 1, 0));
    assert_eq!(list(here, EXAMPLE).await, "ann/directory:head bob>ann/directory:head? dan/hand");
    assert_eq!(reason(here, "bob@example.test"), "listed");
    let applied = take(here, &whole(directory_source(), "ann", 16)).await;
    assert_eq!(applied.change_id, None, "still in its grace");
    // It came back, and goes again.
    take(here, &whole(directory_source(), "ann bob>ann", 16)).await;
    assert_eq!(list(here, EXAMPLE).await, "ann/directory:head bob>ann/directory:head dan/hand");
    take(here, &whole(directory_source(), "ann", 17)).await;
    let last = look(here, &whole(directory_source(), "ann", 24)).await;
    assert_eq!(last.shrinking.lost, 0, "it counted when it went missing");
    take(here, &whole(directory_source(), "ann", 24)).await;
    assert_eq!(list(here, EXAMPLE).await, "ann/directory:head dan/hand");
}

pub(crate) async fn a_renamed_entry_is_one_change(here: &RecipientStore) {
    take(here, &whole(directory_source(), "ann=k1 a.l>ann=k1 cora=k2", 30)).await;
    let planned = look(here, &whole(directory_source(), "ann=k1 a.l>ann=k1 cora.new=k2", 31)).await;
    assert_eq!((planned.shrinking.lost, planned.applied.missing), (0, 0), "nobody is gone");
    let applied = take(here, &whole(directory_source(), "ann=k1 a.l>ann=k1 cora.new=k2", 31)).await;
    assert!(matches!(applied.notes.as_slice(), [Note::Renamed { .. }]), "{:?}", applied.notes);
    let expected =
        "a.l>ann/directory:head ann/directory:head cora>cora.new/directory:head? cora.new/directory:head dan/hand";
    assert_eq!(list(here, EXAMPLE).await, expected);
    // The usual case: the former address becomes an alias at once.
    take(here, &whole(directory_source(), "ann.new=k1 a.l>ann.new=k1 ann>ann.new=k1 cora.new=k2", 32)).await;
    let expected = "a.l>ann.new/directory:head ann>ann.new/directory:head ann.new/directory:head \
                    cora>cora.new/directory:head? cora.new/directory:head dan/hand";
    assert_eq!(list(here, EXAMPLE).await, expected);
    take(here, &whole(directory_source(), "ann.new=k1 a.l>ann.new=k1 ann>ann.new=k1 cora.new=k2", 39)).await;
    assert!(!list(here, EXAMPLE).await.contains("cora>"));
}

pub(crate) async fn some_entries_alone(here: &RecipientStore) {
    let keys = ["k1".into()];
    let said =
        Said { coverage: Coverage::Entries(&keys), day: 40, ..from(directory_source(), "ann.new=k1 new>ann.new=k1") };
    let applied = take(here, &said).await;
    assert_eq!(
        (applied.added, applied.missing),
        (1, 2),
        "what the entry has no more goes missing; others are left alone"
    );
    let expected = "a.l>ann.new/directory:head? ann>ann.new/directory:head? ann.new/directory:head \
                    cora.new/directory:head dan/hand new>ann.new/directory:head";
    assert_eq!(list(here, EXAMPLE).await, expected);
    // An account that goes takes its aliases along, those of its own source.
    take(here, &whole(directory_source(), "cora.new=k2", 41)).await;
    take(here, &whole(directory_source(), "cora.new=k2", 49)).await;
    assert_eq!(list(here, EXAMPLE).await, "cora.new/directory:head dan/hand");
}

async fn apply_plan(here: &RecipientStore, id: PlanId) -> Result<Applied, ApplyError> {
    let set = ChangeSet { changes: vec![Change::Plan { id }], summary: "a plan".to_owned() };
    here.apply(&set, &actor(), None).await
}

pub(crate) async fn a_plan_waits_moves_and_is_thrown_away(here: &RecipientStore) {
    let said = from(file("later"), "eve");
    let waiting = plan(here, &said, Some("waits")).await.id.unwrap();
    let entry = here.plan_entry(waiting).await.unwrap().unwrap();
    assert_eq!((entry.state, entry.summary.as_str(), entry.planned.applied.added), (PlanState::Waiting, "waits", 1));
    assert_eq!(here.plan_rows(waiting, None, 10).await.unwrap().0.len(), 1);

    apply(here, vec![added("elsewhere.test", "Maple")]).await;
    // What the plan is not about may change meanwhile, but not what it is about.
    apply(here, vec![mailbox("fay@example.test")]).await;
    let other = plan(here, &from(file("other"), "gil>fay"), Some("an alias of fay")).await.id.unwrap();
    apply(here, vec![mailbox("eve@example.test")]).await;
    assert!(matches!(apply_plan(here, waiting).await, Err(ApplyError::Moved { .. })));
    apply(here, vec![veto("fay@example.test")]).await;
    assert!(matches!(apply_plan(here, other).await, Err(ApplyError::Moved { .. })), "its account is gone");
    here.discard_plan(other).await.unwrap();
    here.discard_plan(waiting).await.unwrap();
    let done = apply_plan(here, waiting).await;
    assert!(matches!(done, Err(ApplyError::Refused(Refusal::PlanIsDone { .. }))), "{done:?}");
    assert!(here.discard_plan(waiting).await.is_err());
    here.sweep_plans(Default::default(), Default::default()).await.unwrap();
    assert_eq!(here.plan_rows(waiting, None, 10).await.unwrap().0.len(), 0);

    let next = plan(here, &said, Some("again")).await.id.unwrap();
    assert!(next > waiting, "a number is given once");
    apply(here, vec![mailbox("hal@example.test")]).await;
    apply(here, vec![domain("elsewhere.test", DomainChange::Hold(true))]).await;
    apply_plan(here, next).await.unwrap();
    let states: Vec<_> =
        here.plans(Some(&name(EXAMPLE)), None, 2).await.unwrap().iter().map(|plan| plan.state).collect();
    assert_eq!(states, [PlanState::Applied, PlanState::Discarded], "{states:?}");
    let elsewhere = SourcePlan {
        domain: &name("nowhere.test"),
        source: &file("x"),
        list: &rows("ann"),
        coverage: Coverage::Part,
        file: None,
        examples_max: 0,
    };
    assert!(matches!(here.plan_source(&elsewhere, &actor(), None).await, Err(ApplyError::Refused(_))));
}
