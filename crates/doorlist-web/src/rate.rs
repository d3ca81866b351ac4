//! Rate limits: a token bucket per key. Time is a parameter.

use doorlist_core::network::SourceKey;
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::time::{Duration, Instant};

/// What one key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Tokens of a full bucket: so many requests may come at once. 0 counts as 1.
    pub burst: u32,
    /// A token comes back in this time.
    pub every: Duration,
}

/// There is no token left. The next one is there after this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryAfter(pub Duration);

impl RetryAfter {
    /// Whole seconds for the header of that name (RFC 9110 §10.2.3): not too early, and never 0.
    pub fn seconds(self) -> u64 {
        let part = u64::from(self.0.subsec_nanos() > 0);
        self.0.as_secs().saturating_add(part).max(1)
    }
}

/// What a rate can be counted by. An address is none: where a request came from counts as its [`SourceKey`].
pub trait RateKey: Clone + Eq + Hash {}

impl RateKey for SourceKey {}

/// Number of an API key.
impl RateKey for u32 {}

/// Buckets of at most so many keys. A key that is not known has a full bucket, so what is forgotten is forgiven: when
/// there is no room, the fullest bucket goes first, and whoever asks most is remembered longest.
#[derive(Debug)]
pub struct RateLimits<K> {
    rate: Rate,
    keys_max: usize,
    /// When the bucket of a key will be full again, with the place in `by_fullness`.
    buckets: HashMap<K, Place>,
    by_fullness: BTreeMap<Place, K>,
    serial: u64,
}

/// The moment of fullness; the number tells keys with the same moment apart.
type Place = (Instant, u64);

impl<K: RateKey> RateLimits<K> {
    /// Nobody has asked yet. `keys_max` of 0 counts as 1.
    pub fn new(rate: Rate, keys_max: usize) -> Self {
        let rate = Rate { burst: rate.burst.max(1), ..rate };
        Self { rate, keys_max: keys_max.max(1), buckets: HashMap::new(), by_fullness: BTreeMap::new(), serial: 0 }
    }

    /// Takes a token of `key`, or says when there will be one. A refusal takes nothing.
    ///
    /// # Errors
    /// The bucket is empty.
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

    /// Keys that are remembered.
    pub fn keys(&self) -> usize {
        self.buckets.len()
    }

    /// Forgets some buckets that are full, which changes nothing, and the fullest if there is no room without that.
    fn make_room(&mut self, now: Instant) {
        /// So few that no request pays for all of them; more than one, so that they become fewer.
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
