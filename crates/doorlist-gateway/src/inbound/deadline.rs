//! The time limits of a session: without progress, in total, and the rate of DATA. Time is a parameter.

use crate::config::Limits;
use doorlist_smtp::reply::Reply;
use std::time::Duration;
use tokio::time::Instant;

/// How often a session looks whether so many are open that it has to make room, when it has been idle for long enough.
const CROWD_CHECK: Duration = Duration::from_secs(5);

/// How long a session may be without progress.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    idle: Duration,
    idle_crowded: Duration,
}

impl Patience {
    pub(super) fn of(limits: &Limits) -> Self {
        Self { idle: limits.idle, idle_crowded: limits.idle_crowded.min(limits.idle) }
    }

    /// When to look again after a session that has made no progress `since` then.
    pub(super) fn next(&self, since: Instant, now: Instant) -> Instant {
        let crowded = since + self.idle_crowded;
        if now < crowded { crowded } else { (now + CROWD_CHECK).min(since + self.idle) }
    }

    /// Whether it has been long enough. `crowded`: others wait for places.
    pub(super) fn is_over(&self, since: Instant, now: Instant, crowded: bool) -> bool {
        now >= since + if crowded { self.idle_crowded } else { self.idle }
    }
}

/// How far a session has come since its last message. To come further is progress; to come there again, and commands that
/// lead nowhere (NOOP, RSET, VRFY, refused recipients), are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// Nothing was said yet.
    Connected,
    Hello,
    Mail,
    /// So many recipients were accepted in one transaction.
    Rcpt(usize),
    Data,
}

/// The clocks of one session.
#[derive(Clone, Debug)]
pub(super) struct Deadlines {
    patience: Patience,
    window: Duration,
    /// Octets that must come in a window.
    window_bytes: u64,
    session_end: Instant,
    stage: Stage,
    progress_at: Instant,
    data: Option<Window>,
}

/// The running stretch over which DATA is averaged.
#[derive(Clone, Copy, Debug)]
struct Window {
    began: Instant,
    bytes: u64,
}

impl Deadlines {
    pub(super) fn new(limits: &Limits, now: Instant) -> Self {
        Self {
            patience: Patience::of(limits),
            window: limits.data_window,
            window_bytes: limits.data_bytes_per_sec_min.saturating_mul(limits.data_window.as_secs()),
            session_end: now + limits.session_max,
            stage: Stage::Connected,
            progress_at: now,
            data: None,
        }
    }

    /// A command led here.
    pub(super) fn reached(&mut self, stage: Stage, now: Instant) {
        if stage > self.stage {
            (self.stage, self.progress_at) = (stage, now);
        }
    }

    pub(super) fn data(&mut self, now: Instant) {
        self.reached(Stage::Data, now);
        self.data = Some(Window { began: now, bytes: 0 });
    }

    /// The message has come whole, and was answered.
    pub(super) fn message_ended(&mut self, now: Instant) {
        (self.stage, self.progress_at) = (Stage::Hello, now);
        self.data = None;
    }

    /// The handshake is done; it is once in a session.
    pub(super) fn tls_started(&mut self, now: Instant) {
        (self.stage, self.progress_at) = (Stage::Connected, now);
    }

    /// So long the client waited for us: that time does not count.
    pub(super) fn waited(&mut self, time: Duration) {
        self.progress_at += time;
        if let Some(window) = &mut self.data {
            window.began += time;
        }
    }

    /// Bytes came; the answer if they come too slowly, or if those before them were too long ago.
    pub(super) fn received(&mut self, bytes: usize, now: Instant, crowded: bool) -> Option<Reply> {
        if let Some(window) = &mut self.data {
            window.bytes += bytes as u64;
        }
        self.expired(now, crowded)
    }

    /// When to look again at the latest.
    pub(super) fn next(&self, now: Instant) -> Instant {
        let step = match self.data {
            Some(window) => window.began + self.window,
            None => self.patience.next(self.progress_at, now),
        };
        step.min(self.session_end)
    }

    /// The answer if a time is over. `crowded`: others wait for places.
    pub(super) fn expired(&mut self, now: Instant, crowded: bool) -> Option<Reply> {
        if now >= self.session_end {
            return Some(Reply::Timeout);
        }
        match &mut self.data {
            None => self.patience.is_over(self.progress_at, now, crowded).then_some(Reply::Timeout),
            Some(window) if now < window.began + self.window => None,
            Some(window) if window.bytes < self.window_bytes => Some(Reply::TooSlow),
            Some(window) => {
                *window = Window { began: now, bytes: 0 };
                None
            }
        }
    }
}

#[cfg(test)]
mod tests;
