//! How many sessions there are, in all and from one address, and how many of them wait as a penalty.

use doorlist_core::harvest::SourceKey;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;

/// A fifth of all sessions may wait at once; a further one that should wait is closed instead.
const WAITING_SHARE: usize = 5;

/// Counters shared by listeners and sessions.
#[derive(Default)]
pub(crate) struct Slots {
    sessions: AtomicUsize,
    waiting: AtomicUsize,
    by_source: Mutex<HashMap<SourceKey, usize>>,
    left: Notify,
}

/// A session's place; given back when it is dropped, also by a panic.
pub(crate) struct Slot {
    slots: Arc<Slots>,
    source: Option<SourceKey>,
}

/// A place among the waiting.
pub(crate) struct Waiting<'s>(&'s Slots);

impl Slots {
    /// A place among all sessions, if one is free.
    pub(crate) fn enter(self: &Arc<Self>, max: usize) -> Option<Slot> {
        if !take(&self.sessions, max) {
            return None;
        }
        Some(Slot { slots: self.clone(), source: None })
    }

    /// A place among the waiting, if one is free. `sessions_max` is the limit of all sessions.
    pub(crate) fn wait(&self, sessions_max: usize) -> Option<Waiting<'_>> {
        take(&self.waiting, (sessions_max / WAITING_SHARE).max(1)).then(|| Waiting(self))
    }

    /// Sessions at this moment.
    pub(crate) fn sessions(&self) -> usize {
        self.sessions.load(Ordering::Relaxed)
    }

    /// Returns when no session is left.
    pub(crate) async fn empty(&self) {
        loop {
            let left = self.left.notified();
            if self.sessions() == 0 {
                return;
            }
            left.await;
        }
    }
}

fn take(counter: &AtomicUsize, max: usize) -> bool {
    counter.fetch_update(Ordering::AcqRel, Ordering::Acquire, |n| (n < max).then_some(n + 1)).is_ok()
}

impl Slot {
    /// Counts the session for its source; false if the source has `max` already.
    pub(crate) fn claim(&mut self, source: SourceKey, max: usize) -> bool {
        let mut counts = self.slots.by_source.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(source).or_default();
        if *count >= max {
            return false;
        }
        *count += 1;
        self.source = Some(source);
        true
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(source) = self.source {
            let mut counts = self.slots.by_source.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(count) = counts.get_mut(&source) {
                *count -= 1;
                if *count == 0 {
                    counts.remove(&source);
                }
            }
        }
        self.slots.sessions.fetch_sub(1, Ordering::AcqRel);
        self.slots.left.notify_waiters();
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    #[test]
    fn places_are_limited_and_given_back() {
        let slots = Arc::new(Slots::default());
        let source = SourceKey::from(IpAddr::from([192, 0, 2, 1]));
        let mut first = slots.enter(2).expect("a place");
        let mut second = slots.enter(2).expect("a place");
        assert!(slots.enter(2).is_none());
        assert!(first.claim(source, 1));
        assert!(!second.claim(source, 1), "one from this address");
        drop(first);
        assert!(second.claim(source, 1));
        drop(second);
        assert_eq!(slots.sessions(), 0);
        assert!(slots.by_source.lock().expect("not poisoned").is_empty(), "no source is kept");
    }

    #[test]
    fn a_fifth_may_wait() {
        let slots = Slots::default();
        let held: Vec<_> = std::iter::from_fn(|| slots.wait(10)).collect();
        assert_eq!(held.len(), 2);
        drop(held);
        assert!(slots.wait(10).is_some());
    }
}
