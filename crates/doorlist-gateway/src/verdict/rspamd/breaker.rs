//! Leaves a scanner alone that fails again and again, so that mail does not wait for it each time.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// So many failures one after the other open it.
const FAILURES_MAX: u32 = 5;
/// After this time one message tries again.
const PAUSE: Duration = Duration::from_secs(30);

/// Counts the failures of a scanner.
#[derive(Debug, Default)]
pub(super) struct Breaker(Mutex<BreakerState>);

#[derive(Debug, Default)]
struct BreakerState {
    failures: u32,
    /// Nobody tries before; `None`: everybody may.
    open_until: Option<Instant>,
}

/// What a result changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BreakerChange {
    Opened,
    Closed,
    Nothing,
}

impl Breaker {
    /// Whether a message may try. In the pause none may, and behind it one at a time.
    pub(super) fn may_try(&self, now: Instant) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match state.open_until {
            Some(until) if now < until => false,
            Some(_) => {
                state.open_until = Some(now + PAUSE);
                true
            }
            None => true,
        }
    }

    pub(super) fn note(&self, worked: bool, now: Instant) -> BreakerChange {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if worked {
            state.failures = 0;
            return if state.open_until.take().is_some() { BreakerChange::Closed } else { BreakerChange::Nothing };
        }
        state.failures = state.failures.saturating_add(1);
        if state.failures < FAILURES_MAX {
            return BreakerChange::Nothing;
        }
        let was_open = state.open_until.replace(now + PAUSE).is_some();
        if was_open { BreakerChange::Nothing } else { BreakerChange::Opened }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s40_it_opens_after_failures_in_a_row_and_closes_with_the_first_success() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        for _ in 1..FAILURES_MAX {
            assert_eq!(breaker.note(false, now), BreakerChange::Nothing);
        }
        assert_eq!(breaker.note(true, now), BreakerChange::Nothing);
        for _ in 1..FAILURES_MAX {
            assert!(breaker.may_try(now));
            breaker.note(false, now);
        }
        assert_eq!(breaker.note(false, now), BreakerChange::Opened);
        assert!(!breaker.may_try(now + PAUSE / 2));
        let later = now + PAUSE;
        assert!(breaker.may_try(later) && !breaker.may_try(later), "one at a time");
        assert_eq!(breaker.note(false, later), BreakerChange::Nothing);
        assert!(breaker.may_try(later + PAUSE));
        assert_eq!(breaker.note(true, later + PAUSE), BreakerChange::Closed);
        assert!(breaker.may_try(later + PAUSE));
    }
}
