//! The time limits of a session: without progress, in total, and the rate of DATA. Time is a parameter.

use crate::config::Limits;
use doorlist_smtp::reply::Reply;
use std::time::Duration;
use tokio::time::Instant;

/// How often an idle session checks whether it must make room for others.
const CROWD_CHECK: Duration = Duration::from_secs(5);

/// The limits of time without progress.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    idle: Duration,
    idle_crowded: Duration,
}

impl Patience {
    pub(super) fn of(limits: &Limits) -> Self {
        Self { idle: limits.idle, idle_crowded: limits.idle_crowded.min(limits.idle) }
    }

    /// When to check a session again that has made no progress since `since`.
    pub(super) fn next(&self, since: Instant, now: Instant) -> Instant {
        let crowded = since + self.idle_crowded;
        if now < crowded { crowded } else { (now + CROWD_CHECK).min(since + self.idle) }
    }

    /// Whether the limit is reached. `crowded`: others need slots.
    pub(super) fn is_over(&self, since: Instant, now: Instant, crowded: bool) -> bool {
        now >= since + if crowded { self.idle_crowded } else { self.idle }
    }
}

/// The stage of a session since its last message. Reaching a further stage is progress; repeating one and unproductive
/// commands (NOOP, RSET, VRFY, rejected recipients) are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SessionStage {
    /// No command so far.
    Connected,
    Hello,
    Mail,
    /// Number of recipients accepted in the transaction.
    Rcpt(usize),
    Data,
}

/// The timers of one session.
#[derive(Clone, Debug)]
pub(super) struct Deadlines {
    patience: Patience,
    window: Duration,
    /// Minimum octets per window.
    window_bytes: u64,
    session_end: Instant,
    stage: SessionStage,
    progress_at: Instant,
    data: Option<Window>,
}

/// The current window over which DATA is averaged.
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
            stage: SessionStage::Connected,
            progress_at: now,
            data: None,
        }
    }

    /// A command reached this stage.
    pub(super) fn reached(&mut self, stage: SessionStage, now: Instant) {
        if stage > self.stage {
            (self.stage, self.progress_at) = (stage, now);
        }
    }

    pub(super) fn data(&mut self, now: Instant) {
        self.reached(SessionStage::Data, now);
        self.data = Some(Window { began: now, bytes: 0 });
    }

    /// The message is complete and was answered.
    pub(super) fn message_ended(&mut self, now: Instant) {
        (self.stage, self.progress_at) = (SessionStage::Hello, now);
        self.data = None;
    }

    /// The handshake is done; it happens once per session.
    pub(super) fn tls_started(&mut self, now: Instant) {
        (self.stage, self.progress_at) = (SessionStage::Connected, now);
    }

    /// Excludes the time that the client waited for the server.
    pub(super) fn waited(&mut self, time: Duration) {
        self.progress_at += time;
        if let Some(window) = &mut self.data {
            window.began += time;
        }
    }

    /// Counts received bytes. Returns the reply if they are too slow or too late.
    pub(super) fn received(&mut self, bytes: usize, now: Instant, crowded: bool) -> Option<Reply> {
        if let Some(window) = &mut self.data {
            window.bytes += bytes as u64;
        }
        self.expired(now, crowded)
    }

    /// When to check again at the latest.
    pub(super) fn next(&self, now: Instant) -> Instant {
        let step = match self.data {
            Some(window) => window.began + self.window,
            None => self.patience.next(self.progress_at, now),
        };
        step.min(self.session_end)
    }

    /// The reply if a time limit is reached. `crowded`: others need slots.
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
