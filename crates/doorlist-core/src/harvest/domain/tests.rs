//! States of a domain: when they begin, how long they last, and that they do not flicker.

use super::*;
use proptest::prelude::*;

const START: Timestamp = Timestamp::from_secs(1_700_006_400);
const MINUTE: Duration = Duration::from_mins(1);

fn guess(record: &mut AttackRecord, names: std::ops::Range<u32>, now: Timestamp) -> AttackState {
    for name in names {
        record.note(name.wrapping_mul(0x9e37_79b9), SourceRating::Ordinary, now);
    }
    record.state()
}

#[test]
fn fifty_names_elevate_and_a_hundred_and_fifty_are_an_attack() {
    let mut record = AttackRecord::new(START);
    assert_eq!(guess(&mut record, 0..49, START), AttackState::Normal);
    assert_eq!(guess(&mut record, 0..49, START), AttackState::Normal, "repeats count once");
    assert_eq!(guess(&mut record, 49..50, START), AttackState::Elevated);
    assert_eq!(guess(&mut record, 50..200, START), AttackState::Attack, "two hundred guesses are enough");
}

#[test]
fn a_state_ends_when_the_rate_does() {
    let mut record = AttackRecord::new(START);
    guess(&mut record, 0..200, START);
    assert!(!record.tick(START + MINUTE * 9));
    assert!(record.tick(START + MINUTE * 11));
    assert_eq!(record.state(), AttackState::Normal);
}

#[test]
fn a_rate_between_the_marks_changes_nothing() {
    let mut record = AttackRecord::new(START);
    guess(&mut record, 0..170, START);
    // Ninety names are below what begins an attack and above what ends it.
    let mut now = START;
    for round in 0..100 {
        now = now + MINUTE;
        guess(&mut record, 1000 + round * 9..1000 + round * 9 + 9, now);
    }
    assert_eq!(record.state(), AttackState::Attack);
    assert_eq!(record.since(), START);
}

#[test]
fn a_state_is_resumed_after_a_restart_and_ends_when_the_attack_has() {
    let mut record = AttackRecord::new(START);
    record.resume(AttackState::Attack, START - MINUTE * 30, START + MINUTE * 210, START);
    assert!(!record.tick(START + MINUTE * 9));
    assert!(record.tick(START + MINUTE * 10));
    assert_eq!(record.state(), AttackState::Normal);
    record.resume(AttackState::Attack, START - MINUTE * 30, START + MINUTE, START);
    assert!(record.tick(START + MINUTE), "its time ends it, too");
}

/// As many new names a minute as an attack makes.
fn attack(record: &mut AttackRecord, from: Timestamp, minutes: u32) -> Timestamp {
    let mut now = from;
    for minute in 0..minutes {
        now = now + MINUTE;
        guess(record, minute * 40..minute * 40 + 40, now);
    }
    now
}

#[test]
fn it_ends_after_four_hours_and_not_anew_until_the_rate_went_down() {
    let mut record = AttackRecord::new(START);
    let now = attack(&mut record, START, 230);
    assert_eq!(record.state(), AttackState::Attack);
    let now = attack(&mut record, now, 20);
    assert_eq!(record.state(), AttackState::Normal, "at the latest after four hours");
    let now = attack(&mut record, now, 60);
    assert_eq!(record.state(), AttackState::Normal);
    let quiet = now + MINUTE * 30;
    record.tick(quiet);
    attack(&mut record, quiet, 10);
    assert_eq!(record.state(), AttackState::Attack, "the next attack");
}

#[test]
fn a_person_extends_and_releases() {
    let mut record = AttackRecord::new(START);
    let now = attack(&mut record, START, 200);
    record.extend(now + STATE_LONGEST, now);
    let now = attack(&mut record, now, 200);
    assert_eq!(record.state(), AttackState::Attack);
    assert!(record.release(now));
    attack(&mut record, now, 30);
    assert_eq!(record.state(), AttackState::Normal, "what a person released stays so");
    record.extend(now + STATE_LONGEST, now);
    attack(&mut record, now, 10);
    assert_eq!(record.state(), AttackState::Attack, "unless a person says otherwise");
}

#[test]
fn what_is_normal_for_a_domain_raises_its_marks() {
    let mut sums = vec![40 * 144; 14];
    let now = START + Duration::from_hours(15 * 24);
    let record_of = |sums: &[u32]| AttackRecord::with(Baseline::restored(START, now, sums, now), now);
    let mut busy = record_of(&sums);
    assert_eq!(guess(&mut busy, 0..100, now), AttackState::Normal);
    assert_eq!(guess(&mut busy, 100..145, now), AttackState::Elevated);
    assert_eq!(guess(&mut busy, 145..350, now), AttackState::Elevated);
    assert_eq!(guess(&mut busy, 350..480, now), AttackState::Attack);
    sums.fill(0);
    assert_eq!(guess(&mut record_of(&sums), 0..50, now), AttackState::Elevated, "the floor stays");
}

#[test]
fn names_of_good_sources_and_of_a_state_are_no_sign_of_a_slow_attack() {
    let (mut record, hour) = (AttackRecord::new(START), Duration::from_hours(1));
    let day = |record: &mut AttackRecord, rating: SourceRating, from: u32| {
        for name in 0..2400u32 {
            let now = START + hour * (name / 100) + MINUTE * (name % 100 / 2);
            record.note((from + name).wrapping_mul(0x9e37_79b9), rating, now);
        }
        (record.state(), record.slow().since().is_some())
    };
    assert_eq!(day(&mut record, SourceRating::GoodRecord, 0), (AttackState::Normal, false));
    assert_eq!(day(&mut AttackRecord::new(START), SourceRating::LargeProvider, 0), (AttackState::Normal, false));
    assert_eq!(day(&mut AttackRecord::new(START), SourceRating::Ordinary, 9999), (AttackState::Normal, true));
    let mut fast = AttackRecord::new(START);
    assert_eq!(guess(&mut fast, 0..5000, START), AttackState::Attack);
    assert!(fast.slow().since().is_none() && fast.names_of_day(START) < 60, "{}", fast.names_of_day(START));
}

proptest! {
    #[test]
    fn a_state_lasts_four_hours_at_most_and_never_flickers(
        minutes in proptest::collection::vec(0u32..60, 1..500),
    ) {
        let (mut record, mut now, mut name) = (AttackRecord::new(START), START, 0u32);
        let mut not_normal_since = None;
        for names in minutes {
            now = now + MINUTE;
            record.tick(now);
            let before = (record.state(), record.since());
            guess(&mut record, name..name + names, now);
            name += names;
            // Within one minute a state only rises.
            prop_assert!(record.state() >= before.0);
            match record.state() {
                AttackState::Normal => not_normal_since = None,
                AttackState::Elevated | AttackState::Attack => {
                    not_normal_since.get_or_insert(now);
                }
            }
            // Each of the two rises begins the time anew.
            prop_assert!(not_normal_since.is_none_or(|since| now.since(since) <= STATE_LONGEST * 2 + MINUTE));
            prop_assert!(now.since(record.since()) <= STATE_LONGEST + MINUTE || record.state() == AttackState::Normal);
        }
    }
}
