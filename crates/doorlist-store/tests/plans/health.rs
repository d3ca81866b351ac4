//! Chapters about how readings of a source go, and plans that newer words overtook.

use crate::hand::{added, apply, file, name};
use crate::list::{Said, plan, take};
use doorlist_core::change::{PlanId, Source};
use doorlist_core::time::Timestamp;
use doorlist_store::recipients::{Coverage, PlanState};
use doorlist_store::source_book::{RunOutcome, SourceHealth, StoredConnection, WHY_CHARS_MAX};
use doorlist_store::{RecipientStore, SourceBook};
use std::time::Duration;

const HEALTH: &str = "health.test";
const START: Timestamp = Timestamp::from_secs(1_800_000_000);

pub(crate) async fn a_source_says_since_when_it_fails(here: &RecipientStore) {
    apply(here, vec![added(HEALTH, "Maple")]).await;
    let book = SourceBook::of(here);
    let connection = StoredConnection {
        name: "office".to_owned(),
        domain: name(HEALTH),
        settings: "{}".to_owned(),
        secret: None,
        marker: None,
        next_run: START,
        full_read: None,
        health: SourceHealth::default(),
    };
    book.put_connection(&connection).await.unwrap();
    let at = |minutes: u64| START + Duration::from_mins(minutes);
    let after = async |minutes: u64, outcome: RunOutcome, why: &str| {
        book.note_health("office", at(minutes), outcome, why).await.unwrap();
        book.connection("office").await.unwrap().unwrap().health
    };
    let failing = |last_good, since, why: &str, failures| SourceHealth {
        last_good,
        failing_since: Some(at(since)),
        why: Some(why.to_owned()),
        failures,
    };
    let well = |last_good, failures| SourceHealth { last_good, failures, ..SourceHealth::default() };
    assert_eq!(after(1, RunOutcome::Failed, "away").await, failing(None, 1, "away", 1));
    assert_eq!(after(2, RunOutcome::Failed, "no rights").await, failing(None, 1, "no rights", 2));
    assert_eq!(after(3, RunOutcome::Held, "").await, well(None, 2), "read well, and not taken over");
    assert_eq!(after(4, RunOutcome::Applied, "").await, well(Some(at(4)), 2));
    assert_eq!(after(5, RunOutcome::Same, "").await, well(Some(at(5)), 2));
    assert_eq!(after(6, RunOutcome::Failed, "away").await, failing(Some(at(5)), 6, "away", 3));
    // New settings are no reading.
    book.put_connection(&connection).await.unwrap();
    assert_eq!(book.connection("office").await.unwrap().unwrap().health, failing(Some(at(5)), 6, "away", 3));
    let long = after(7, RunOutcome::Failed, &"é".repeat(WHY_CHARS_MAX + 1)).await;
    assert_eq!(long.why.unwrap().chars().count(), WHY_CHARS_MAX);
    assert!(book.remove_connection("office").await.unwrap());
}

async fn state(here: &RecipientStore, id: PlanId) -> PlanState {
    here.plan_entry(id).await.unwrap().unwrap().state
}

pub(crate) async fn newer_words_overtake_a_plan_that_waits(here: &RecipientStore) {
    let directory = Source::Directory("office".to_owned());
    let said = |source: &Source, rows| Said {
        domain: HEALTH,
        source: source.clone(),
        rows,
        coverage: Coverage::Whole,
        day: 0,
    };
    let waits = here.plans_waiting().await.unwrap();
    take(here, &said(&directory, "ann bob")).await;
    let mut plans = Vec::new();
    for (source, rows) in [(&directory, "ann bob cora"), (&file("staff"), "dan"), (&directory, "ann")] {
        plans.push(plan(here, &said(source, rows), Some("waits")).await.id.unwrap());
    }
    assert_eq!(here.plans_waiting().await.unwrap(), waits + 3);
    here.overtake_plans(&name(HEALTH), &directory, START - Duration::from_millis(1)).await.unwrap();
    here.overtake_plans(&name("other.test"), &directory, START).await.unwrap();
    assert_eq!(here.plans_waiting().await.unwrap(), waits + 3, "made later, of another domain");
    here.overtake_plans(&name(HEALTH), &directory, START).await.unwrap();
    use PlanState::{Discarded, Waiting};
    for (plan, expected) in plans.iter().zip([Discarded, Waiting, Discarded]) {
        assert_eq!(state(here, *plan).await, expected);
    }
    assert_eq!(here.plans_waiting().await.unwrap(), waits + 1);
    here.discard_plan(plans[1]).await.unwrap();
}
