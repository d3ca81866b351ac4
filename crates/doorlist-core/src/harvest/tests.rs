//! The thresholds, and that nothing grows.

use super::*;
use proptest::prelude::*;

const START: Timestamp = Timestamp::from_secs(1_700_000_000);

fn guess(record: &mut SourceRecord, names: std::ops::Range<u32>, now: Timestamp) -> Option<Timestamp> {
    names.filter_map(|n| record.note(NameMatch::Unknown(n), now)).next()
}

#[test]
fn a_session_waits_after_five_and_closes_after_twenty() {
    let mut guard = SessionGuard::default();
    let mut paces = Vec::new();
    for _ in 0..=SESSION_MAX {
        paces.push(guard.pace(SourceStanding::Normal));
        guard.miss();
    }
    let wait = |secs| Pace::Wait(Duration::from_secs(secs));
    assert_eq!(paces[..5], [Pace::Free; 5]);
    assert_eq!(paces[5..8], [wait(1), wait(2), wait(3)]);
    assert_eq!(paces[14..20], [wait(10); 6]);
    assert_eq!(paces[20], Pace::Close);
}

#[test]
fn a_flagged_session_always_waits_the_same() {
    let mut guard = SessionGuard::default();
    for _ in 0..SESSION_MAX {
        assert_eq!(guard.pace(SourceStanding::Flagged), Pace::Wait(FLAGGED_DELAY));
        guard.miss();
    }
    assert_eq!(guard.pace(SourceStanding::Flagged), Pace::Close);
}

#[test]
fn twenty_five_unknown_flag_for_an_hour_then_for_two() {
    let mut record = SourceRecord::default();
    assert_eq!(guess(&mut record, 0..24, START), None);
    assert_eq!(guess(&mut record, 0..24, START), None, "repeats count once");
    let until = guess(&mut record, 24..25, START);
    assert_eq!(until, Some(START + FLAG_FIRST));
    assert_eq!(record.standing(START), SourceStanding::Flagged);
    let later = START + FLAG_FIRST;
    assert_eq!(record.standing(later), SourceStanding::Normal);
    assert_eq!(guess(&mut record, 100..125, later), Some(later + FLAG_FIRST * 2));
    let mut now = later;
    for _ in 0..10 {
        now = now + FLAG_LONGEST;
        let _ = guess(&mut record, 0..25, now);
    }
    assert_eq!(record.flagged_until, Some(now + FLAG_LONGEST));
    let much_later = now + FLAG_LONGEST * 3;
    assert!(record.is_stale(much_later));
    assert_eq!(guess(&mut record, 0..25, much_later), Some(much_later + FLAG_FIRST), "it counts as new");
}

#[test]
fn known_names_speak_for_a_source_up_to_a_hundred_unknown() {
    let mut record = SourceRecord::default();
    for row in 0..20 {
        record.note(NameMatch::Known(row), START);
    }
    assert_eq!(guess(&mut record, 0..99, START), None);
    assert!(guess(&mut record, 99..100, START).is_some());
}

#[test]
fn names_leave_the_window_after_an_hour() {
    let mut record = SourceRecord::default();
    assert_eq!(guess(&mut record, 0..24, START), None);
    assert_eq!(guess(&mut record, 24..48, START + WINDOW), None);
    assert_eq!(record.unknown(), 24);
}

proptest! {
    #[test]
    fn memory_is_bounded_and_time_may_jump(notes in proptest::collection::vec((any::<bool>(), 0u32..500, -7200i64..7200), 0..600)) {
        let mut record = SourceRecord::default();
        for (known, name, jump) in notes {
            let now = Timestamp::from_secs(1_700_000_000 + jump);
            record.note(if known { NameMatch::Known(name) } else { NameMatch::Unknown(name) }, now);
            prop_assert!(record.unknown.len() < UNKNOWN_MAX && record.known.len() <= KNOWN_KEPT_MAX);
        }
    }
}
