#![allow(clippy::unwrap_used, clippy::panic)]
//! When an address is added, when it stays a candidate, and what is kept of it.

use super::*;
use crate::address::{LocalPart, SubAddressing};
use crate::queue_id::QueueId;
use crate::time::Timestamp;
use crate::verification::{Route, ServerAnswer};
use proptest::prelude::*;
use std::collections::HashMap;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

fn local(text: &str) -> LocalPart {
    LocalPart::parse(text.as_bytes()).unwrap()
}

fn evidence(sender: &str, at: Timestamp) -> Evidence {
    Evidence {
        queue_id: QueueId::from_u64(7),
        at,
        name: "example.test".parse().unwrap(),
        sender: sender.into(),
        server: "192.0.2.1:25".into(),
        status: "2.1.5".into(),
        control: None,
    }
}

fn waiting(text: &str, at: Timestamp) -> Candidate {
    Candidate::new(local(text), evidence("ann@sender.test", at), true)
}

/// A list, a route and answers.
#[derive(Default)]
struct World {
    listed: Vec<&'static str>,
    vetoed: Vec<&'static str>,
    route: Option<Route>,
    answers: HashMap<&'static str, ServerAnswer>,
}

impl LearningContext for World {
    fn standing(&self, local: &LocalPart) -> ListStanding {
        match local.as_str() {
            name if self.vetoed.contains(&name) => ListStanding::Vetoed,
            name if self.listed.contains(&name) => ListStanding::Listed,
            _ => ListStanding::Unlisted,
        }
    }

    fn is_listed(&self, local: &LocalPart) -> bool {
        self.listed.contains(&local.as_str())
    }

    fn route(&self) -> Option<Route> {
        self.route
    }

    fn answer(&self, local: &LocalPart) -> Option<ServerAnswer> {
        self.answers.get(local.as_str()).copied()
    }

    fn random_rest(&self, base: &LocalPart, separator: char) -> LocalPart {
        local(&format!("{base}{separator}zzz"))
    }
}

/// A server that took a known name and answered a random one so long ago.
fn route(random_taken: bool, ago: Duration) -> Option<Route> {
    let mut route = Route::new(NOW - HOUR * 100);
    route.random_answered(random_taken, NOW - ago);
    route.known_answered(true, NOW);
    Some(route)
}

fn step(name: &str, at: Timestamp, world: &World) -> LearningStep {
    next_step(&waiting(name, at), SubAddressing::default(), world, NOW)
}

#[test]
fn a_proven_server_adds_what_it_took() {
    let proven = World { route: route(false, Duration::ZERO), ..World::default() };
    assert_eq!(step("ann", NOW, &proven), LearningStep::Add(local("ann"), NOW));
    assert_eq!(
        step("ann", NOW - HOUR * 5, &proven),
        LearningStep::Add(local("ann"), NOW),
        "behind the delivery, whenever"
    );
    // It may take every name since.
    let earlier = World { route: route(false, MINUTE), ..World::default() };
    assert_eq!(step("ann", NOW, &earlier), LearningStep::AskControls);
    assert_eq!(step("ann", NOW - MINUTE, &earlier), LearningStep::Add(local("ann"), NOW - MINUTE));
    assert_eq!(step("ann", NOW, &World::default()), LearningStep::AskControls);
}

#[test]
fn a_server_that_takes_every_name_adds_none() {
    let takes_all = World { route: route(true, MINUTE), ..World::default() };
    assert_eq!(step("ann", NOW, &takes_all), LearningStep::Leave("its server takes every name"));
    let late = NOW - EVIDENCE_WAITS_FOR - MINUTE;
    let left = LearningStep::Leave("its server could not be proven in time");
    assert_eq!(step("ann", late, &World::default()), left);
}

#[test]
fn what_is_listed_or_vetoed_is_forgotten() {
    let world = World { listed: vec!["ann"], vetoed: vec!["bob"], route: route(false, MINUTE), ..World::default() };
    assert_eq!(step("ann", NOW, &world), LearningStep::Forget);
    assert_eq!(step("bob", NOW, &world), LearningStep::Forget);
}

#[test]
fn of_a_sub_address_the_base_is_added_if_the_server_knows_it() {
    let mut world = World { route: route(false, Duration::ZERO), ..World::default() };
    assert_eq!(step("ann+shop", NOW, &world), LearningStep::Ask(local("ann")));
    world.answers.insert("ann", ServerAnswer::Exists);
    assert_eq!(step("ann+shop", NOW, &world), LearningStep::Add(local("ann"), NOW));
    world.answers.insert("ann", ServerAnswer::NoSuchUser);
    assert_eq!(step("ann+shop", NOW, &world), LearningStep::Leave("its server does not know its base"));
    // Where `-` parts nothing, such a name is one.
    assert_eq!(step("ann-shop", NOW, &world), LearningStep::Add(local("ann-shop"), NOW));
}

