//! What a connection does at the moment: whether it waits for its client, since when, and until when it may. Time is a
//! parameter.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Maximum time for the head of a request: from the accept or the end of the handshake, or from its first octet on a
/// kept connection.
pub const HEADER_READ_MAX: Duration = Duration::from_secs(10);
/// Maximum idle time of a kept connection; longer than proxies keep theirs (60 s), so that none sends a request on a
/// connection being closed.
pub const KEEP_ALIVE_MAX: Duration = Duration::from_secs(75);
/// Octets of a body or an answer that count as progress.
const PROGRESS_OCTETS: usize = 4 * 1024;

/// The activity of one connection.
#[derive(Debug)]
pub(super) struct Activity {
    state: Mutex<ActivityState>,
    gave_way: Notify,
}

#[derive(Debug)]
struct ActivityState {
    phase: Phase,
    /// Time of the last progress.
    since: Instant,
    octets: usize,
    awaits_body: bool,
    awaits_reader: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Receives the head of a request, or does the handshake before it.
    Head,
    Kept,
    /// From the end of a head to the end of its answer.
    Answering,
    /// Its slot was given to another connection.
    GaveWay,
}

impl Activity {
    /// A connection was accepted.
    pub(super) fn new(now: Instant) -> Self {
        let state =
            ActivityState { phase: Phase::Head, since: now, octets: 0, awaits_body: false, awaits_reader: false };
        Self { state: Mutex::new(state), gave_way: Notify::new() }
    }

    /// The handshake is done.
    pub(super) fn handshake_done(&self, now: Instant) {
        self.state().since = now;
    }

    pub(super) fn read(&self, octets: usize, now: Instant) {
        let mut state = self.state();
        match state.phase {
            Phase::Kept if octets > 0 => (state.phase, state.since) = (Phase::Head, now),
            Phase::Answering => state.count(octets, now),
            Phase::Kept | Phase::Head | Phase::GaveWay => {}
        }
    }

    /// Writing is blocked by the client.
    pub(super) fn write_waits(&self) {
        self.state().awaits_reader = true;
    }

    /// The client accepted this many octets.
    pub(super) fn wrote(&self, octets: usize, now: Instant) {
        let mut state = self.state();
        let waited = std::mem::take(&mut state.awaits_reader);
        if waited && state.phase == Phase::Kept {
            state.since = now;
        }
        state.count(octets, now);
    }

    /// The head of a request is complete. False: too late, the slot is gone.
    pub(super) fn asked(&self, now: Instant) -> bool {
        let mut state = self.state();
        if state.phase == Phase::GaveWay {
            return false;
        }
        (state.phase, state.since, state.octets) = (Phase::Answering, now, 0);
        true
    }

    /// Sets whether the handler waits for octets of the body.
    pub(super) fn awaits_body(&self, waits: bool) {
        self.state().awaits_body = waits;
    }

    /// The answer is completely written.
    pub(super) fn answered(&self, now: Instant) {
        let mut state = self.state();
        if state.phase == Phase::Answering {
            (state.phase, state.since, state.awaits_body) = (Phase::Kept, now, false);
        }
    }

    /// Since when it waits for its client without progress. `None`: it waits for the server.
    pub(super) fn waits_since(&self) -> Option<Instant> {
        let state = self.state();
        state.waits().then_some(state.since)
    }

    /// Takes its slot away, if it still waits for its client.
    pub(super) fn give_way(&self) -> bool {
        let mut state = self.state();
        let gives_way = state.waits();
        if gives_way {
            state.phase = Phase::GaveWay;
            self.gave_way.notify_one();
        }
        gives_way
    }

    /// Waits until the slot is taken away.
    pub(super) async fn gave_way(&self) {
        self.gave_way.notified().await;
    }

    /// Time at which it is closed without progress; `None` if other limits apply.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let state = self.state();
        match state.phase {
            Phase::Head => Some(state.since + HEADER_READ_MAX),
            Phase::Kept if !state.awaits_reader => Some(state.since + KEEP_ALIVE_MAX),
            Phase::Kept | Phase::Answering | Phase::GaveWay => None,
        }
    }

    fn state(&self) -> MutexGuard<'_, ActivityState> {
        // Each method leaves it whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ActivityState {
    fn waits(&self) -> bool {
        match self.phase {
            Phase::Head | Phase::Kept => true,
            Phase::Answering => self.awaits_body || self.awaits_reader,
            Phase::GaveWay => false,
        }
    }

    fn count(&mut self, octets: usize, now: Instant) {
        self.octets = self.octets.saturating_add(octets);
        if self.octets >= PROGRESS_OCTETS {
            (self.octets, self.since) = (0, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_head_has_its_time_in_all_and_octets_do_not_prolong_it() {
        let begin = Instant::now();
        let activity = Activity::new(begin);
        for at in 0..9 {
            activity.read(1, begin + SECOND * at);
            assert_eq!(activity.deadline(), Some(begin + HEADER_READ_MAX));
            assert_eq!(activity.waits_since(), Some(begin));
        }
        activity.handshake_done(begin + SECOND);
        assert_eq!(activity.deadline(), Some(begin + SECOND + HEADER_READ_MAX));
        assert!(activity.asked(begin + SECOND * 9));
        activity.answered(begin + SECOND * 10);
        assert_eq!(activity.deadline(), Some(begin + SECOND * 10 + KEEP_ALIVE_MAX));
        for at in 20..29 {
            activity.read(1, begin + SECOND * at);
            assert_eq!(activity.deadline(), Some(begin + SECOND * 20 + HEADER_READ_MAX));
        }
    }

    #[test]
    fn while_we_work_nobody_waits_for_the_client() {
        let begin = Instant::now();
        let activity = Activity::new(begin);
        assert!(activity.asked(begin));
        assert_eq!((activity.waits_since(), activity.deadline()), (None, None));
        assert!(!activity.give_way());
        activity.awaits_body(true);
        assert_eq!(activity.waits_since(), Some(begin));
        activity.read(PROGRESS_OCTETS - 1, begin + SECOND);
        assert_eq!(activity.waits_since(), Some(begin), "it drips");
        activity.read(1, begin + SECOND * 2);
        assert_eq!(activity.waits_since(), Some(begin + SECOND * 2));
        activity.awaits_body(false);
        assert_eq!(activity.waits_since(), None);
        activity.write_waits();
        assert_eq!(activity.waits_since(), Some(begin + SECOND * 2), "it does not read its answer");
        activity.answered(begin + SECOND * 3);
        assert_eq!(activity.deadline(), None, "the answer has longer than a kept connection");
        activity.wrote(1, begin + SECOND * 50);
        assert_eq!(activity.deadline(), Some(begin + SECOND * 50 + KEEP_ALIVE_MAX));
    }

    #[test]
    fn whoever_gave_way_is_not_answered_and_whoever_asked_does_not_give_way() {
        let begin = Instant::now();
        let activity = Activity::new(begin);
        assert!(activity.give_way());
        assert!(!activity.asked(begin) && !activity.give_way());
        let activity = Activity::new(begin);
        assert!(activity.asked(begin) && !activity.give_way());
    }
}
