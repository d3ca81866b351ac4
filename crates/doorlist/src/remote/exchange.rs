//! One request and its answer, on a connection of its own, with a limit on its time and on its size. Does not decide what
//! is sent again.

use super::Remote;
use super::client::OtherMachine;
use bytes::{Bytes, BytesMut};
use doorlist_web::BODY_PACE_MIN;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONNECTION, CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use std::error::Error;
use std::io;
use std::time::Duration;

/// Octets of an answer: the largest export page and the longest report are far below.
pub(super) const ANSWER_MAX: usize = 64 << 20;

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
        // A request of many octets gets as much more time as the server gives it.
        let limit = self.times.answer + Duration::from_secs((call.body.len() / BODY_PACE_MIN) as u64);
        let told = |error: reqwest::Error| self.trouble(&error, limit);
        let request = self.client.post(self.place.url_of(&call.path)).timeout(limit).body(call.body.clone());
        let request = request
            .header(AUTHORIZATION, self.key.header())
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json")
            .header(CONNECTION, "close");
        let answer = request.send().await.map_err(told)?;
        let (status, retry_after) = (answer.status(), retry_after(answer.headers()));
        let body = body(answer).await.map_err(told)?.ok_or(Trouble::TooLarge)?;
        Ok(Answered { status, retry_after, body })
    }

    /// What an error of the client means.
    fn trouble(&self, error: &reqwest::Error, limit: Duration) -> Trouble {
        let unsent = |why, passing| Trouble::Unsent { why, passing };
        if error.is_builder() {
            return unsent(causes(error), false);
        }
        if !error.is_connect() {
            return Trouble::Lost(match error.is_timeout() {
                true => format!("no complete answer within {} s", limit.as_secs()),
                false => causes(error),
            });
        }
        match find::<rustls::Error>(error) {
            Some(rustls::Error::InvalidCertificate(fault)) => {
                let why = format!(
                    "its certificate is not trusted ({fault:?}); for a private CA give its \
                     certificate (--ca-file, ca_file)"
                );
                unsent(why, false)
            }
            Some(fault) => unsent(format!("it does not speak TLS as it should: {fault}"), true),
            None if find::<OtherMachine>(error).is_some() => unsent(OtherMachine.to_string(), false),
            None if error.is_timeout() => {
                unsent(format!("it does not answer within {} s", self.times.connect.as_secs()), true)
            }
            None => unsent(causes(error), true),
        }
    }
}

/// The whole body, unless it has more than [`ANSWER_MAX`] octets.
async fn body(mut answer: Response) -> Result<Option<Bytes>, reqwest::Error> {
    let mut body = BytesMut::new();
    while let Some(some) = answer.chunk().await? {
        if body.len() + some.len() > ANSWER_MAX {
            return Ok(None);
        }
        body.extend_from_slice(&some);
    }
    Ok(Some(body.freeze()))
}

/// Seconds; a date is not looked at.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse::<u32>().ok()?;
    Some(Duration::from_secs(seconds.into()))
}

/// What lies behind an error of the client, in one line. Its own words name the URL, which our messages do already, and
/// the stage.
fn causes(error: &reqwest::Error) -> String {
    let stages = if error.is_request() { 2 } else { 1 };
    let mut all: Vec<String> = Vec::new();
    let mut next: Option<&dyn Error> = Some(error);
    while let Some(error) = next {
        all.push(error.to_string());
        next = error.source();
    }
    all.get(stages..).filter(|behind| !behind.is_empty()).unwrap_or(&all).join(": ")
}

/// The first error of this type among those behind it. An I/O error hides the one it was made of from `source`.
fn find<E: Error + 'static>(error: &reqwest::Error) -> Option<&E> {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        let hidden = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = hidden.map(|inner| inner as &(dyn Error + 'static)).or_else(|| error.source());
    }
    None
}