#[test]
fn behind_a_listed_name_a_random_rest_is_asked_for_first() {
    let mut world = World { listed: vec!["ann"], route: route(false, Duration::ZERO), ..World::default() };
    for name in ["ann-shop", "ann.shop", "ann_shop"] {
        let random = local(&format!("ann{}zzz", name.as_bytes()[3] as char));
        assert_eq!(step(name, NOW, &world), LearningStep::Ask(random));
    }
    world.answers.insert("ann-zzz", ServerAnswer::Exists);
    let left = LearningStep::Leave("its server takes anything behind a known name");
    assert_eq!(step("ann-shop", NOW, &world), left);
    world.answers.insert("ann-zzz", ServerAnswer::NoSuchUser);
    assert_eq!(step("ann-shop", NOW, &world), LearningStep::Add(local("ann-shop"), NOW));
    assert_eq!(step("anna", NOW, &world), LearningStep::Add(local("anna"), NOW));
}

#[test]
fn the_null_sender_adds_nothing() {
    let bounce = Candidate::new(local("ann"), evidence("", NOW), true);
    assert_eq!(bounce.state, CandidateState::Seen);
    let mut later = bounce.clone();
    later.seen(evidence("bob@sender.test", NOW + MINUTE), true);
    assert_eq!((later.state, later.evidence.at), (CandidateState::Waiting, NOW + MINUTE));
    let outside = Candidate::new(local("ann"), evidence("bob@sender.test", NOW), false);
    assert_eq!(outside.state, CandidateState::Seen, "a domain that does not learn has candidates alone");
}

#[test]
fn an_ignored_candidate_stays_so_and_counts() {
    let mut candidate = waiting("ann", NOW);
    candidate.state = CandidateState::Ignored;
    candidate.seen(evidence("Bob@Sender.test", NOW + MINUTE), true);
    candidate.seen(evidence("bob@sender.test", NOW - MINUTE), true);
    assert_eq!((candidate.state, candidate.messages), (CandidateState::Ignored, 3));
    assert_eq!((candidate.first_seen, candidate.last_seen), (NOW - MINUTE, NOW + MINUTE));
    assert_eq!(candidate.senders_text(), "2");
    for n in 0..100 {
        candidate.seen(evidence(&format!("n{n}@sender.test"), NOW), false);
    }
    assert_eq!(candidate.senders_text(), "16+");
}

#[test]
fn notices_of_a_trial_come_once_each() {
    let until = NOW + DAY * 30;
    let (mut told, mut heard) = (0, Vec::new());
    for hours in 0..31 * 24 {
        let now = NOW + HOUR * hours;
        if let Some(notice) = notice_due(until, told, now) {
            told = notice.stage();
            heard.push((notice, hours / 24));
        }
    }
    assert_eq!(heard, [(TrialNotice::Week, 23), (TrialNotice::Day, 29), (TrialNotice::Over, 30)]);
    assert_eq!(notice_due(until, 0, until + DAY), Some(TrialNotice::Over), "after a pause only what still holds");
}

#[test]
fn short_forms_of_one_full_name_are_suggested() {
    let accounts: Vec<LocalPart> =
        ["john.doe", "j.doe", "doej", "mary.roe", "mark.roe", "m.roe", "sales", "info.desk"].map(local).into();
    let found = suggest_aliases(&accounts);
    let found: Vec<String> = found.iter().map(|s| format!("{}>{}", s.alias, s.account)).collect();
    assert_eq!(found, ["doej>john.doe", "j.doe>john.doe"], "m.roe may be two people");
}

proptest! {
    /// Whatever is known, an address is added only by a server that refused a random name behind the delivery.
    #[test]
    fn nothing_is_added_without_a_refused_control(
        random in proptest::option::of((any::<bool>(), 0_u64..200_000)),
        known in proptest::option::of((any::<bool>(), 0_u64..200_000)),
        delivered in 0_u64..200_000,
        name in "[a-c]{1,2}([-+._][a-c]{1,2})?",
    ) {
        let ago = |secs: u64| NOW - Duration::from_secs(secs);
        let mut route = Route::new(ago(300_000));
        if let Some((taken, at)) = random {
            route.random_answered(taken, ago(at));
        }
        if let Some((taken, at)) = known {
            route.known_answered(taken, ago(at));
        }
        let world = World { route: Some(route), listed: vec!["a", "b"], ..World::default() };
        if let LearningStep::Add(_, control) = step(&name, ago(delivered), &world) {
            let (taken, at) = random.unwrap();
            prop_assert!(!taken && ago(at) == control && at <= delivered);
            prop_assert!(known.is_some_and(|(taken, _)| taken));
        }
    }
}
