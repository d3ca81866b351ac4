#![allow(clippy::unwrap_used)]

use super::*;
use proptest::prelude::*;

impl RateKey for u8 {}

const SECOND: Duration = Duration::from_secs(1);

fn limits(burst: u32, every: Duration, keys_max: usize) -> RateLimits<u8> {
    RateLimits::new(Rate { burst, every }, keys_max)
}

#[test]
fn a_full_bucket_is_taken_at_once_and_comes_back_token_by_token() {
    let (mut limits, begin) = (limits(3, SECOND, 10), Instant::now());
    let answers: Vec<_> = (0..4).map(|_| limits.check(&1, begin)).collect();
    assert_eq!(answers, [Ok(()), Ok(()), Ok(()), Err(RetryAfter(SECOND))]);
    assert_eq!(limits.check(&2, begin), Ok(()), "another key has a bucket of its own");
    assert_eq!(limits.check(&1, begin + SECOND / 2), Err(RetryAfter(SECOND / 2)));
    assert_eq!(limits.check(&1, begin + SECOND), Ok(()));
    assert_eq!(limits.check(&1, begin + SECOND), Err(RetryAfter(SECOND)));
    let answers: Vec<_> = (0..4).map(|_| limits.check(&1, begin + SECOND * 1000).is_ok()).collect();
    assert_eq!(answers, [true, true, true, false], "no more than a bucket holds");
}

#[test]
fn the_header_is_whole_seconds_and_never_too_early() {
    for (wait, seconds) in
        [(Duration::from_nanos(1), 1), (SECOND, 1), (Duration::from_millis(1001), 2), (Duration::MAX, u64::MAX)]
    {
        assert_eq!(RetryAfter(wait).seconds(), seconds, "{wait:?}");
    }
}

#[test]
fn whoever_asks_most_is_remembered_longest() {
    let (mut limits, begin) = (limits(10, SECOND, 3), Instant::now());
    for _ in 0..10 {
        limits.check(&0, begin).unwrap();
    }
    for key in 1..=200 {
        assert_eq!(limits.check(&key, begin), Ok(()));
        assert!(limits.keys() <= 3);
    }
    assert_eq!(limits.check(&0, begin), Err(RetryAfter(SECOND)));
}

#[test]
fn full_buckets_are_forgotten_by_the_way() {
    let (mut limits, begin) = (limits(1, SECOND, 1000), Instant::now());
    for key in 0..100 {
        limits.check(&key, begin).unwrap();
    }
    for key in 100..250 {
        limits.check(&key, begin + SECOND * 10).unwrap();
    }
    assert_eq!(limits.keys(), 150);
}

#[test]
fn values_without_sense_do_no_harm() {
    let now = Instant::now();
    let mut none = limits(0, SECOND, 0);
    assert_eq!((none.check(&1, now), none.check(&1, now)), (Ok(()), Err(RetryAfter(SECOND))));
    let mut free = limits(1, Duration::ZERO, 5);
    assert!((0..99).all(|_| free.check(&1, now).is_ok()));
    let mut never = limits(u32::MAX, Duration::MAX, 5);
    let _ = (never.check(&1, now), never.check(&1, now));
}

/// What a bucket is in plain words: tokens, counted in nanoseconds, that grow with time up to a full bucket.
struct Model {
    rate: Rate,
    tokens: std::collections::HashMap<u8, (u128, Instant)>,
}

impl Model {
    fn check(&mut self, key: u8, now: Instant) -> Result<(), RetryAfter> {
        let one = self.rate.every.as_nanos();
        let full = one * u128::from(self.rate.burst);
        let (tokens, seen) = self.tokens.entry(key).or_insert((full, now));
        *tokens = full.min(*tokens + now.duration_since(*seen).as_nanos());
        *seen = now;
        if *tokens < one {
            return Err(RetryAfter(Duration::from_nanos(u64::try_from(one - *tokens).unwrap())));
        }
        *tokens -= one;
        Ok(())
    }
}

fn requests() -> impl Strategy<Value = Vec<(u8, u64)>> {
    prop::collection::vec((0u8..12, prop_oneof![Just(0u64), 0u64..5_000]), 1..300)
}

proptest! {
    #[test]
    fn with_room_for_all_keys_it_is_the_model(burst in 1u32..6, every in 1u64..4_000, requests in requests()) {
        let rate = Rate { burst, every: Duration::from_millis(every) };
        let (mut limits, mut model) = (RateLimits::new(rate, 12), Model { rate, tokens: Default::default() });
        let mut now = Instant::now();
        for (key, pause) in requests {
            now += Duration::from_millis(pause);
            prop_assert_eq!(limits.check(&key, now), model.check(key, now));
        }
    }

    #[test]
    fn with_less_room_who_is_refused_has_had_a_bucket_and_it_is_never_larger(
        burst in 1u32..6, every in 1u64..4_000, keys_max in 1usize..8, requests in requests()
    ) {
        let rate = Rate { burst, every: Duration::from_millis(every) };
        let mut limits = RateLimits::new(rate, keys_max);
        let mut taken: Vec<(u8, Instant)> = Vec::new();
        let mut now = Instant::now();
        for (key, pause) in requests {
            now += Duration::from_millis(pause);
            match limits.check(&key, now) {
                Ok(()) => taken.push((key, now)),
                Err(_) => {
                    let lately = |(who, when): &&(u8, Instant)| *who == key && now - *when <= rate.every * burst;
                    prop_assert!(taken.iter().filter(lately).count() >= burst as usize);
                }
            }
            prop_assert!(limits.keys() <= keys_max && limits.keys() == limits.by_fullness.len());
        }
    }
}
