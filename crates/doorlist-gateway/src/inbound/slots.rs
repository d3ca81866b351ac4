//! Counts sessions in total, per source, and those that are delayed as a penalty.
//!
//! A reserve is kept for sources without a session, however many sessions others have.

mod counts;

pub(crate) use counts::Refused;

use crate::config::Limits;
use counts::SessionCounts;
use doorlist_core::network::SourceKey;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// At most a fifth of all sessions is delayed at once; a further one is closed instead.
const WAITING_SHARE: usize = 5;
/// Percentage of all sessions above which idle ones are closed after `Limits::idle_crowded` instead of `Limits::idle`.
const CROWDED_PERCENT: usize = 80;

/// Counters shared by listeners and sessions.
#[derive(Default)]
pub(crate) struct Slots {
    counts: Mutex<SessionCounts>,
    /// As in `counts`, for lock-free reads.
    sessions: AtomicUsize,
    waiting: AtomicUsize,
    left: Notify,
}

/// The slot of a session; released on drop, also by a panic.
pub(crate) struct Slot {
    slots: Arc<Slots>,
    source: Option<SourceKey>,
}

/// The slot of a delayed session.
pub(crate) struct DelayedSlot<'s>(&'s Slots);

impl Slots {
    /// Takes a slot for a session of this source.
    pub(crate) fn enter(self: &Arc<Self>, source: SourceKey, limits: &Limits) -> Result<Slot, Refused> {
        self.change(|counts| counts.enter(source, limits))?;
        Ok(Slot { slots: self.clone(), source: Some(source) })
    }

    /// Takes a slot for a session whose client is not known yet.
    pub(crate) fn enter_unnamed(self: &Arc<Self>, limits: &Limits) -> Result<Slot, Refused> {
        self.change(|counts| counts.enter_unnamed(limits))?;
        Ok(Slot { slots: self.clone(), source: None })
    }

    /// Takes a slot for a delay, if one is free. `sessions_max` is the limit of all sessions.
    pub(crate) fn wait(&self, sessions_max: usize) -> Option<DelayedSlot<'_>> {
        let max = (sessions_max / WAITING_SHARE).max(1);
        let taken = |n| (n < max).then_some(n + 1);
        self.waiting.fetch_update(Ordering::AcqRel, Ordering::Acquire, taken).is_ok().then(|| DelayedSlot(self))
    }

    /// Whether so many sessions are open that idle ones must make room. `sessions_max` is the limit of all sessions.
    pub(crate) fn crowded(&self, sessions_max: usize) -> bool {
        self.sessions() > sessions_max.saturating_mul(CROWDED_PERCENT) / 100
    }

    pub(crate) fn sessions(&self) -> usize {
        self.sessions.load(Ordering::Relaxed)
    }

    /// Waits until no session is left.
    pub(crate) async fn empty(&self) {
        loop {
            let left = self.left.notified();
            if self.sessions() == 0 {
                return;
            }
            left.await;
        }
    }

    fn change<T>(&self, change: impl FnOnce(&mut SessionCounts) -> T) -> T {
        // Poisoned counts are whole: their methods do not panic between two writes.
        let mut counts: MutexGuard<'_, SessionCounts> = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = change(&mut counts);
        self.sessions.store(counts.sessions(), Ordering::Relaxed);
        changed
    }
}

impl Slot {
    /// Whether its source is known.
    pub(crate) fn is_named(&self) -> bool {
        self.source.is_some()
    }

    /// Counts the session for its source, once that is known.
    pub(crate) fn name(&mut self, source: SourceKey, limits: &Limits) -> Result<(), Refused> {
        if self.source.is_none() {
            self.slots.change(|counts| counts.name(source, limits))?;
            self.source = Some(source);
        }
        Ok(())
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.slots.change(|counts| counts.leave(self.source));
        self.slots.left.notify_waiters();
    }
}

impl Drop for DelayedSlot<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    #[test]
    fn places_are_given_back_by_whoever_leaves() {
        let (slots, source) = (Arc::new(Slots::default()), SourceKey::from(IpAddr::from([192, 0, 2, 1])));
        let limits = Limits { sessions_max: 2, sessions_per_address_max: 1, ..Limits::default() };
        let first = slots.enter(source, &limits).ok();
        let mut second = slots.enter_unnamed(&limits).expect("a place");
        assert_eq!(slots.enter_unnamed(&limits).err(), Some(Refused::Full));
        assert_eq!(second.name(source, &limits), Err(Refused::Source));
        drop(first);
        assert_eq!(second.name(source, &limits), Ok(()));
        drop(second);
        assert_eq!(slots.sessions(), 0);
    }

    #[test]
    fn it_is_crowded_above_four_fifths() {
        let slots = Arc::new(Slots::default());
        let limits = Limits { sessions_max: 10, ..Limits::default() };
        let mut held: Vec<_> = (0..8).map(|_| slots.enter_unnamed(&limits)).collect();
        assert!(!slots.crowded(10));
        held.push(slots.enter_unnamed(&limits));
        assert!(slots.crowded(10));
        held.truncate(8);
        assert!(!slots.crowded(10));
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
