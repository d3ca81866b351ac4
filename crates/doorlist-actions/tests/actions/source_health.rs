//! How the readings of a directory go, as people are told: failing since, missing since, plans that were overtaken.

use crate::day::Day;
use crate::sources::{HOUR, people, put, run, settings, synced, with_a_directory};
use doorlist_actions::{
    Check, DirectoryReading, ErrorKind, MissingClaim, PlanApply, PlanList, ReadFailure, Response, Services,
    SourceEntry, SourceShow, SyncPreview, SyncRun, WorkPool,
};
use doorlist_store::recipients::{EXAMPLES_MAX, PlanState};
use doorlist_store::source_book::{RunOutcome, SourceHealth};
use std::sync::Arc;
use tokio::runtime::Handle;

async fn shown(day: &Day) -> SourceEntry {
    match day.ask(SourceShow { name: "office".to_owned() }).await.unwrap() {
        Response::Source(entry) => entry,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_source_says_since_when_it_fails_and_when_it_was_read_well() {
    let day = with_a_directory(3).await;
    let began = day.world.now();
    assert_eq!(shown(&day).await.health, SourceHealth { last_good: Some(began), ..SourceHealth::default() });
    for (why, failures) in [("cannot be reached", 1), ("insufficient access", 2)] {
        day.world.pass(HOUR);
        day.world.answers(Err(ReadFailure { message: why.to_owned(), cause: None }));
        run(&day).await;
        let health = shown(&day).await.health;
        assert_eq!((health.last_good, health.failing_since), (Some(began), Some(began + HOUR)));
        assert_eq!((health.why.as_deref(), health.failures), (Some(why), failures));
    }
    // A preview takes nothing over, and new settings read nothing.
    day.world.answers(Ok(people(0..3)));
    synced(&day, SyncPreview { name: "office".to_owned(), examples_max: EXAMPLES_MAX }).await;
    day.ask(put(settings("ldaps://ldap.example.test"), None, true)).await.unwrap();
    assert_eq!(shown(&day).await.health.failing_since, Some(began + HOUR));
    run(&day).await;
    let health = shown(&day).await.health;
    assert_eq!(health, SourceHealth { last_good: Some(began + 2 * HOUR), failures: 2, ..SourceHealth::default() });
}

/// The reading was fine, but what it says cannot be taken over.
#[tokio::test]
async fn what_cannot_be_taken_over_has_failed_as_well() {
    let day = with_a_directory(3).await;
    day.world.answers(Ok(people(0..4)));
    let full = Services { work: WorkPool::new(Handle::current(), 1, 0), ..Services::clone(&day.services) };
    let error = Arc::new(full).scheduled_sync("office").await.unwrap_err();
    let health = shown(&day).await.health;
    assert_eq!((health.why, health.failures), (Some(error.to_string()), 1));
}

async fn plan_states(day: &Day) -> Vec<PlanState> {
    match day.ask(PlanList { domain: None, before: None, limit: 10 }).await.unwrap() {
        Response::Plans(plans) => plans.into_iter().map(|plan| plan.state).collect(),
        other => panic!("{other:?}"),
    }
}

/// A plan of Monday must not be applied on Friday, when the directory has been read well since.
#[tokio::test]
async fn a_plan_that_newer_readings_overtook_is_closed() {
    let day = with_a_directory(20).await;
    day.world.answers(Ok(people(0..5)));
    let held = run(&day).await.plan.unwrap().plan.unwrap();
    day.world.pass(HOUR);
    // What has changed alone says nothing about the others.
    day.world.answers(Ok(DirectoryReading { changed: Some(vec!["key3".into()]), ..people(3..4) }));
    let changes = synced(&day, SyncRun { name: "office".to_owned(), reason: None, changes: true }).await;
    assert_eq!(changes.outcome, RunOutcome::Same);
    assert_eq!(plan_states(&day).await[0], PlanState::Waiting);
    day.world.answers(Ok(people(0..20)));
    assert_eq!(run(&day).await.outcome, RunOutcome::Same, "everybody is there again");
    day.refused(PlanApply { id: held, reason: Some("late".to_owned()) }, ErrorKind::Refused, 1, "discarded").await;

    day.world.answers(Ok(people(0..5)));
    assert_eq!(run(&day).await.outcome, RunOutcome::Held);
    day.world.answers(Ok(people(0..21)));
    assert_eq!(run(&day).await.outcome, RunOutcome::Applied);
    assert!(!plan_states(&day).await.contains(&PlanState::Waiting));
}

/// `check` says since when the directory does not have an address, and until when it is accepted.
#[tokio::test]
async fn an_address_that_is_missing_says_since_and_until_when() {
    let day = with_a_directory(100).await;
    let missing = async || match day.ask(Check { address: "user1@example.test".to_owned(), from: None }).await.unwrap()
    {
        Response::Checked(report) => report.missing,
        other => panic!("{other:?}"),
    };
    assert_eq!(missing().await, []);
    day.world.pass(HOUR);
    day.world.answers(Ok(people(2..100)));
    run(&day).await;
    let since = day.world.now();
    day.world.pass(24 * HOUR);
    let expected = MissingClaim { source: "directory:office".to_owned(), since, until: since + 7 * 24 * HOUR };
    assert_eq!(missing().await, [expected]);
    day.world.answers(Ok(people(1..100)));
    run(&day).await;
    assert_eq!(missing().await, []);
}

#[tokio::test]
async fn a_directory_without_pages_is_told_of() {
    let day = with_a_directory(3).await;
    day.world.answers(Ok(DirectoryReading { unpaged: true, ..people(0..4) }));
    assert!(run(&day).await.unpaged);
    let (_, _, text) = day.world.told.lock().unwrap().pop().unwrap();
    assert!(text.contains("refuses paged results (RFC 2696)"), "{text}");
}
