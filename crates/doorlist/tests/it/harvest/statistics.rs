//! Whether two kinds of answers can be told apart by their times, whatever an observer makes of them.
//!
//! Which kind an answer is was drawn by chance, so that the order of all times is a random mixture if the kinds are alike: a
//! busy machine makes both slower. Two tests look at the order: that of Mann and Whitney finds one kind slower than the
//! other, that of Kolmogorov and Smirnov any other difference, such as a few answers that come much later.

use std::time::Duration;

/// Standard deviations of the rank sum: more by chance once in 8 million comparisons.
const RANKS_MAX: f64 = 5.3;
/// Distance of the two distributions: more by chance (2 exp(-2 x²)) once in 10 million comparisons.
const DISTANCE_MAX: f64 = 2.9;

/// An answer of one kind or the other, and its time.
pub(super) type Timed = (bool, Duration);

/// How far the times of two kinds are apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Difference {
    ranks: f64,
    distance: f64,
}

impl Difference {
    /// Between the answers of the first kind (`true`) and those of the other.
    pub(super) fn of(times: &[Timed]) -> Self {
        let mut times = times.to_vec();
        times.sort_by_key(|(_, time)| *time);
        let first = times.iter().filter(|(is_first, _)| *is_first).count() as f64;
        let other = times.len() as f64 - first;
        assert!(first > 0.0 && other > 0.0, "both kinds have answers");
        let (mut ranks, mut seen, mut distance) = (0.0, 0.0, 0.0_f64);
        for ((is_first, _), rank) in times.iter().zip(1_u32..) {
            let rank = f64::from(rank);
            if *is_first {
                ranks += rank;
                seen += 1.0;
            }
            distance = distance.max((seen / first - (rank - seen) / other).abs());
        }
        let u = ranks - first * (first + 1.0) / 2.0;
        let spread = (first * other * (first + other + 1.0) / 12.0).sqrt();
        Self {
            ranks: ((u - first * other / 2.0) / spread).abs(),
            distance: distance * (first * other / (first + other)).sqrt(),
        }
    }

    /// Whether it is more than chance makes.
    pub(super) fn tells(self) -> bool {
        self.ranks > RANKS_MAX || self.distance > DISTANCE_MAX
    }
}

/// The time that so many of a hundred answers do not exceed.
pub(super) fn percentile(times: &[Timed], percent: usize) -> Duration {
    let mut sorted: Vec<Duration> = times.iter().map(|(_, time)| *time).collect();
    sorted.sort_unstable();
    sorted[(sorted.len() - 1) * percent / 100]
}

/// The same answers, those of the first kind later by this.
pub(super) fn planted(times: &[Timed], later: Duration) -> Vec<Timed> {
    times.iter().map(|(is_first, time)| (*is_first, *time + if *is_first { later } else { Duration::ZERO })).collect()
}

#[test]
fn a_difference_is_found_and_none_is_not() {
    use crate::random::Random;
    let mut random = Random::new(7);
    let draw = |random: &mut Random| (random.below(2) == 0, Duration::from_micros(random.below(10_000) as u64));
    for _ in 0..20 {
        let times: Vec<Timed> = (0..10_000).map(|_| draw(&mut random)).collect();
        let alike = Difference::of(&times);
        assert!(!alike.tells(), "{alike:?}");
        let slower = Difference::of(&planted(&times, Duration::from_millis(1)));
        assert!(slower.ranks > RANKS_MAX, "{slower:?}");
        // One answer in ten of one kind comes late, one in ten early: by the ranks nobody sees it.
        let spread = times.iter().enumerate().map(|(number, (is_first, time))| match (is_first, number % 10) {
            (true, 0) => (true, Duration::from_secs(1)),
            (true, 1) => (true, Duration::ZERO),
            _ => (*is_first, *time),
        });
        let spread = Difference::of(&spread.collect::<Vec<_>>());
        assert!(spread.ranks < RANKS_MAX && spread.distance > DISTANCE_MAX, "{spread:?}");
    }
}
