//! What is shown of an address: everything that happened to it, and of one that is on no list what else is known.

use super::{DAY, School};
use crate::day::{NOW, addresses};
use doorlist_actions::{AccountConfirm, AccountRemove, AccountReport, AccountShow, ErrorKind, Response, TimelineEvent};
use doorlist_core::address::Address;
use doorlist_core::change::Via;
use doorlist_core::list::Standing;

async fn shown(school: &School, address: &str) -> AccountReport {
    let wish = AccountShow { address: address.parse().unwrap() };
    let Response::Account(report) = school.day.ask(wish).await.unwrap() else { panic!() };
    report
}

/// The kinds of a timeline, newest first.
fn kinds(report: &AccountReport) -> Vec<String> {
    let kind = |event: &TimelineEvent| match event {
        TimelineEvent::Changed(change) => {
            let state = |listed: bool| if listed { "on" } else { "off" };
            let is_on = change.after.as_ref().is_some_and(|after| after.standing != Standing::Vetoed);
            format!("{} {}", if change.actor.via == Via::Learning { "learning" } else { "person" }, state(is_on))
        }
        TimelineEvent::Claimed { source, .. } => format!("claimed {source}"),
        TimelineEvent::Learned(evidence) => format!("taken by {}", evidence.server),
        TimelineEvent::FirstMail => "first mail".to_owned(),
        TimelineEvent::LastMail => "last mail".to_owned(),
        TimelineEvent::LastCleanMail => "last clean mail".to_owned(),
    };
    report.timeline.iter().map(|entry| kind(&entry.event)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_of_an_address_is_told_newest_first() {
    let mut school = School::with(Some(&["ann"])).await;
    school.clean("ann").await;
    school.learner.look().await.unwrap();
    let recipients = school.day.services.recipients.clone();
    let entry = recipients.account(&"ann@example.test".parse::<Address>().unwrap()).await.unwrap().unwrap().entry;
    recipients.last_mail().note(entry.id, NOW - DAY * 40, true);
    recipients.last_mail().write().await.unwrap();
    recipients.last_mail().note(entry.id, NOW - DAY * 30, false);
    school.day.done(AccountConfirm { addresses: addresses(&["ann@example.test"]) }).await;
    school.day.done(AccountRemove { addresses: addresses(&["ann@example.test"]) }).await;

    let report = shown(&school, "ann@example.test").await;
    let mut told = kinds(&report);
    told.sort();
    let expected = [
        "first mail",
        "last clean mail",
        "last mail",
        "learning on",
        "person off",
        "person on",
        "taken by mail.example.test:25",
    ];
    assert_eq!(told, expected, "the claim went with the address");
    assert!(report.timeline.is_sorted_by(|newer, older| newer.at >= older.at));
    let changes: Vec<String> = kinds(&report).into_iter().filter(|kind| kind.ends_with(" on")).collect();
    assert_eq!(changes, ["person on", "learning on"], "the confirmation is behind the addition");
    let text = serde_json::to_value(&report).unwrap();
    assert_eq!(serde_json::from_value::<AccountReport>(text).unwrap(), report);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_an_unlisted_address_everything_else_is_told() {
    let mut school = School::with(None).await;
    school.clean("eve").await;
    school.learner.look().await.unwrap();
    let show = |text: &str| AccountShow { address: text.parse().unwrap() };
    let words = "is not on the list; it is a candidate";
    school.day.refused(show("eve@example.test"), ErrorKind::NotFound, 3, words).await;
    school.day.refused(show("eve@example.test"), ErrorKind::NotFound, 3, "1 clean message from 1 sender").await;
    school.day.refused(show("nobody@example.test"), ErrorKind::NotFound, 3, "is not on the list").await;
}
