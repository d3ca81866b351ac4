//! A Doorlist on another machine, asked over its HTTP API with a key: commands, and pushes of a domain's full state. Must
//! not know what a command means, nor where pushed data come from.
//!
//! | module | what it is |
//! |---|---|
//! | `server_url` | pure: the address of a Doorlist, and whether a key may travel there |
//! | `secret_file` | a key or a password in a file that nobody else may read |
//! | `client`, `exchange` | one connection, one request, one answer, with limits on time and size |
//! | `attempts` | asking again, where that is harmless |
//! | `answers` | pure: what a status and a body mean |
//! | `parts` | a push in several parts |

mod answers;
mod attempts;
#[cfg(test)]
pub(crate) mod canned;
mod client;
mod exchange;
mod parts;
pub(crate) mod secret_file;
mod server_url;
#[cfg(test)]
mod tests;

pub(crate) use parts::{OutgoingPush, PushSize};

use crate::exit::{Exit, Failure, OrExit};
use anyhow::Context;
use attempts::Again;
use doorlist_actions::{Request, Response};
use doorlist_web::LARGE_BODY_MAX;
use exchange::Call;
use secret_file::ApiKey;
use server_url::ServerUrl;
use std::path::PathBuf;
use std::time::Duration;

/// Before the second attempt, and before the third and last.
const RESTS: &[Duration] = &[Duration::from_secs(1), Duration::from_secs(4)];
/// Where commands are taken.
const COMMAND: &str = "/api/v1/command/";

/// How a Doorlist elsewhere is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RemoteSettings {
    pub url: String,
    /// The file with `LOGIN:KEY`.
    pub key_file: PathBuf,
    /// Authorities that are believed beside those of this machine.
    pub ca_file: Option<PathBuf>,
    /// The key may travel unencrypted.
    pub allow_http: bool,
}

impl RemoteSettings {
    /// Whether the address is one to which a key may travel.
    pub(crate) fn check(&self) -> Result<(), String> {
        ServerUrl::parse(&self.url, self.allow_http).map(drop)
    }
}

/// How long anything may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RemoteTimeouts {
    /// Name, connection and TLS.
    pub connect: Duration,
    /// From the start to the end of the answer, for a request of a few octets.
    pub answer: Duration,
    /// Before the next attempts; so many are made.
    pub rests: &'static [Duration],
    /// The longest that a server may ask us to wait before we come again.
    pub retry_after_max: Duration,
}

impl Default for RemoteTimeouts {
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
    place: ServerUrl,
    key: ApiKey,
    client: reqwest::Client,
    times: RemoteTimeouts,
}

impl Remote {
    /// Reads key and certificates; nothing is contacted yet. A key that would travel unencrypted is warned of.
    pub(crate) fn open(settings: &RemoteSettings, times: RemoteTimeouts) -> Result<Self, Failure> {
        let place =
            ServerUrl::parse(&settings.url, settings.allow_http).map_err(|why| Failure::because(Exit::USAGE, why))?;
        if let Some(warning) = place.warning() {
            say!("doorlist: {warning}");
        }
        let key = ApiKey::read(&settings.key_file)?;
        let authorities = settings.ca_file.as_deref().map(|path| {
            std::fs::read(path)
                .with_context(|| format!("the certificates {} cannot be read", path.display()))
                .or_exit(Exit::NO_INPUT)
        });
        let client = client::build(&place, authorities.transpose()?.as_deref(), times.connect)?;
        Ok(Self { place, key, client, times })
    }

    /// Asks its office, as the machine's own commands do.
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
