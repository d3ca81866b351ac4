//! Sends commands and pushes to a Doorlist server on another machine, over its HTTP API with a key.
//!
//! | module | what it is |
//! |---|---|
//! | `place` | pure: the server's URL, and whether a key may be sent to it |
//! | `secret_file` | a key or a password in a file that no other user can read |
//! | `dial`, `exchange` | one connection, one request, one answer, with a deadline for each wait and a limit for each size |
//! | `attempts` | retries where they are harmless |
//! | `answers` | pure: the meaning of status and body |
//! | `parts` | a push in several parts |

mod answers;
mod attempts;
#[cfg(test)]
pub(crate) mod canned;
mod dial;
mod exchange;
mod parts;
mod place;
pub(crate) mod secret_file;
#[cfg(test)]
mod tests;

pub(crate) use parts::{Push, PushSize};

use crate::exit::{Exit, Failure, OrExit};
use anyhow::Context;
use attempts::Again;
use dial::Dialer;
use doorlist_actions::{Request, Response};
use doorlist_web::LARGE_BODY_MAX;
use exchange::Call;
use place::Place;
use secret_file::ApiKey;
use std::path::PathBuf;
use std::time::Duration;

/// Delays before the second and the third, last attempt.
const RESTS: &[Duration] = &[Duration::from_secs(1), Duration::from_secs(4)];
const COMMAND: &str = "/api/v1/command/";

/// The address and credentials of a remote server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RemoteSettings {
    /// Base URL, such as `https://doorlist.example.test`.
    pub url: String,
    /// The file with `LOGIN:KEY`.
    pub key_file: PathBuf,
    pub ca_file: Option<PathBuf>,
    /// Whether the key may be sent unencrypted.
    pub allow_http: bool,
}

impl RemoteSettings {
    /// Checks whether a key may be sent to the URL.
    pub(crate) fn check(&self) -> Result<(), String> {
        Place::parse(&self.url, self.allow_http).map(drop)
    }
}

/// The time limits of remote requests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    /// For name resolution, connection and TLS.
    pub connect: Duration,
    /// From the request to the end of its answer, for a small request.
    pub answer: Duration,
    /// Delays before further attempts, which also set their number.
    pub rests: &'static [Duration],
    /// Maximum Retry-After that is honoured.
    pub retry_after_max: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            answer: Duration::from_secs(120),
            rests: RESTS,
            retry_after_max: Duration::from_secs(120),
        }
    }
}

pub(crate) struct Remote {
    place: Place,
    key: ApiKey,
    dialer: Dialer,
    times: Times,
}

impl Remote {
    /// Reads key and certificates, without a connection. Prints a warning if the key would be sent unencrypted.
    pub(crate) fn open(settings: &RemoteSettings, times: Times) -> Result<Self, Failure> {
        let place =
            Place::parse(&settings.url, settings.allow_http).map_err(|why| Failure::because(Exit::USAGE, why))?;
        if let Some(warning) = place.warning() {
            say!("doorlist: {warning}");
        }
        let key = ApiKey::read(&settings.key_file)?;
        let authorities = settings.ca_file.as_deref().map(|path| {
            std::fs::read(path)
                .with_context(|| format!("cannot read the certificates {}", path.display()))
                .or_exit(Exit::NO_INPUT)
        });
        let dialer = Dialer::new(&place, authorities.transpose()?.as_deref(), times.connect)?;
        Ok(Self { place, key, dialer, times })
    }

    pub(crate) async fn command(&self, request: &Request) -> Result<Response, Failure> {
        let body = serde_json::to_vec(request).or_exit(Exit::SYSTEM)?;
        if body.len() > LARGE_BODY_MAX {
            return Err(answers::too_large(body.len(), &self.place));
        }
        let call = Call { path: COMMAND.to_owned(), body: body.into() };
        let answered = self.ask(&call, Again::Unsent).await.map_err(|trouble| trouble.of_command(&self.place))?;
        answers::of_command(&answered, &self.place)
    }
}
