//! The failure stories: what befell others must remove nobody here, and say why.

use crate::day::Day;
use crate::sources::{HOUR, people, run, with_a_directory};
use doorlist_actions::{DirectoryReading, PlanList, ReadFailure, Response, SyncReport};
use doorlist_store::recipients::ListCounts;
use doorlist_store::source_book::RunOutcome;

async fn listed(day: &Day) -> ListCounts {
    let domain = "example.test".parse().unwrap();
    day.services.recipients.domain(&domain).await.unwrap().unwrap().summary.counts
}

/// The report of a run that must change nothing.
async fn stopped(day: &Day, outcome: RunOutcome, word: &str) -> SyncReport {
    let (version, before) = (day.services.recipients.snapshot().version(), listed(day).await);
    let report = run(day).await;
    assert_eq!(report.outcome, outcome, "{report:?}");
    assert!(report.why.as_ref().is_some_and(|why| why.contains(word)), "{word:?} is not in {report:?}");
    assert_eq!(
        (day.services.recipients.snapshot().version(), listed(day).await),
        (version, before),
        "nobody is removed"
    );
    report
}

/// A server that cannot be reached, a base that is not there, an account without rights, a size limit, a connection that
/// is lost on page 7 of 20: each is an error of the reading, and an error is not an empty answer.
#[tokio::test]
async fn an_error_is_not_an_empty_answer() {
    let day = with_a_directory(20).await;
    for why in ["cannot be reached", "no such object", "insufficient access", "size limit exceeded", "lost on page 7"] {
        day.world.answers(Err(ReadFailure { message: why.to_owned(), cause: None }));
        stopped(&day, RunOutcome::Failed, why).await;
    }
    day.world.answers(Ok(people(0..20)));
    assert_eq!(run(&day).await.outcome, RunOutcome::Same);
}

/// A wrong base or filter, or an account that may not see anybody: a fine answer without anybody in it.
#[tokio::test]
async fn an_empty_answer_never_removes_anybody() {
    let day = with_a_directory(20).await;
    day.world.answers(Ok(people(0..0)));
    stopped(&day, RunOutcome::Failed, "an empty answer never removes recipients").await;
    // Entries there are, but none of this domain.
    day.world.answers(Ok(DirectoryReading { entries: 20, ..people(0..0) }));
    stopped(&day, RunOutcome::Failed, "20 entries, but no address of example.test").await;
}

#[tokio::test]
async fn six_percent_of_a_thousand() {
    let day = with_a_directory(1_000).await;
    day.world.answers(Ok(people(60..1_000)));
    let report = stopped(&day, RunOutcome::Held, "60 of the source's 1000 addresses").await;
    let plan = report.plan.unwrap().plan.unwrap();
    assert!(report.why.unwrap().contains(&format!("plan {}", plan.0)));
    // Again and again: nothing is tried past it, and one plan waits, not many.
    day.world.pass(HOUR);
    stopped(&day, RunOutcome::Held, "60 of").await;
    let Response::Plans(plans) = day.ask(PlanList { domain: None, before: None, limit: 10 }).await.unwrap() else {
        panic!()
    };
    let waiting = plans.iter().filter(|plan| plan.state == doorlist_store::recipients::PlanState::Waiting).count();
    assert_eq!(waiting, 1);
}

#[tokio::test]
async fn all_of_five() {
    let day = with_a_directory(5).await;
    day.world.answers(Ok(people(5..10)));
    stopped(&day, RunOutcome::Held, "none of its 5 previous addresses").await;
}

/// An OU was renamed, and base and filter find half of the people.
#[tokio::test]
async fn half_of_the_people() {
    let day = with_a_directory(10).await;
    day.world.answers(Ok(people(0..4)));
    stopped(&day, RunOutcome::Held, "more than half").await;
    day.world.answers(Ok(people(0..5)));
    assert_eq!(run(&day).await.outcome, RunOutcome::Applied, "five of ten is not more than half, nor more than five");
}

#[tokio::test]
async fn four_point_nine_percent_every_hour_for_a_day() {
    let day = with_a_directory(1_000).await;
    let (mut left, mut held) = (1_000_u32, 0);
    for _ in 0..24 {
        day.world.pass(HOUR);
        let lost = left * 49 / 1_000;
        day.world.answers(Ok(people(0..left - lost)));
        let report = run(&day).await;
        if report.outcome == RunOutcome::Applied {
            left -= lost;
        } else {
            assert!(report.why.unwrap().contains("within 7 days"));
            held += 1;
        }
    }
    assert_eq!((left, held), (951, 23));
    assert_eq!(listed(&day).await.mailboxes, 1_000, "and those 49 are still in their grace");
}

/// A renamed OU changes names of entries, not the entries: nothing happens.
#[tokio::test]
async fn a_renamed_unit_is_no_loss() {
    let day = with_a_directory(20).await;
    let mut moved = people(0..20);
    for row in &mut moved.rows {
        if let doorlist_core::source_rows::RowPosition::Entry(entry) = &mut row.place {
            let dn = entry.dn.replace("dc=example", "ou=new,dc=example").into();
            *entry = std::sync::Arc::new(doorlist_core::source_rows::EntryPlace { dn, ..(**entry).clone() });
        }
    }
    day.world.answers(Ok(moved));
    assert_eq!(run(&day).await.outcome, RunOutcome::Same);
}

/// What is missing stays for seven days, then goes; what comes back stays.
#[tokio::test]
async fn the_grace_is_kept() {
    let day = with_a_directory(100).await;
    day.world.answers(Ok(people(2..100)));
    let report = run(&day).await;
    assert_eq!((report.outcome, report.counts), (RunOutcome::Applied, [0, 2, 0, 2]));
    day.world.pass(6 * 24 * HOUR);
    assert_eq!(run(&day).await.outcome, RunOutcome::Same);
    assert_eq!(day.check("user0@example.test").await, (0, "listed"));
    day.world.answers(Ok(people(1..100)));
    run(&day).await;
    day.world.pass(25 * HOUR);
    day.world.answers(Ok(people(1..100)));
    let report = run(&day).await;
    assert_eq!(report.counts, [0, 0, 1, 0], "user0 goes, user1 came back");
    assert_eq!(day.check("user0@example.test").await, (4, "undecided"));
    assert_eq!(day.check("user1@example.test").await, (0, "listed"));
}
