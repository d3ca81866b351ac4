//! The body of a request while it is received: its time limit, and what happens to the rest when its reader stops.
//! Each route sets its own size limit.

use super::activity::Activity;
use axum::body::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};

/// Maximum time between two pieces of a body.
pub const BODY_PART_MAX: Duration = Duration::from_secs(25);
/// Maximum time for the first octets of a body.
const BEGIN_MAX: Duration = Duration::from_secs(60);
/// Number of first octets.
const BEGIN: u64 = 64 * 1024;
/// Maximum time for the whole body, extended by its size.
const WHOLE_MAX: Duration = Duration::from_secs(250);
/// Octets that extend the time by one second: the minimum rate of large bodies. Only received octets count.
pub const BODY_PACE_MIN: usize = 64 * 1024;
/// Maximum extension: 100 MiB, the largest body of any route, at that rate.
const LONGER_MAX: Duration = Duration::from_secs(1_600);
/// Maximum octets of an unread body that are drained, so that the connection can be reused.
const REST_MAX: u64 = 64 * 1024;
/// Maximum time to drain a body.
const REST_WAIT: Duration = Duration::from_secs(5);

/// A body with time limits. The unread rest is returned to its creator.
pub(super) struct TimedBody {
    inner: Option<Incoming>,
    leave: Option<oneshot::Sender<Left>>,
    alarm: Pin<Box<Sleep>>,
    /// Time of the first read, and of the last received piece.
    times: Option<(Instant, Instant)>,
    came: Arc<Came>,
    activity: Arc<Activity>,
    too_slow: bool,
}

/// Received octets of the running request's body.
#[derive(Default)]
pub(super) struct Came(AtomicU64);

impl Came {
    pub(super) fn begin(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    fn add(&self, octets: u64) {
        self.0.fetch_add(octets, Ordering::Relaxed);
    }

    fn octets(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Extension of the request's time limit.
    pub(super) fn longer(&self) -> Duration {
        Duration::from_secs(self.octets() / BODY_PACE_MIN as u64).min(LONGER_MAX)
    }
}

/// The unread rest of a body.
pub(super) struct Left {
    inner: Option<Incoming>,
    /// Whether it was read: only then does a client that waits for "100 Continue" send it.
    asked: bool,
    /// Whether it exceeded its time limit.
    pub(super) too_slow: bool,
}

/// Why a body ends early.
#[derive(Debug)]
pub(super) enum BodyError {
    TooSlow,
    Broken(hyper::Error),
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BodyError::TooSlow => "the body was not received in time",
            BodyError::Broken(_) => "the body is incomplete",
        })
    }
}

impl std::error::Error for BodyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            BodyError::TooSlow => None,
            BodyError::Broken(error) => Some(error),
        }
    }
}

impl TimedBody {
    /// A body and its future rest. Counts received octets in `came` and reports waiting to `activity`.
    pub(super) fn new(inner: Incoming, came: Arc<Came>, activity: Arc<Activity>) -> (Self, oneshot::Receiver<Left>) {
        let (leave, left) = oneshot::channel();
        let alarm = Box::pin(sleep_until(Instant::now()));
        let body = Self { inner: Some(inner), leave: Some(leave), alarm, times: None, came, activity, too_slow: false };
        (body, left)
    }

    fn due(&self, begun: Instant, last: Instant) -> Instant {
        let whole = if self.came.octets() < BEGIN { BEGIN_MAX } else { WHOLE_MAX + self.came.longer() };
        (last + BODY_PART_MAX).min(begun + whole)
    }
}

impl Body for TimedBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        let Some(inner) = this.inner.as_mut() else { return Poll::Ready(None) };
        let frame = Pin::new(inner).poll_frame(context);
        this.activity.awaits_body(frame.is_pending());
        let now = Instant::now();
        let (begun, last) = *this.times.get_or_insert((now, now));
        match frame {
            Poll::Ready(Some(Ok(frame))) => {
                this.times = Some((begun, now));
                this.came.add(frame.data_ref().map_or(0, |data| data.len() as u64));
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(BodyError::Broken(error)))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => {
                let due = this.due(begun, last);
                if this.alarm.deadline() != due {
                    this.alarm.as_mut().reset(due);
                }
                std::task::ready!(this.alarm.as_mut().poll(context));
                this.too_slow = true;
                Poll::Ready(Some(Err(BodyError::TooSlow)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map(Body::size_hint).unwrap_or_default()
    }
}

impl Drop for TimedBody {
    fn drop(&mut self) {
        self.activity.awaits_body(false);
        let left = Left { inner: self.inner.take(), asked: self.times.is_some(), too_slow: self.too_slow };
        if let Some(leave) = self.leave.take() {
            // Nobody waits for it if the connection has ended.
            let _ = leave.send(left);
        }
    }
}

impl Left {
    /// The rest of a body that no handler reads.
    pub(super) fn unseen(inner: Incoming) -> Self {
        Self { inner: Some(inner), asked: false, too_slow: false }
    }

    /// Drains the rest, if it is small. Returns whether the connection can be reused. `expects`: the client waits for
    /// "100 Continue".
    pub(super) async fn pass_by(self, expects: bool) -> bool {
        let Some(mut body) = self.inner else { return true };
        if body.is_end_stream() {
            return true;
        }
        if self.too_slow || (expects && !self.asked) || body.size_hint().lower() > REST_MAX {
            return false;
        }
        let end = Instant::now() + REST_WAIT;
        let mut rest = REST_MAX;
        let mut next = async || poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await;
        loop {
            match timeout_at(end, next()).await {
                Ok(None) => return true,
                Ok(Some(Ok(frame))) => match rest.checked_sub(frame.data_ref().map_or(0, |data| data.len() as u64)) {
                    Some(less) => rest = less,
                    None => return false,
                },
                Ok(Some(Err(_))) | Err(_) => return false,
            }
        }
    }
}
