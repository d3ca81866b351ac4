//! When a session has had enough time: idle, whole session, and the rate of DATA. Time is a parameter.

use crate::config::Limits;
use doorlist_smtp::reply::Reply;
use std::time::Duration;
use tokio::time::Instant;

/// The clocks of one session.
#[derive(Clone, Debug)]
pub(super) struct Deadlines {
    idle: Duration,
    window: Duration,
    /// Octets that must come in a window.
    window_bytes: u64,
    session_end: Instant,
    waiting_since: Instant,
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
            idle: limits.idle,
            window: limits.data_window,
            window_bytes: limits.data_bytes_per_sec_min.saturating_mul(limits.data_window.as_secs()),
            session_end: now + limits.session_max,
            waiting_since: now,
            data: None,
        }
    }

    /// A whole command came. Single bytes of one do not count: a client that drips them is as good as silent.
    pub(super) fn command(&mut self, now: Instant) {
        self.waiting_since = now;
        self.data = None;
    }

    /// 354 was said.
    pub(super) fn data(&mut self, now: Instant) {
        self.data = Some(Window { began: now, bytes: 0 });
    }

    /// Bytes came; the answer if they come too slowly.
    pub(super) fn received(&mut self, bytes: usize, now: Instant) -> Option<Reply> {
        if let Some(window) = &mut self.data {
            window.bytes += bytes as u64;
        }
        self.expired(now)
    }

    /// When to look again at the latest.
    pub(super) fn next(&self) -> Instant {
        let step = match self.data {
            Some(window) => window.began + self.window,
            None => self.waiting_since + self.idle,
        };
        step.min(self.session_end)
    }

    /// The answer if a time is over.
    pub(super) fn expired(&mut self, now: Instant) -> Option<Reply> {
        if now >= self.session_end {
            return Some(Reply::Timeout);
        }
        match &mut self.data {
            None => (now >= self.waiting_since + self.idle).then_some(Reply::Timeout),
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
mod tests {
    use super::*;

    fn deadlines(now: Instant) -> Deadlines {
        Deadlines::new(&Limits::default(), now)
    }

    const fn secs(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn s27_single_bytes_do_not_keep_a_command_alive() {
        let start = Instant::now();
        let mut deadlines = deadlines(start);
        for at in (0..300).step_by(20) {
            assert_eq!(deadlines.received(1, start + secs(at)), None);
        }
        assert_eq!(deadlines.received(1, start + secs(300)), Some(Reply::Timeout));
    }

    #[test]
    fn s27_data_must_come_with_a_hundred_octets_a_second() {
        let start = Instant::now();
        let mut deadlines = deadlines(start);
        deadlines.data(start);
        assert_eq!(deadlines.next(), start + secs(60));
        assert_eq!(deadlines.received(6_000, start + secs(59)), None);
        assert_eq!(deadlines.expired(start + secs(60)), None, "fast enough: the next window begins");
        assert_eq!(deadlines.received(5_999, start + secs(119)), None);
        assert_eq!(deadlines.expired(start + secs(120)), Some(Reply::TooSlow));
    }

    #[test]
    fn s27_no_session_is_endless() {
        let start = Instant::now();
        let mut deadlines = deadlines(start);
        deadlines.command(start + secs(7_199));
        assert_eq!(deadlines.next(), start + secs(7_200));
        assert_eq!(deadlines.expired(start + secs(7_200)), Some(Reply::Timeout));
    }
}
