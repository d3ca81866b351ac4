//! The sign of a slow attack: when it is there, that it is told once, and what a restart leaves of it.

use super::*;
use proptest::prelude::*;
use std::time::Duration;

const START: Timestamp = Timestamp::from_secs(1_700_006_400);
const ONE_HOUR: Duration = Duration::from_hours(1);
/// How far an estimate may be off, in either direction.
const OFF: f64 = 0.06;

/// Spreads numbers as a hash function does.
fn spread(name: u32) -> u32 {
    let mut z = u64::from(name).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (z >> 32) as u32
}

/// Asks for so many new names within each of some hours; how often the sign began.
fn guess(slow: &mut SlowAttack, from: Timestamp, hours: u32, names: u32, usual: f64) -> u32 {
    let mut begun = 0;
    for name in 0..hours * names {
        let now = from + ONE_HOUR * (name / names) + Duration::from_secs(u64::from(name % names * 3600 / names));
        slow.note(spread(name ^ (from.as_secs() as u32) << 8), now);
        begun += u32::from(slow.follow(usual, now) && slow.since().is_some());
    }
    begun
}

#[test]
fn ten_thousand_addresses_with_ten_names_in_a_month_are_told_once_within_eight_hours() {
    let mut slow = SlowAttack::default();
    // 3,300 names a day.
    assert_eq!(guess(&mut slow, START, 24 * 30, 138, 0.0), 1);
    assert!(slow.since().unwrap().since(START) < ONE_HOUR * 8, "{:?}", slow.since());
    let end = START + ONE_HOUR * 24 * 30;
    assert!(!slow.follow(0.0, end + ONE_HOUR * 12));
    assert!(slow.follow(0.0, end + ONE_HOUR * 21), "{}", slow.count(end + ONE_HOUR * 21));
    assert_eq!((slow.since(), slow.follow(0.0, end + ONE_HOUR * 22)), (None, false));
    assert_eq!(guess(&mut slow, end + ONE_HOUR * 48, 12, 138, 0.0), 1, "the next one is told again");
}

#[test]
fn what_is_usual_for_a_domain_raises_the_mark_up_to_what_the_sketch_can_count() {
    assert_eq!((mark(0.0), mark(300.0), mark(1000.0), mark(1e9)), (SLOW_FLOOR, SLOW_FLOOR, 3000, SLOW_ALWAYS));
    let mut busy = SlowAttack::default();
    assert_eq!(guess(&mut busy, START, 48, 100, 1000.0), 0);
    assert_eq!(guess(&mut SlowAttack::default(), START, 48, 150, 1000.0), 1);
    assert_eq!(guess(&mut SlowAttack::default(), START, 24, 1000, 1e9), 1);
}

#[test]
fn a_rate_between_the_marks_changes_nothing() {
    let mut slow = SlowAttack::default();
    guess(&mut slow, START, 24, 50, 0.0);
    let since = slow.since();
    assert!(since.is_some());
    assert_eq!(guess(&mut slow, START + ONE_HOUR * 24, 72, 30, 0.0), 0);
    assert_eq!(slow.since(), since);
}

#[test]
fn a_restart_keeps_the_sign_and_what_was_counted_by_the_hour() {
    let mut slow = SlowAttack::default();
    guess(&mut slow, START, 10, 80, 0.0);
    let now = START + ONE_HOUR * 10;
    let again = |slow: &mut SlowAttack, now| SlowAttack::restored(&slow.hours(now), now, slow.since());
    let mut second = again(&mut slow, now);
    assert!(second.since().is_none() && second.count(now).abs_diff(800) < 40, "{}", second.count(now));
    // The larger count holds, so that names which come again are no attack.
    assert_eq!(guess(&mut second, now, 10, 80, 0.0), 0);
    let later = now + ONE_HOUR * 10;
    let third = again(&mut second, later).count(later);
    assert!(third.abs_diff(1600) < 100, "{third}: what was written twice adds up");
    assert!(second.count(later + ONE_HOUR * 5) < 900, "hours go as they came");
    let mut told = SlowAttack::restored(&[1200], now, Some(START));
    assert!(!told.follow(0.0, now + ONE_HOUR * 23) && told.follow(0.0, now + ONE_HOUR * 24));
}

proptest! {
    /// Against a plain set: never told below the mark, always at it, and so within a day of the first of its names.
    #[test]
    fn it_is_told_when_a_day_has_enough_names_and_never_below(
        hours in proptest::collection::vec(0u32..200, 1..96), usual in 0u32..800,
    ) {
        let (mut slow, usual, mut name) = (SlowAttack::default(), f64::from(usual), 0u32);
        let wanted = f64::from(mark(usual));
        for (at, names) in hours.iter().enumerate() {
            let now = START + ONE_HOUR * at as u32;
            let earlier: u32 = hours[at.saturating_sub(WINDOW_HOURS as usize - 1)..at].iter().sum();
            for of_hour in 1..=*names {
                name += 1;
                slow.note(spread(name), now);
                let was_told = slow.since().is_some();
                slow.follow(usual, now);
                let truth = f64::from(earlier + of_hour);
                if truth >= wanted * (1.0 + OFF) {
                    prop_assert!(slow.since().is_some(), "{truth} of {wanted} are not told");
                }
                if !was_told && slow.since().is_some() {
                    prop_assert!(truth >= wanted * (1.0 - OFF), "{truth} of {wanted} are told");
                }
            }
            slow.follow(usual, now);
        }
    }
}
