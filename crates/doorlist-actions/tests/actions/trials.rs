//! The trial of a domain, day by day.

use crate::day::{NOW, addresses, name};
use crate::learning::{DAY, School};
use doorlist_actions::{AccountRemove, DomainMode, ModeWish};
use doorlist_core::domain::{Mode, TRIAL};
use doorlist_core::learning::CandidateState;

#[tokio::test]
async fn a_trial_begins_with_the_first_message_tells_and_ends_in_monitor() {
    let mut school = School::with(Some(&["ann", "bob"])).await;
    assert_eq!(school.mode().await, Mode::NEW);
    school.day.world.pass(DAY * 40);
    assert_eq!(school.learner.look_at_trials().await.unwrap(), Vec::<String>::new(), "no message, no clock");
    school.clean("ann").await;
    school.learner.look().await.unwrap();
    let until = NOW + DAY * 40 + TRIAL;
    assert_eq!(school.mode().await, Mode::Learn { until: Some(until) });
    assert_eq!(school.auto_added().await, ["ann"]);

    let mut told = Vec::new();
    for day in 0..32 {
        school.learner.look_at_trials().await.unwrap();
        let subjects: Vec<String> =
            school.day.world.told.lock().unwrap().drain(..).map(|(_, subject, _)| subject).collect();
        told.extend(subjects.into_iter().map(|subject| (day, subject)));
        school.day.world.pass(DAY);
    }
    let expected = [
        (23, "example.test: addresses are learned for 7 more days".to_owned()),
        (29, "example.test: addresses are learned until tomorrow".to_owned()),
        (30, "example.test: the list no longer grows by itself".to_owned()),
    ];
    assert_eq!(told, expected);
    assert_eq!(school.mode().await, Mode::Monitor);
    // Nothing that was accepted is refused, and nothing more is added.
    assert_eq!(school.day.check("ann@example.test").await, (0, "listed"));
    school.clean("bob").await;
    school.learner.look().await.unwrap();
    assert_eq!(school.candidates().await, [("bob".to_owned(), CandidateState::Seen, 1)]);

    // The operator begins it anew; what gets mail then is added.
    let learn =
        DomainMode { name: name("example.test"), mode: ModeWish::Learn, days: Some(3), now: false, confirmed: None };
    school.day.done(learn).await;
    school.clean("bob").await;
    school.learner.look().await.unwrap();
    assert_eq!(school.auto_added().await, ["ann", "bob"]);
    // Removed by a person, it is not learned again.
    school.day.done(AccountRemove { addresses: addresses(&["bob@example.test"]) }).await;
    school.clean("bob").await;
    school.learner.look().await.unwrap();
    assert_eq!(school.auto_added().await, ["ann"]);
}
