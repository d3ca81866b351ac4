//! The meaning of status and body: an answer of the actions is passed on, everything else becomes a sentence that says
//! what happened, what was kept and what to do.

use super::exchange::{ANSWER_MAX, Answered, Trouble};
use super::server_url::ServerUrl;
use crate::control::ControlAnswer;
use crate::exit::{Exit, Failure};
use doorlist_actions::{ActionError, PushAnswer, Response};
use doorlist_core::visible::visible;
use doorlist_web::{BODY_PACE_MIN, LARGE_BODY_MAX};
use reqwest::StatusCode;
use serde::Deserialize;

/// Maximum characters of a text of the server.
const SAID_MAX: usize = 1_000;

/// The kind of request, which decides on the advice in errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RequestKind {
    Command,
    Push,
}

impl RequestKind {
    /// The outcome if there is no usable answer.
    fn outcome(self) -> &'static str {
        match self {
            RequestKind::Command => {
                "the command may have been executed: check with `doorlist changes list --domain NAME`"
            }
            RequestKind::Push => "the list there is unchanged; the next push sends everything again",
        }
    }

    /// Advice for a request that is too large or too slow.
    fn smaller(self) -> &'static str {
        match self {
            RequestKind::Command => {
                "nothing was done: split the file (not with --mirror, where each part removes the recipients of the \
                 others), or copy it to the server and import it there"
            }
            RequestKind::Push => {
                "the list there is unchanged. If a proxy sent this answer, raise its limit to 1 MiB, or more if one \
                 account with its aliases is larger"
            }
        }
    }
}

/// An error of the actions in an answer, which says more beside it for other clients.
#[derive(Deserialize)]
struct FailedAnswer {
    failed: ActionError,
}

/// Whether the answer is an error of the actions.
pub(super) fn is_of_the_office(answered: &Answered) -> bool {
    of_the_office(answered).is_some()
}

/// Interprets the answer to a command.
pub(super) fn of_command(answered: &Answered, place: &ServerUrl) -> Result<Response, Failure> {
    match serde_json::from_slice::<ControlAnswer>(&answered.body) {
        Ok(ControlAnswer::Done(response)) if answered.status.is_success() => Ok(*response),
        _ => Err(of_the_office(answered).unwrap_or_else(|| by_status(answered, place, RequestKind::Command))),
    }
}

/// Interprets the answer to a part of a push.
pub(super) fn of_push(answered: &Answered, place: &ServerUrl) -> Result<PushAnswer, Failure> {
    if answered.status.is_success()
        && let Ok(answer) = serde_json::from_slice(&answered.body)
    {
        return Ok(answer);
    }
    Err(of_the_office(answered).unwrap_or_else(|| by_status(answered, place, RequestKind::Push)))
}

/// The error for a request over the size limit; nothing was sent.
pub(super) fn too_large(octets: usize, place: &ServerUrl) -> Failure {
    let (has, max) = (octets.div_ceil(1 << 20), LARGE_BODY_MAX >> 20);
    let why = format_args!(
        "the request has {has} MiB, but {place} accepts at most {max} MiB; {}",
        RequestKind::Command.smaller()
    );
    Failure::because(Exit::of_action(65), why)
}

fn of_the_office(answered: &Answered) -> Option<Failure> {
    let FailedAnswer { failed } = serde_json::from_slice(&answered.body).ok()?;
    Some(ActionError::new(failed.kind(), readable(&failed.to_string())).into())
}

fn by_status(answered: &Answered, place: &ServerUrl, asked: RequestKind) -> Failure {
    let status = answered.status;
    let said = if status.is_success() { None } else { said(&answered.body) };
    let said = said.map(|text| format!(". Its answer: {text}")).unwrap_or_default();
    let (exit, why) = meaning(answered, asked);
    Failure::because(exit, format_args!("{place} {why}{said}"))
}

