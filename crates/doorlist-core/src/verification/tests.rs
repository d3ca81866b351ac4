use super::limits::{
    NAMES_PER_DOMAIN, NAMES_PER_GOOD_SOURCE, NAMES_PER_SERVER, NAMES_PER_SOURCE, NAMES_PER_TRUSTED_DOMAIN,
};
use super::records::{INVALID_MAX, VALID_MAX};
use super::route::{FRESH_FOR, KNOWN_WITHIN, NEW_FOR, TRUSTED_FOR, UNTRUSTED_FOR};
use super::*;
use proptest::prelude::*;
use std::collections::HashMap;

const START: Timestamp = Timestamp::from_secs(1_800_000_000);
const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_hours(24);

/// A route whose server passed both controls at the start.
fn trusted() -> Route {
    let mut route = Route::new(START - NEW_FOR);
    route.random_answered(false, START);
    route.known_answered(true, START);
    route
}

#[test]
fn records_hold_as_long_as_their_kind_does() {
    let mut records = VerificationRecords::default();
    records.note("ann", ServerAnswer::Exists, START);
    records.note("bob", ServerAnswer::NoSuchUser, START);
    assert!(!records.note("cora", ServerAnswer::Undecided, START));
    let find = |records: &VerificationRecords, name, now| records.find(name, now).map(|record| record.exists);
    assert_eq!(find(&records, "ann", START + VALID_FOR - SECOND), Some(true));
    assert_eq!(find(&records, "ann", START + VALID_FOR), None);
    assert_eq!(find(&records, "bob", START + INVALID_FOR - SECOND), Some(false));
    assert_eq!(find(&records, "bob", START + INVALID_FOR), None);
    assert_eq!(find(&records, "cora", START), None);
    records.note("ann", ServerAnswer::Undecided, START + DAY);
    assert_eq!(
        records.find("ann", START + DAY),
        Some(VerificationRecord { exists: true, at: START }),
        "a failed probe changes nothing"
    );
    records.note("ann", ServerAnswer::NoSuchUser, START + DAY);
    assert_eq!(find(&records, "ann", START + DAY), Some(false), "the last clear answer counts");
    records.forget("ann");
    assert_eq!(find(&records, "ann", START + DAY), None);
    assert_eq!(find(&records, "bob", START - DAY), None, "a record of the future is none");
    assert!(records.sweep(START + VALID_FOR), "nothing is left");
}

#[test]
fn records_are_bounded_and_the_oldest_make_room() {
    let mut records = VerificationRecords::default();
    for number in 0..INVALID_MAX + 10 {
        records.note(&format!("no{number}"), ServerAnswer::NoSuchUser, START);
    }
    for number in 0..VALID_MAX + 10 {
        records.note(&format!("yes{number}"), ServerAnswer::Exists, START);
    }
    for _ in 0..3 * VALID_MAX {
        records.note("yes15", ServerAnswer::Exists, START + SECOND);
    }
    assert_eq!(records.counts(), (VALID_MAX, INVALID_MAX));
    assert_eq!(records.find("yes9", START), None);
    assert!(records.find("yes10", START).is_some() && records.find("no10", START).is_some());
}

#[test]
fn a_server_is_trusted_that_tells_known_from_random() {
    let later = |time: Duration| START + time;
    let route = trusted();
    assert_eq!(route.trust(START), RouteTrust::Trusted);
    assert!(route.teaches(START) && !route.teaches(later(FRESH_FOR)));
    assert_eq!(route.trust(later(TRUSTED_FOR)), RouteTrust::Unproven);
    assert_eq!(Route::new(START).trust(START), RouteTrust::Unproven);

    let mut accepts_all = route;
    accepts_all.random_answered(true, START);
    assert_eq!(accepts_all.trust(START), RouteTrust::AcceptsAll);
    assert!(!accepts_all.teaches(START));
    assert!(!accepts_all.wants_random(FRESH_FOR, later(UNTRUSTED_FOR - SECOND)), "not asked again and again");
    assert!(accepts_all.wants_random(FRESH_FOR, later(UNTRUSTED_FOR)));
    assert_eq!(accepts_all.trust(later(UNTRUSTED_FOR)), RouteTrust::Unproven);

    let mut refuses_all = route;
    refuses_all.known_answered(false, START);
    assert_eq!(refuses_all.trust(START), RouteTrust::RefusesAll);
    assert_eq!(refuses_all.knowledge_of_absent(START), Knowledge::Undecided);
    assert!(!refuses_all.wants_known(START) && refuses_all.wants_known(later(KNOWN_WITHIN)));
}

#[test]
fn no_such_user_needs_a_known_name_within_the_hour() {
    let mut route = trusted();
    assert_eq!(route.knowledge_of_absent(START), Knowledge::Absent);
    assert_eq!(route.knowledge_of_absent(START + KNOWN_WITHIN), Knowledge::Undecided);
    assert_eq!(Route::new(START).knowledge_of_absent(START), Knowledge::Undecided);
    route.since = START - NEW_FOR + SECOND;
    assert_eq!(route.knowledge_of_absent(START), Knowledge::AbsentOnNewRoute);
    assert_eq!(route.knowledge_of_absent(START + SECOND), Knowledge::Absent);
}

