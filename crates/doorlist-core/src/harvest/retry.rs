//! Who comes again while a domain is under attack: a real server retries what was deferred, a guesser goes on to the next
//! name. A retry is judged normally, a few times an hour for each network.

use super::seconds;
use crate::time::Timestamp;
use std::time::Duration;

/// Time after which a retry is judged normally.
pub const RETRY_AFTER: Duration = Duration::from_mins(5);
/// How long a deferred recipient is remembered.
pub const RETRY_KEPT: Duration = Duration::from_hours(6);
/// Retries of one network that are judged normally within an hour.
pub const RETRIES_PER_HOUR: usize = 20;
const HOUR: Duration = Duration::from_hours(1);
/// Deferred recipients of one network that are remembered; the oldest go first.
pub const DEFERRED_MAX: usize = 64;

/// How a recipient of a domain under attack is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryVerdict {
    /// As if there were no attack.
    JudgedNormally,
    Deferred,
}

/// What one network (a /24, or an IPv6 /64) asked for during attacks.
#[derive(Clone, Debug, Default)]
pub struct RetriesOfNetwork {
    /// Fingerprints of sender and recipient, with the time of the first attempt, oldest first.
    deferred: Vec<(u32, u32)>,
    /// When retries were judged normally.
    judged: Vec<u32>,
}

impl RetriesOfNetwork {
    /// Judges one attempt at a sender and recipient, by their fingerprint.
    pub fn attempt(&mut self, pair: u32, now: Timestamp) -> RetryVerdict {
        let now = seconds(now);
        self.deferred.retain(|(_, first)| age(*first, now) < RETRY_KEPT);
        let Some((_, first)) = self.deferred.iter().find(|(deferred, _)| *deferred == pair) else {
            if self.deferred.len() >= DEFERRED_MAX {
                self.deferred.remove(0);
            }
            self.deferred.push((pair, now));
            return RetryVerdict::Deferred;
        };
        if age(*first, now) < RETRY_AFTER {
            return RetryVerdict::Deferred;
        }
        self.judged.retain(|judged| age(*judged, now) < HOUR);
        if self.judged.len() >= RETRIES_PER_HOUR {
            return RetryVerdict::Deferred;
        }
        self.judged.push(now);
        RetryVerdict::JudgedNormally
    }

    /// The time of its last new recipient or retry, in seconds; to make room, the oldest network goes first.
    pub fn last_seen(&self) -> u32 {
        let deferred = self.deferred.last().map(|(_, first)| *first);
        deferred.max(self.judged.last().copied()).unwrap_or(0)
    }

    /// Octets that it takes beside the record itself.
    pub fn heap_octets(&self) -> usize {
        self.deferred.capacity() * size_of::<(u32, u32)>() + self.judged.capacity() * size_of::<u32>()
    }
}

fn age(then: u32, now: u32) -> Duration {
    Duration::from_secs(now.saturating_sub(then).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const START: Timestamp = Timestamp::from_secs(1_700_000_000);

    #[test]
    fn a_retry_after_five_minutes_is_judged_normally() {
        let mut network = RetriesOfNetwork::default();
        let second = Duration::from_secs(1);
        assert_eq!(network.attempt(1, START), RetryVerdict::Deferred);
        assert_eq!(network.attempt(1, START + RETRY_AFTER - second), RetryVerdict::Deferred);
        assert_eq!(network.attempt(1, START + RETRY_AFTER), RetryVerdict::JudgedNormally);
        assert_eq!(network.attempt(2, START + RETRY_AFTER), RetryVerdict::Deferred, "another pair");
        assert_eq!(network.attempt(1, START + RETRY_KEPT), RetryVerdict::Deferred, "forgotten");
    }

    proptest! {
        #[test]
        fn no_hour_has_more_than_twenty_and_memory_is_bounded(
            attempts in proptest::collection::vec((0u32..100, 0u64..120), 0..800),
        ) {
            let (mut network, mut now, mut judged) = (RetriesOfNetwork::default(), START, Vec::new());
            for (pair, pause) in attempts {
                now = now + Duration::from_secs(pause);
                if network.attempt(pair, now) == RetryVerdict::JudgedNormally {
                    judged.push(now);
                }
                let within = judged.iter().filter(|at| now.since(**at) < HOUR).count();
                prop_assert!(within <= RETRIES_PER_HOUR);
                prop_assert!(network.heap_octets() <= 8 * 128 + 4 * 32, "{}", network.heap_octets());
            }
        }
    }
}
