//! The thresholds, and that nothing grows.

use super::*;
use proptest::prelude::*;

const START: Timestamp = Timestamp::from_secs(1_700_000_000);

fn guess(record: &mut SourceRecord, names: std::ops::Range<u32>, now: Timestamp) -> Option<Timestamp> {
    names.filter_map(|n| record.note(NameMatch::Unknown(n), now)).next()
}

const KINDS: [AnswerKind; 4] = [AnswerKind::Accepted, AnswerKind::Refused, AnswerKind::Deferred, AnswerKind::Other];

fn after(answers: &[(AnswerKind, u32)]) -> SessionGuard {
    let mut guard = SessionGuard::default();
    for (answer, times) in answers {
        (0..*times).for_each(|_| guard.answered(*answer));
    }
    guard
}

#[test]
fn refusals_wait_after_five_and_end_the_session_after_twenty() {
    let delay = |refused: u32| {
        let guard = after(&[(AnswerKind::Refused, refused)]);
        guard.delay(SourceStanding::Normal, AnswerKind::Refused, AnswerKind::Refused).map(|delay| delay.as_secs())
    };
    assert_eq!([0, 4, 5, 6, 7, 14, 19, 40].map(delay).map(Option::unwrap_or_default), [0, 0, 1, 2, 3, 10, 10, 10]);
    assert!(!after(&[(AnswerKind::Refused, SESSION_MAX - 1)]).is_over());
    assert!(after(&[(AnswerKind::Refused, SESSION_MAX)]).is_over());
}

#[test]
fn deferred_recipients_wait_a_second_and_end_nothing() {
    let guard = after(&[(AnswerKind::Deferred, 1000), (AnswerKind::Accepted, 60)]);
    assert!(!guard.is_over());
    let delay = |answer| guard.delay(SourceStanding::Normal, answer, AnswerKind::Deferred);
    assert_eq!(delay(AnswerKind::Deferred), Some(SHORT_DELAY_MAX));
    assert_eq!(delay(AnswerKind::Accepted), None);
}

proptest! {
    #[test]
    fn a_listed_recipient_waits_no_longer_than_an_unlisted_one(
        before in proptest::collection::vec((0usize..4, 0u32..30), 0..6),
        flagged: bool,
        soft: bool,
    ) {
        let before: Vec<_> = before.into_iter().map(|(kind, times)| (KINDS[kind], times)).collect();
        let guard = after(&before);
        let standing = if flagged { SourceStanding::Flagged } else { SourceStanding::Normal };
        let unlisted = if soft { AnswerKind::Deferred } else { AnswerKind::Refused };
        let (listed, other) =
            (guard.delay(standing, AnswerKind::Accepted, unlisted), guard.delay(standing, unlisted, unlisted));
        prop_assert!(listed <= other, "{listed:?} {other:?}");
        let has_accepted = before.iter().any(|(kind, times)| *kind == AnswerKind::Accepted && *times > 0);
        if has_accepted && !flagged {
            prop_assert!(listed <= Some(SHORT_DELAY_MAX));
        }
        // While a source is flagged, no answer differs from another.
        if flagged {
            prop_assert!(KINDS.iter().all(|kind| guard.delay(standing, *kind, unlisted) == Some(FLAGGED_DELAY)));
        }
    }
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
