//! Rate limits: a token bucket per key. Time is a parameter.

use doorlist_core::network::SourceKey;
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::time::{Duration, Instant};

/// The rate limit of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Tokens of a full bucket: the burst of requests. 0 counts as 1.
    pub burst: u32,
    /// Time in which one token is returned.
    pub every: Duration,
}

/// No token is left; the next one is available after this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryAfter(pub Duration);

impl RetryAfter {
    /// Seconds for the Retry-After header (RFC 9110 §10.2.3), rounded up, at least 1.
    pub fn seconds(self) -> u64 {
        let part = u64::from(self.0.subsec_nanos() > 0);
        self.0.as_secs().saturating_add(part).max(1)
    }
}

/// A key of rate limits. Client addresses count as their [`SourceKey`].
pub trait RateKey: Clone + Eq + Hash {}

impl RateKey for SourceKey {}

/// Number of an API key.
impl RateKey for u32 {}

/// Token buckets of a limited number of keys. An unknown key has a full bucket, so the fullest bucket is dropped first
/// when there is no room.
#[derive(Debug)]
pub struct RateLimits<K> {
    rate: Rate,
    keys_max: usize,
    /// Time at which the bucket of a key is full again, with its key in `by_fullness`.
    buckets: HashMap<K, FullnessKey>,
    by_fullness: BTreeMap<FullnessKey, K>,
    serial: u64,
}

/// Time of fullness; the number distinguishes keys with the same time.
type FullnessKey = (Instant, u64);

impl<K: RateKey> RateLimits<K> {
    /// Limits without any state. `keys_max` of 0 counts as 1.
    pub fn new(rate: Rate, keys_max: usize) -> Self {
        let rate = Rate { burst: rate.burst.max(1), ..rate };
        Self { rate, keys_max: keys_max.max(1), buckets: HashMap::new(), by_fullness: BTreeMap::new(), serial: 0 }
    }

    /// Takes a token of `key`. A refusal takes none.
    ///
    /// # Errors
    ///
    /// [`RetryAfter`] if the bucket is empty.
    pub fn check(&mut self, key: &K, now: Instant) -> Result<(), RetryAfter> {
        let known = self.buckets.get(key).copied();
        let missing = known.map_or(Duration::ZERO, |(full, _)| full.saturating_duration_since(now));
        // After this request so much is missing; a bucket of `burst` tokens covers `burst` times the time of one.
        let missing = missing.saturating_add(self.rate.every);
        let bucket = self.rate.every.saturating_mul(self.rate.burst);
        if let Some(wait) = missing.checked_sub(bucket).filter(|wait| !wait.is_zero()) {
            return Err(RetryAfter(wait));
        }
        if let Some(place) = known {
            self.by_fullness.remove(&place);
        } else {
            self.make_room(now);
        }
        self.serial += 1;
        let place = (now.checked_add(missing).unwrap_or(now), self.serial);
        self.by_fullness.insert(place, key.clone());
        self.buckets.insert(key.clone(), place);
        Ok(())
    }

    /// Number of keys with a bucket.
    pub fn keys(&self) -> usize {
        self.buckets.len()
    }

    /// Drops some full buckets, which changes nothing, and the fullest one if there is no room otherwise.
    fn make_room(&mut self, now: Instant) {
        /// Number of full buckets dropped per request; more than one, so that they become fewer.
        const AT_ONCE: usize = 2;
        for _ in 0..AT_ONCE {
            let no_room = self.buckets.len() >= self.keys_max;
            let Some(first) = self.by_fullness.first_entry() else { return };
            if first.key().0 > now && !no_room {
                return;
            }
            let key = first.remove();
            self.buckets.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests;
