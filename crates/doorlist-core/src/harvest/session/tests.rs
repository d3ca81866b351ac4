//! The delays of a session.

use super::*;
use proptest::prelude::*;

const ORDINARY: SourceRating = SourceRating::Ordinary;

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
    let delay = |rating, refused: u32| {
        let guard = after(&[(AnswerKind::Refused, refused)]);
        let delay = guard.delay(SourceStanding::Normal, rating, AnswerKind::Refused, AnswerKind::Refused);
        delay.map_or(0, |delay| delay.as_secs())
    };
    let ordinary = [0, 4, 5, 6, 7, 14, 19, 40].map(|refused| delay(ORDINARY, refused));
    assert_eq!(ordinary, [0, 0, 1, 2, 3, 10, 10, 10]);
    assert!(!after(&[(AnswerKind::Refused, SESSION_MAX - 1)]).is_over(ORDINARY));
    assert!(after(&[(AnswerKind::Refused, SESSION_MAX)]).is_over(ORDINARY));
    // Ten times as much for whoever has a good record.
    for good in [SourceRating::GoodRecord, SourceRating::LargeProvider] {
        assert_eq!([49, 50, 60].map(|refused| delay(good, refused)), [0, 1, 10]);
        assert!(!after(&[(AnswerKind::Refused, SESSION_MAX * 10 - 1)]).is_over(good));
        assert!(after(&[(AnswerKind::Refused, SESSION_MAX * 10)]).is_over(good));
    }
}

#[test]
fn deferred_recipients_wait_a_second_and_end_nothing() {
    let guard = after(&[(AnswerKind::Deferred, 1000), (AnswerKind::Accepted, 60)]);
    assert!(!guard.is_over(ORDINARY));
    let delay = |answer| guard.delay(SourceStanding::Normal, ORDINARY, answer, AnswerKind::Deferred);
    assert_eq!(delay(AnswerKind::Deferred), Some(SHORT_DELAY_MAX));
    assert_eq!(delay(AnswerKind::Accepted), None);
}

proptest! {
    #[test]
    fn a_listed_recipient_waits_no_longer_than_an_unlisted_one(
        before in proptest::collection::vec((0usize..4, 0u32..30), 0..6),
        measure in 0usize..3,
        soft: bool,
    ) {
        let before: Vec<_> = before.into_iter().map(|(kind, times)| (KINDS[kind], times)).collect();
        let guard = after(&before);
        let standing = [SourceStanding::Normal, SourceStanding::Flagged, SourceStanding::UnderAttack][measure];
        let unlisted = if soft { AnswerKind::Deferred } else { AnswerKind::Refused };
        let delay = |answer| guard.delay(standing, ORDINARY, answer, unlisted);
        let (listed, other) = (delay(AnswerKind::Accepted), delay(unlisted));
        prop_assert!(listed <= other, "{listed:?} {other:?}");
        let has_accepted = before.iter().any(|(kind, times)| *kind == AnswerKind::Accepted && *times > 0);
        if has_accepted && measure == 0 {
            prop_assert!(listed <= Some(SHORT_DELAY_MAX));
        }
        // Inside a measure no answer differs from another.
        if measure > 0 {
            prop_assert!(KINDS.iter().all(|kind| delay(*kind) == Some(MEASURE_DELAY)));
        }
    }
}
