//! What is normal for a domain: the mean of its distinct unknown names per ten minutes over the last fourteen days. What
//! comes while the domain is not normal is left out, so that an attack does not become the measure of the next one.

use crate::time::Timestamp;
use std::time::Duration;

/// Time before a domain has a baseline of its own, and the days of that baseline.
pub const BASELINE_TERM: Duration = Duration::from_hours(14 * 24);
const DAYS: usize = 14;
/// Length of an interval in seconds.
const INTERVAL: i64 = 600;
const INTERVALS_PER_DAY: i64 = 144;

/// The daily sums of a domain's intervals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Baseline {
    /// When the domain was seen first.
    since: Timestamp,
    /// The day of the newest sum, since the epoch.
    day: i64,
    /// Names of a day's intervals, added up; the newest day first.
    sums: [u32; DAYS],
    /// The last interval that was added.
    interval: i64,
}

impl Baseline {
    /// Nothing is known yet.
    pub fn new(now: Timestamp) -> Self {
        Self { since: now, day: day(now), sums: [0; DAYS], interval: interval(now) }
    }

    /// As it was written down.
    pub fn restored(since: Timestamp, newest: Timestamp, sums: &[u32], now: Timestamp) -> Self {
        let mut all = [0; DAYS];
        all.iter_mut().zip(sums).for_each(|(sum, stored)| *sum = *stored);
        let mut baseline = Self { since, day: day(newest), sums: all, interval: interval(now) };
        baseline.advance(now);
        baseline
    }

    /// Distinct unknown names per ten minutes; 0 in the first fourteen days.
    pub fn per_interval(&self, now: Timestamp) -> f64 {
        if now.since(self.since) < BASELINE_TERM {
            return 0.0;
        }
        let sum: u64 = self.sums.iter().map(|sum| u64::from(*sum)).sum();
        // The newest day is not over: only what it has by now counts.
        let of_today = self.interval.rem_euclid(INTERVALS_PER_DAY) + 1;
        sum as f64 / ((DAYS as i64 - 1) * INTERVALS_PER_DAY + of_today) as f64
    }

    /// The same for a day. A name that comes in several intervals counts in each, so that this is not less than the distinct
    /// names of a day; 0 in the first fourteen days.
    pub fn per_day(&self, now: Timestamp) -> f64 {
        self.per_interval(now) * INTERVALS_PER_DAY as f64
    }

    /// Whether an interval has ended, whose count is to be added. Counts of intervals that nobody asked for are lost: they
    /// are those of a server that was away.
    pub fn is_due(&self, now: Timestamp) -> bool {
        interval(now) > self.interval
    }

    /// Adds the count of the interval that ended; `None`: it does not count. True if a new day began.
    pub fn add(&mut self, names: Option<u32>, now: Timestamp) -> bool {
        self.interval = interval(now);
        let is_new_day = self.advance(now);
        if let Some(first) = self.sums.first_mut() {
            *first = first.saturating_add(names.unwrap_or(0));
        }
        is_new_day
    }

    fn advance(&mut self, now: Timestamp) -> bool {
        let passed = day(now) - self.day;
        if passed <= 0 {
            return false;
        }
        self.day = day(now);
        let keep = usize::try_from(passed).unwrap_or(DAYS).min(DAYS);
        self.sums.rotate_right(keep);
        self.sums.iter_mut().take(keep).for_each(|sum| *sum = 0);
        true
    }

    /// When the domain was seen first, for the store.
    pub fn since(&self) -> Timestamp {
        self.since
    }

    /// The sums of its days, the newest first, for the store.
    pub fn sums(&self) -> &[u32] {
        &self.sums
    }
}

fn day(now: Timestamp) -> i64 {
    now.as_secs().div_euclid(24 * 3600)
}

fn interval(now: Timestamp) -> i64 {
    now.as_secs().div_euclid(INTERVAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_secs(1_700_006_400);
    const TEN_MINUTES: Duration = Duration::from_mins(10);

    #[test]
    fn a_mean_of_fourteen_days_which_moves_with_them() {
        let (mut baseline, mut now) = (Baseline::new(START), START);
        let mut live = |baseline: &mut Baseline, days: u32, names: u32| {
            for _ in 0..days * 144 {
                now = now + TEN_MINUTES;
                assert!(baseline.is_due(now));
                baseline.add(Some(names), now);
                assert!(!baseline.is_due(now));
            }
            now
        };
        let at = live(&mut baseline, 13, 20);
        assert!(baseline.per_interval(at).abs() < 1e-9, "the floor alone in the first fourteen days");
        let at = live(&mut baseline, 2, 20);
        assert!((baseline.per_interval(at) - 20.0).abs() < 0.1, "{}", baseline.per_interval(at));
        let at = live(&mut baseline, 14, 0);
        assert!(baseline.per_interval(at) < 0.1, "{}", baseline.per_interval(at));
        // Whoever is away for a month has no measure but the floor.
        let at = live(&mut baseline, 14, 50);
        let restored = Baseline::restored(baseline.since(), at, baseline.sums(), at + BASELINE_TERM * 2);
        assert!(restored.per_interval(at + BASELINE_TERM * 2).abs() < 1e-9);
        let restored = Baseline::restored(baseline.since(), at, baseline.sums(), at);
        assert!((restored.per_interval(at) - 50.0).abs() < 0.1, "{}", restored.per_interval(at));
    }
}