#[test]
fn records_are_judged_by_age_and_route() {
    let route = trusted();
    let record = |exists, age: Duration| Some(VerificationRecord { exists, at: START - age });
    let known = |knowledge| Judgement::Known(knowledge);
    for (record, expected) in [
        (None, Judgement::Ask),
        (record(true, Duration::ZERO), known(Knowledge::Exists)),
        (record(true, VALID_REFRESHED_FROM), Judgement::Refresh(Knowledge::Exists)),
        (record(false, Duration::ZERO), known(Knowledge::Absent)),
        (record(false, INVALID_ASKED_ANEW_FROM), Judgement::Ask),
    ] {
        assert_eq!(judge(record, &route, START), expected, "{record:?}");
    }
    let absent = record(false, Duration::ZERO);
    assert_eq!(judge(absent, &Route::new(START), START), Judgement::Ask, "a known name may be missing");
    let mut broken = route;
    broken.known_answered(false, START);
    assert_eq!(judge(absent, &broken, START), known(Knowledge::Undecided));
    assert_eq!(judge(record(true, DAY), &broken, START), known(Knowledge::Exists), "also when the server is broken");

    assert_eq!(after_asking(ServerAnswer::Exists, None, &route, START), Knowledge::Exists);
    assert_eq!(after_asking(ServerAnswer::NoSuchUser, None, &route, START), Knowledge::Absent);
    assert_eq!(after_asking(ServerAnswer::Undecided, None, &route, START), Knowledge::Undecided);
    assert_eq!(after_asking(ServerAnswer::Undecided, record(true, DAY), &route, START), Knowledge::Exists);
    let old_no = record(false, INVALID_ASKED_ANEW_FROM);
    assert_eq!(
        after_asking(ServerAnswer::Undecided, old_no, &route, START),
        Knowledge::Undecided,
        "it may exist by now"
    );
    assert_eq!(after_asking(ServerAnswer::NoSuchUser, record(true, DAY), &broken, START), Knowledge::Undecided);
}

#[test]
fn a_name_is_asked_for_while_every_limit_allows_it() {
    let (mut domain, mut server) = (RateWindow::default(), RateWindow::default());
    let mut taken = |source: &mut RateWindow, class, is_trusted, now| {
        ProbeLimits { domain: &mut domain, server: &mut server, source }.take(
            is_trusted,
            class,
            &ProbeShare::ALONE,
            now,
        )
    };
    let count = |times, what: &mut dyn FnMut() -> bool| (0..times).filter(|_| what()).count() as u32;
    let mut one = RateWindow::default();
    let of_one = count(1_000, &mut || taken(&mut one, SourceClass::Ordinary, false, START));
    assert_eq!(of_one, NAMES_PER_SOURCE);
    let mut good = RateWindow::default();
    let of_good = count(1_000, &mut || taken(&mut good, SourceClass::Good, true, START));
    assert_eq!(of_good, NAMES_PER_GOOD_SOURCE);
    assert!(of_one + of_good > NAMES_PER_DOMAIN, "a trusted route is asked more often");
    let rest = count(1_000, &mut || taken(&mut RateWindow::default(), SourceClass::Ordinary, true, START));
    assert_eq!(of_one + of_good + rest, NAMES_PER_TRUSTED_DOMAIN);
    assert_eq!(NAMES_PER_TRUSTED_DOMAIN, NAMES_PER_SERVER);
    let minute = Duration::from_secs(70);
    let after = count(1_000, &mut || taken(&mut RateWindow::default(), SourceClass::Ordinary, false, START + minute));
    assert_eq!(after, NAMES_PER_DOMAIN);
}

proptest! {
    /// No minute has more than the limit while the clock goes forward; and whatever it did, names are allowed again a
    /// window after its latest time.
    #[test]
    fn no_minute_has_more_than_the_limit(
        steps in prop::collection::vec(-30_i64..40, 1..400),
        goes_back in any::<bool>(),
        max in 1_u32..20,
    ) {
        let (mut window, mut now, mut latest, mut counted) = (RateWindow::default(), START, START, Vec::new());
        for step in steps {
            let step = if goes_back { step } else { step.abs() };
            now = Timestamp::from_secs(now.as_secs() + step);
            latest = latest.max(now);
            if window.allows(max, now) {
                window.count(now);
                counted.push(now);
            }
            let recent = counted.iter().filter(|at| **at <= now && now.since(**at) < Duration::from_mins(1)).count();
            prop_assert!(goes_back || recent <= max as usize);
        }
        let later = latest + Duration::from_secs(70);
        prop_assert!(window.is_over(later) && window.allows(max, later));
    }

    /// The records of a name are what a plain map says, whatever is noted and forgotten in whatever order.
    #[test]
    fn records_are_as_a_plain_map(steps in prop::collection::vec((0..6_u8, 0..4_u8, 0..40_u64), 1..200)) {
        let (mut records, mut model, mut now) = (VerificationRecords::default(), HashMap::new(), START);
        for (name, what, hours) in steps {
            now = now + Duration::from_hours(hours);
            let name = format!("n{name}");
            match what {
                0 => drop(model.insert(name.clone(), VerificationRecord { exists: true, at: now })),
                1 => drop(model.insert(name.clone(), VerificationRecord { exists: false, at: now })),
                2 => drop(model.remove(&name)),
                _ => drop(records.sweep(now)),
            }
            match what {
                0 => drop(records.note(&name, ServerAnswer::Exists, now)),
                1 => drop(records.note(&name, ServerAnswer::NoSuchUser, now)),
                2 => records.forget(&name),
                _ => drop(records.note(&name, ServerAnswer::Undecided, now)),
            }
            for name in (0..6).map(|name| format!("n{name}")) {
                let expected = model.get(&name).copied().filter(|record| record.is_live(now));
                prop_assert_eq!(records.find(&name, now), expected);
            }
        }
    }
}
