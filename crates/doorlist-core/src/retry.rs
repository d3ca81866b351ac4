//! The retry schedule of queued mail, and when it is given up. Attempts, times and randomness are parameters.

use crate::time::Timestamp;
use std::time::Duration;

/// Growth of the delay from one attempt to the next.
const GROWTH: f64 = 1.5;
/// Random variation of each delay in both directions, so that messages do not retry all at once.
const JITTER: f64 = 0.1;

/// How often and how long delivery of a message is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetrySchedule {
    /// Delay after the first attempt.
    pub first: Duration,
    pub longest: Duration,
    /// Time since acceptance after which a message is given up.
    pub lifetime: Duration,
}

/// What follows a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextAttempt {
    At(Timestamp),
    GiveUp,
}

impl RetrySchedule {
    /// Mail for a protected domain: its server may be down for days.
    pub const fn inbound() -> Self {
        Self {
            first: Duration::from_mins(5),
            longest: Duration::from_mins(68),
            lifetime: Duration::from_hours(15 * 24),
        }
    }

    /// Bounces: they are not useful when they are late.
    pub const fn bounce() -> Self {
        Self { lifetime: Duration::from_hours(48), ..Self::inbound() }
    }

    /// The next attempt after `attempts` failed ones (at least one), or the end. `chance` in 0..1 spreads the load.
    ///
    /// The last attempt is at the end of the lifetime, for servers that recover shortly before.
    pub fn next(&self, accepted: Timestamp, attempts: u32, now: Timestamp, chance: f64) -> NextAttempt {
        let end = accepted + self.lifetime;
        if now >= end {
            return NextAttempt::GiveUp;
        }
        let exponent = i32::try_from(attempts.saturating_sub(1).min(64)).unwrap_or(64);
        let grown = self.first.as_secs_f64() * GROWTH.powi(exponent);
        let spread = 1.0 + JITTER * (2.0 * chance.clamp(0.0, 1.0) - 1.0);
        let wait = Duration::from_secs_f64(grown.min(self.longest.as_secs_f64()) * spread);
        NextAttempt::At((now + wait).min(end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Waits in minutes without jitter until the schedule gives up.
    fn waits(schedule: RetrySchedule) -> Vec<u64> {
        let (start, mut now, mut waits) = (Timestamp::from_secs(0), Timestamp::from_secs(0), Vec::new());
        while let NextAttempt::At(next) = schedule.next(start, waits.len() as u32 + 1, now, 0.5) {
            waits.push(next.since(now).as_secs() / 60);
            now = next;
        }
        waits
    }

    #[test]
    fn waits_grow_from_5_to_68_minutes_for_15_days() {
        let waits = waits(RetrySchedule::inbound());
        assert_eq!(waits[..9], [5, 7, 11, 16, 25, 37, 56, 68, 68]);
        assert_eq!(waits.iter().sum::<u64>() / (24 * 60), 14, "rounded-down minutes of 15 days");
    }

    #[test]
    fn a_bounce_is_given_up_after_two_days() {
        let now = Timestamp::from_secs(48 * 3600);
        assert_eq!(RetrySchedule::bounce().next(Timestamp::from_secs(0), 3, now, 0.5), NextAttempt::GiveUp);
    }

    proptest! {
        #[test]
        fn next_lies_ahead_and_within_the_lifetime(attempts: u32, ago in 0u64..3_000_000, chance in -1.0f64..2.0) {
            let schedule = RetrySchedule::inbound();
            let accepted = Timestamp::from_secs(1_700_000_000);
            let now = accepted + Duration::from_secs(ago);
            match schedule.next(accepted, attempts, now, chance) {
                NextAttempt::At(at) => prop_assert!(at > now && at <= accepted + schedule.lifetime),
                NextAttempt::GiveUp => prop_assert!(now >= accepted + schedule.lifetime),
            }
        }
    }
}
