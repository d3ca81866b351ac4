//! What a status and a body mean: an answer of the office as it is, everything else as a sentence that says what happened,
//! what was kept and what to do. Pure.

use super::exchange::{ANSWER_MAX, Answered, Trouble};
use super::place::Place;
use crate::control::Answer;
use crate::exit::{Exit, Failure};
use doorlist_actions::{ActionError, PushAnswer, Response};
use doorlist_core::visible::visible;
use doorlist_web::{BODY_PACE_MIN, LARGE_BODY_MAX};
use reqwest::StatusCode;
use serde::Deserialize;

/// Characters of what the other side says.
const SAID_MAX: usize = 1_000;

/// What was asked: what an answer leaves open, and what helps when it is too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Command,
    Push,
}

impl Asked {
    /// What is known when no answer tells.
    fn outcome(self) -> &'static str {
        match self {
            Asked::Command => "it is not known whether it was done: look with `doorlist changes list --domain NAME`",
            Asked::Push => "the list there is as it was; the next push brings everything again",
        }
    }

    /// What helps when it is too large, or comes too slowly.
    fn smaller(self) -> &'static str {
        match self {
            Asked::Command => {
                "nothing was done: split the file (not with --mirror, where each part withdraws the others), or copy it to \
                 that machine and import it there"
            }
            Asked::Push => {
                "the list there is as it was. If a proxy says so, let it take parts of 1 MiB, or what an account with all \
                 its aliases needs"
            }
        }
    }
}

/// Whether the office itself says that it was not done.
pub(super) fn is_of_the_office(answered: &Answered) -> bool {
    matches!(serde_json::from_slice(&answered.body), Ok(Answer::Failed(_)))
}

/// The answer to a command.
pub(super) fn of_command(answered: &Answered, place: &Place) -> Result<Response, Failure> {
    match serde_json::from_slice::<Answer>(&answered.body) {
        Ok(Answer::Done(response)) if answered.status.is_success() => Ok(*response),
        Ok(Answer::Failed(error)) => Err(of_the_office(error)),
        _ => Err(by_status(answered, place, Asked::Command)),
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
        Ok(Answer::Failed(error)) => Err(of_the_office(error)),
        _ => Err(by_status(answered, place, Asked::Push)),
    }
}

/// A request that the other side would not take; nothing was sent.
pub(super) fn too_large(octets: usize, place: &Place) -> Failure {
    let (has, max) = (octets.div_ceil(1 << 20), LARGE_BODY_MAX >> 20);
    let why = format_args!(
        "this has {has} MiB as it is sent, and {place} takes at most {max} MiB at once; {}",
        Asked::Command.smaller()
    );
    Failure::because(Exit::of_action(65), why)
}

fn of_the_office(error: ActionError) -> Failure {
    ActionError { message: readable(&error.message), ..error }.into()
}

fn by_status(answered: &Answered, place: &Place, asked: Asked) -> Failure {
    let status = answered.status;
    let said = if status.is_success() { None } else { said(&answered.body) };
    let said = said.map(|text| format!(". It says: {text}")).unwrap_or_default();
    let (exit, why) = meaning(answered, asked);
    Failure::because(exit, format_args!("{place} {why}{said}"))
}

fn meaning(answered: &Answered, asked: Asked) -> (Exit, String) {
    let (status, outcome) = (answered.status, asked.outcome());
    let when = || answered.retry_after.map_or("later".to_owned(), |wait| format!("in {} s", wait.as_secs()));
    match status {
        StatusCode::UNAUTHORIZED => {
            let why = "does not accept the key: it is wrong, revoked, or its time is over. Nothing was done; \
                       `doorlist apikey create` there makes a new one";
            (Exit::NO_PERMISSION, why.to_owned())
        }
        StatusCode::FORBIDDEN => {
            (Exit::NO_PERMISSION, "does not allow this with this key; nothing was done".to_owned())
        }
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
            let why = "has no such page: is it a Doorlist, and is it of this version? Or the key may not see what is named. \
                       Nothing was done";
            (Exit::UNAVAILABLE, why.to_owned())
        }
        StatusCode::REQUEST_TIMEOUT => {
            let why = format!(
                "did not get all of this in time: the line is slower than {} KiB in a second",
                BODY_PACE_MIN >> 10
            );
            (Exit::LATER, format!("{why}; {}", asked.smaller()))
        }
        StatusCode::PAYLOAD_TOO_LARGE => {
            let max = LARGE_BODY_MAX >> 20;
            let why = format!(
                "finds this too large: a Doorlist takes at most {max} MiB at once, a proxy before it perhaps less"
            );
            (Exit::of_action(65), format!("{why}; {}", asked.smaller()))
        }
        StatusCode::TOO_MANY_REQUESTS => {
            (Exit::LATER, format!("takes no more of this for now (status 429); try again {}", when()))
        }
        StatusCode::SERVICE_UNAVAILABLE => {
            (Exit::LATER, format!("has no time for this now (status 503); try again {}", when()))
        }
        _ if status.is_redirection() => {
            let why = "sends us elsewhere, which is not followed: the key is for this address only. Nothing was done; give \
                       the address that it leads to";
            (Exit::CONFIG, why.to_owned())
        }
        _ if status.is_success() => (
            Exit::UNAVAILABLE,
            format!("answered something that is no answer of a Doorlist of this version; {outcome}"),
        ),
        _ if status.is_server_error() => (Exit::LATER, format!("failed (status {}); {outcome}", status.as_u16())),
        _ => (Exit::FAILURE, format!("refuses this (status {}); nothing was done", status.as_u16())),
    }
}

/// What the API says of a refusal.
fn said(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Said {
        #[serde(alias = "error_message")]
        error: String,
    }
    let Said { error } = serde_json::from_slice(body).ok()?;
    (!error.trim().is_empty()).then(|| readable(error.trim()))
}

/// A text of the other side's: not without end, and nothing that a terminal obeys.
fn readable(text: &str) -> String {
    let start: String = text.chars().take(SAID_MAX).collect();
    let dots = if start.len() < text.len() { " ..." } else { "" };
    format!("{}{dots}", visible(&start))
}

impl Trouble {
    /// What it means for a command.
    pub(super) fn of_command(&self, place: &Place) -> Failure {
        self.told(place, Asked::Command)
    }

    /// What it means for a push.
    pub(super) fn of_push(&self, place: &Place) -> Failure {
        self.told(place, Asked::Push)
    }

    fn told(&self, place: &Place, asked: Asked) -> Failure {
        let outcome = asked.outcome();
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
