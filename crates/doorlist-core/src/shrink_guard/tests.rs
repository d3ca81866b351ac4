#![allow(clippy::unwrap_used)]

use super::*;
use proptest::prelude::*;

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

fn plan(lost: u64, size: u64) -> Result<(), Shrunk> {
    check(Shrinking { size, lost }, &[], NOW)
}

#[test]
fn single_runs() {
    assert_eq!(plan(0, 0), Ok(()));
    assert_eq!(plan(5, 100), Ok(()));
    assert_eq!(plan(6, 100), Err(Shrunk::TooMany { lost: 6, largest: 100, limit: 5 }));
    assert_eq!(plan(50, 1_000), Ok(()), "five percent");
    assert_eq!(plan(60, 1_000), Err(Shrunk::TooMany { lost: 60, largest: 1_000, limit: 50 }));
    assert_eq!(plan(5, 5), Err(Shrunk::NothingLeft { size: 5 }), "all of five");
    assert_eq!(plan(1, 1), Err(Shrunk::NothingLeft { size: 1 }));
    assert_eq!(plan(4, 7), Err(Shrunk::MoreThanHalf { lost: 4, largest: 7 }));
    assert_eq!(plan(4, 8), Ok(()));
}

/// 4.9 % gone every hour for a day: the second hour is held.
#[test]
fn a_little_every_hour_adds_up() {
    let (mut size, mut earlier, mut held) = (1_000_u64, Vec::new(), 0);
    for hour in 0..24_u64 {
        let at = NOW + Duration::from_hours(hour);
        let lost = size * 49 / 1_000;
        if check(Shrinking { size, lost }, &earlier, at).is_ok() {
            earlier.push(Loss { at, lost, size });
            size -= lost;
        } else {
            held += 1;
        }
    }
    assert_eq!((held, size), (23, 951));
}

#[test]
fn after_seven_days_a_loss_is_forgotten() {
    let before = Loss { at: NOW, lost: 49, size: 1_000 };
    let run = Shrinking { size: 951, lost: 10 };
    assert!(check(run, &[before], NOW + Duration::from_hours(24)).is_err());
    assert_eq!(check(run, &[before], NOW + WINDOW), Ok(()));
}

#[test]
fn limits_of_operations() {
    let limits = OperationLimits { accounts_add: Some(2), total: Some(3), ..OperationLimits::default() };
    let operations = |accounts_add, aliases_add| Operations { accounts_add, aliases_add, ..Operations::default() };
    assert_eq!(limits.check(&operations(2, 1)), Ok(()));
    assert_eq!(limits.check(&operations(3, 0)).unwrap_err().what, "new accounts");
    assert_eq!(
        limits.check(&operations(2, 2)).unwrap_err().to_string(),
        "4 changes exceed the limit of 3 per run; the list was not changed"
    );
    assert_eq!(OperationLimits::default().check(&operations(9, 9)), Ok(()));
}

proptest! {
    /// However a loss is cut into runs, no more than the limit passes within the window.
    #[test]
    fn no_cutting_gets_past_it(size in 1_u64..5_000, cuts in prop::collection::vec(0_u64..300, 1..40)) {
        let (mut left, mut earlier) = (size, Vec::new());
        for (hour, lost) in cuts.into_iter().enumerate() {
            let at = NOW + Duration::from_hours(hour as u64);
            let lost = lost.min(left);
            if check(Shrinking { size: left, lost }, &earlier, at).is_ok() {
                earlier.push(Loss { at, lost, size: left });
                left -= lost;
            }
        }
        prop_assert!(left > 0);
        prop_assert!(size - left <= (size * SHARE_MAX_PERCENT / 100).max(COUNT_MAX).min(size / 2));
    }
}
