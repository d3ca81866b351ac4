//! Counts the DNS look-ups of a message, and ends an evaluation that makes too many. `mail-auth` asks its cache before
//! each look-up: this one has nothing and counts. What was looked up lately is in the cache of the resolver.

use mail_auth::{Parameters, ResolverCache};
use std::borrow::Borrow;
use std::hash::Hash;
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;
use tokio::time::{Instant, timeout_at};

/// DNS look-ups for one message. RFC 7208 §4.6.4 allows SPF 10 terms, of which an `mx` may name 10 hosts.
const LOOKUPS_MAX: u32 = 150;

/// The look-ups of one message so far.
#[derive(Debug, Default)]
pub(super) struct DnsBudget {
    lookups: AtomicU32,
}

/// Why an evaluation was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GivenUp {
    TooLate,
    TooManyLookups,
}

impl DnsBudget {
    /// The parameters of an evaluation whose look-ups are counted here.
    pub(super) fn count<P>(&self, params: P) -> Parameters<'_, P, Self, Self, Self, Self, Self> {
        Parameters {
            params,
            cache_txt: Some(self),
            cache_mx: Some(self),
            cache_ptr: Some(self),
            cache_ipv4: Some(self),
            cache_ipv6: Some(self),
        }
    }

    /// Runs an evaluation within time and look-ups.
    pub(super) async fn within<F: Future>(&self, until: Instant, evaluation: F) -> Result<F::Output, GivenUp> {
        let mut evaluation = pin!(evaluation);
        let counted = std::future::poll_fn(|context| match evaluation.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Ok(output)),
            Poll::Pending if self.lookups.load(Ordering::Relaxed) > LOOKUPS_MAX => {
                Poll::Ready(Err(GivenUp::TooManyLookups))
            }
            Poll::Pending => Poll::Pending,
        });
        timeout_at(until, counted).await.unwrap_or(Err(GivenUp::TooLate))
    }
}

impl<K, V> ResolverCache<K, V> for DnsBudget {
    fn get<Q>(&self, _: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.lookups.fetch_add(1, Ordering::Relaxed);
        None
    }

    fn remove<Q>(&self, _: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        None
    }

    fn insert(&self, _: K, _: V, _: std::time::Instant) {}
}
