//! The body of an answer while it is sent: until then its request is running.

use super::activity::Activity;
use super::admission::CountedRequest;
use axum::body::{Body, Bytes};
use hyper::body::{Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::time::Instant;

/// A request from the end of its head to the end of its answer.
pub(super) struct Answering {
    activity: Arc<Activity>,
    /// It counts for its client.
    pub(super) counted: Option<CountedRequest>,
}

impl Answering {
    /// `None` if the slot of the connection was taken away.
    pub(super) fn begin(activity: &Arc<Activity>) -> Option<Self> {
        activity.asked(Instant::now()).then(|| Self { activity: Arc::clone(activity), counted: None })
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.activity.answered(Instant::now());
    }
}

/// A body whose request is running until it is dropped.
pub(super) struct AnswerBody {
    inner: Body,
    _answering: Answering,
}

impl AnswerBody {
    pub(super) fn new(inner: Body, answering: Answering) -> Self {
        Self { inner, _answering: answering }
    }
}

impl hyper::body::Body for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.inner).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
