//! What a status and a body mean: an answer of the office as it is, everything else as a sentence that says what happened,
//! what was kept and what to do. Pure.

use super::exchange::{ANSWER_MAX, Answered, Trouble};
use super::place::Place;
use crate::control::Answer;
use crate::exit::{Exit, Failure};
use doorlist_actions::{PushAnswer, Response};
use hyper::StatusCode;
use std::fmt::Display;

/// How to find out whether a change was made.
const LOOK: &str = "it is not known whether it was done: look with `doorlist changes list --domain NAME`";
/// A push that is not complete.
const AS_IT_WAS: &str = "the list there is as it was; the next push brings everything again";

/// Whether the office itself says that it was not done.
pub(super) fn is_of_the_office(answered: &Answered) -> bool {
    matches!(serde_json::from_slice(&answered.body), Ok(Answer::Failed(_)))
}

/// The answer to a command.
pub(super) fn of_command(answered: &Answered, place: &Place) -> Result<Response, Failure> {
    match serde_json::from_slice::<Answer>(&answered.body) {
        Ok(Answer::Done(response)) if answered.status.is_success() => Ok(*response),
        Ok(Answer::Failed(error)) => Err(error.into()),
        _ => Err(by_status(answered, place, LOOK)),
    }
}

/// The answer to a part of a push.
pub(super) fn of_push(answered: &Answered, place: &Place) -> Result<PushAnswer, Failure> {
    if answered.status.is_success()
        && let Ok(answer) = serde_json::from_slice(&answered.body)
    {
        return Ok(answer);
    }
    match serde_json::from_slice::<Answer>(&answered.body) {
        Ok(Answer::Failed(error)) => Err(error.into()),
        _ => Err(by_status(answered, place, AS_IT_WAS)),
    }
}

fn by_status(answered: &Answered, place: &Place, outcome: &str) -> Failure {
    let no = |exit, why: &dyn Display| Failure::because(exit, format_args!("{place} {why}"));
    let status = answered.status;
    match status {
        StatusCode::UNAUTHORIZED => {
            let why = "does not accept the key: it is wrong, revoked, or its time is over. Nothing was done; \
                       `doorlist apikey create` there makes a new one";
            no(Exit::NO_PERMISSION, &why)
        }
        StatusCode::FORBIDDEN => no(Exit::NO_PERMISSION, &"does not allow this with this key; nothing was done"),
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
            let why = "has no such page: is it a Doorlist, and is it of this version? Or the key may not see what is named. \
                       Nothing was done";
            no(Exit::UNAVAILABLE, &why)
        }
        StatusCode::PAYLOAD_TOO_LARGE => no(Exit::of_action(65), &"finds this too large; nothing was done"),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            let when = answered.retry_after.map_or("later".to_owned(), |wait| format!("in {} s", wait.as_secs()));
            no(Exit::LATER, &format_args!("has no time for this now (status {}); try again {when}", status.as_u16()))
        }
        _ if status.is_redirection() => {
            let why = "sends us elsewhere, which is not followed: the key is for this address only. Nothing was done; give \
                       the address that it leads to";
            no(Exit::CONFIG, &why)
        }
        _ if status.is_success() => {
            let why = "answered something that is no answer of a Doorlist of this version";
            no(Exit::UNAVAILABLE, &format_args!("{why}; {outcome}"))
        }
        _ if status.is_server_error() => {
            no(Exit::LATER, &format_args!("failed (status {}); {outcome}", status.as_u16()))
        }
        _ => no(Exit::FAILURE, &format_args!("refuses this (status {}); nothing was done", status.as_u16())),
    }
}

impl Trouble {
    /// What it means for a command.
    pub(super) fn of_command(&self, place: &Place) -> Failure {
        self.told(place, LOOK)
    }

    /// What it means for a push.
    pub(super) fn of_push(&self, place: &Place) -> Failure {
        self.told(place, AS_IT_WAS)
    }

    fn told(&self, place: &Place, outcome: &str) -> Failure {
        match self {
            Trouble::Unsent { why, .. } => {
                let why = format_args!("{place} cannot be reached: {why}. Nothing was done");
                Failure::because(Exit::UNAVAILABLE, why)
            }
            Trouble::Lost(why) => {
                Failure::because(Exit::LATER, format_args!("{place} was lost before it answered ({why}); {outcome}"))
            }
            Trouble::TooLarge => {
                let size = ANSWER_MAX >> 20;
                let why = format_args!("{place} answers with more than {size} MiB, which is not read; {outcome}");
                Failure::because(Exit::UNAVAILABLE, why)
            }
        }
    }
}
