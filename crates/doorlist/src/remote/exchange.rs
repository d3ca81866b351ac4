//! One request and its answer, on its own connection. Redirects are not followed: the key is sent to no other host.

use super::Remote;
use bytes::Bytes;
use doorlist_web::BODY_PACE_MIN;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, HeaderMap, RETRY_AFTER, USER_AGENT};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use std::time::Duration;
use tokio::time::timeout;

/// Octets of an answer: the largest export page and the longest report are far below.
pub(super) const ANSWER_MAX: usize = 64 << 20;
/// What we call ourselves.
const AGENT: &str = concat!("doorlist/", env!("CARGO_PKG_VERSION"));

/// What is asked: a POST of JSON.
pub(super) struct Call {
    /// Path and query below the place.
    pub(super) path: String,
    pub(super) body: Bytes,
}

/// An answer that came whole.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) status: StatusCode,
    /// How long the server asks us to wait.
    pub(super) retry_after: Option<Duration>,
    pub(super) body: Bytes,
}

/// No whole answer came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    Unsent {
        why: String,
        /// It may be otherwise in a moment.
        passing: bool,
    },
    /// Something was sent; what became of it is not known.
    Lost(String),
    /// It answers with more than [`ANSWER_MAX`].
    TooLarge,
}

impl Remote {
    pub(super) async fn exchange(&self, call: &Call) -> Result<Answered, Trouble> {
        let stream = self.dialer.dial().await?;
        // A request of many octets gets as much more time as the server gives it.
        let limit = self.times.answer + Duration::from_secs((call.body.len() / BODY_PACE_MIN) as u64);
        match timeout(limit, self.speak(TokioIo::new(stream), call)).await {
            Ok(answered) => answered,
            Err(_) => Err(Trouble::Lost(format!("no complete answer within {} s", limit.as_secs()))),
        }
    }

    async fn speak(&self, stream: TokioIo<Box<dyn super::dial::Stream>>, call: &Call) -> Result<Answered, Trouble> {
        let lost = |error: hyper::Error| Trouble::Lost(told(&error));
        let request = Request::post(self.place.path(&call.path))
            .header(HOST, self.place.authority())
            .header(AUTHORIZATION, self.key.header())
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json")
            .header(USER_AGENT, AGENT)
            .header(CONNECTION, "close")
            .body(Full::new(call.body.clone()))
            .map_err(|error| Trouble::Unsent { why: error.to_string(), passing: false })?;
        let (mut sender, connection) = http1::handshake(stream).await.map_err(lost)?;
        // Both are driven here, so that the connection goes with its request.
        let answer = async {
            let answer = sender.send_request(request).await.map_err(lost)?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, ANSWER_MAX).collect().await.map_err(|error| {
                let of_hyper = error.downcast_ref::<hyper::Error>().map(told);
                of_hyper.map_or(Trouble::TooLarge, Trouble::Lost)
            })?;
            let retry_after = retry_after(&head.headers);
            Ok(Answered { status: head.status, retry_after, body: body.to_bytes() })
        };
        tokio::pin!(answer);
        tokio::pin!(connection);
        tokio::select! {
            biased;
            answered = &mut answer => answered,
            // The connection is at its end; what came of it is in the answer's hands.
            _ = &mut connection => answer.await,
        }
    }
}

/// Seconds; a date is not looked at.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse::<u32>().ok()?;
    Some(Duration::from_secs(seconds.into()))
}

/// An error with what is behind it, in one line.
fn told(error: &hyper::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