fn meaning(answered: &Answered, asked: RequestKind) -> (Exit, String) {
    let (status, outcome) = (answered.status, asked.outcome());
    let when = || answered.retry_after.map_or("later".to_owned(), |wait| format!("in {} s", wait.as_secs()));
    match status {
        StatusCode::UNAUTHORIZED => {
            let why = "rejected the key: it is wrong, revoked or expired. Nothing was done; create a new one there \
                       with `doorlist apikey create`";
            (Exit::NO_PERMISSION, why.to_owned())
        }
        StatusCode::FORBIDDEN => {
            (Exit::NO_PERMISSION, "does not allow this command with this key; nothing was done".to_owned())
        }
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
            let why = "does not know this request: it is not a Doorlist, it runs another version, or the key has no \
                       access to the named object. Nothing was done";
            (Exit::UNAVAILABLE, why.to_owned())
        }
        StatusCode::REQUEST_TIMEOUT => {
            let why = format!(
                "did not receive the request in time: the connection is slower than {} KiB per second",
                BODY_PACE_MIN >> 10
            );
            (Exit::LATER, format!("{why}; {}", asked.smaller()))
        }
        StatusCode::PAYLOAD_TOO_LARGE => {
            let max = LARGE_BODY_MAX >> 20;
            let why = format!(
                "rejected the request as too large: a Doorlist accepts at most {max} MiB, a proxy in front of it \
                 perhaps less"
            );
            (Exit::of_action(65), format!("{why}; {}", asked.smaller()))
        }
        StatusCode::TOO_MANY_REQUESTS => {
            (Exit::LATER, format!("rejected the request because of a rate limit (status 429); try again {}", when()))
        }
        StatusCode::SERVICE_UNAVAILABLE => (Exit::LATER, format!("is busy (status 503); try again {}", when())),
        _ if status.is_redirection() => {
            let why = "redirects to another address; redirects are not followed, to protect the key. Nothing was \
                       done; use that address instead";
            (Exit::CONFIG, why.to_owned())
        }
        _ if status.is_success() => {
            (Exit::UNAVAILABLE, format!("sent an answer that this version does not understand; {outcome}"))
        }
        _ if status.is_server_error() => (Exit::LATER, format!("failed (status {}); {outcome}", status.as_u16())),
        _ => (Exit::FAILURE, format!("rejected the request (status {}); nothing was done", status.as_u16())),
    }
}

/// The error text in an answer of the API.
fn said(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Said {
        error: Option<String>,
        error_message: Option<String>,
    }
    let Said { error, error_message } = serde_json::from_slice(body).ok()?;
    let error = error.or(error_message)?;
    (!error.trim().is_empty()).then(|| readable(error.trim()))
}

/// Shortens and escapes a text of the server.
fn readable(text: &str) -> String {
    let start: String = text.chars().take(SAID_MAX).collect();
    let dots = if start.len() < text.len() { " ..." } else { "" };
    format!("{}{dots}", visible(&start))
}

impl Trouble {
    /// What it means for a command.
    pub(super) fn of_command(&self, place: &ServerUrl) -> Failure {
        self.told(place, RequestKind::Command)
    }

    /// What it means for a push.
    pub(super) fn of_push(&self, place: &ServerUrl) -> Failure {
        self.told(place, RequestKind::Push)
    }

    fn told(&self, place: &ServerUrl, asked: RequestKind) -> Failure {
        let outcome = asked.outcome();
        match self {
            Trouble::Unsent { why, .. } => {
                let why = format_args!("cannot reach {place}: {why}. Nothing was done");
                Failure::because(Exit::UNAVAILABLE, why)
            }
            Trouble::Lost(why) => Failure::because(
                Exit::LATER,
                format_args!(
                    "{place} closed the connection before it answered ({why}); \
                                                            {outcome}"
                ),
            ),
            Trouble::TooLarge => {
                let size = ANSWER_MAX >> 20;
                let why = format_args!("the answer of {place} is larger than {size} MiB; {outcome}");
                Failure::because(Exit::UNAVAILABLE, why)
            }
        }
    }
}
