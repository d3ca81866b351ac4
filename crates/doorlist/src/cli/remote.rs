//! Options of the commands that also run against a remote server: `--server`, `--key-file` and others.

use super::CliCommand;
use crate::exit::{Exit, Failure};
use crate::remote::RemoteSettings;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, Subcommand};
use std::ffi::OsString;
use std::path::PathBuf;

/// The environment variable that names the remote server.
pub(crate) const SERVER_VARIABLE: &str = "DOORLIST_SERVER";

/// The error message of all other commands.
pub(crate) const ONLY_HERE: &str = "only check, account, alias, import, export, plan and changes work on a remote server; run other \
     commands on the server itself";

/// A command with subcommands that also runs against a remote server.
#[derive(Args, Debug)]
pub(crate) struct RemoteCommand<T: Subcommand> {
    #[command(subcommand)]
    pub what: T,
    #[command(flatten)]
    pub elsewhere: RemoteServer,
}

/// The remote server and the credentials for it.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct RemoteServer {
    /// URL of a remote Doorlist server [default: the one on this machine] [env: DOORLIST_SERVER]
    #[arg(long, global = true, value_name = "URL", help_heading = "Remote server")]
    pub server: Option<String>,
    /// File with LOGIN:KEY for the remote server (mode 0600) [env: DOORLIST_KEY_FILE]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Remote server")]
    pub key_file: Option<PathBuf>,
    /// Additional trusted CA (PEM) [env: DOORLIST_CA_FILE]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Remote server")]
    pub ca_file: Option<PathBuf>,
    /// Send the key unencrypted to an http:// URL of another machine
    #[arg(long, global = true, help_heading = "Remote server")]
    pub allow_http: bool,
}

impl RemoteServer {
    /// The remote server, if one was named; an empty variable names none.
    fn settings(&self) -> Result<Option<RemoteSettings>, Failure> {
        let file = |option: &Option<PathBuf>, variable| option.clone().or_else(|| given(variable).map(PathBuf::from));
        let url = self.server.clone().or_else(|| given(SERVER_VARIABLE)?.into_string().ok());
        let Some(url) = url.filter(|url| !url.is_empty()) else { return Ok(None) };
        let Some(key_file) = file(&self.key_file, "DOORLIST_KEY_FILE") else {
            let why = "--server requires --key-file FILE (or DOORLIST_KEY_FILE), a file with LOGIN:KEY: run `(umask 077; \
                       doorlist apikey create LOGIN --login-key-only > FILE)` on the server to create it";
            return Err(Failure::because(Exit::USAGE, why));
        };
        Ok(Some(RemoteSettings {
            url,
            key_file,
            ca_file: file(&self.ca_file, "DOORLIST_CA_FILE"),
            allow_http: self.allow_http,
        }))
    }
}

/// A variable of the environment; an empty one is none.
fn given(variable: &str) -> Option<OsString> {
    std::env::var_os(variable).filter(|value| !value.is_empty())
}

/// The remote server of a command; `None` for this machine. While the variable is set, a command that only runs locally is
/// refused: it would change another list than the one that was meant.
pub(crate) fn chosen(command: &CliCommand) -> Result<Option<RemoteSettings>, Failure> {
    match command.remote_server() {
        Some(elsewhere) => elsewhere.settings(),
        None if std::env::var_os(SERVER_VARIABLE).is_some_and(|url| !url.is_empty()) => {
            Err(Failure::because(Exit::USAGE, format_args!("{SERVER_VARIABLE} is set, but {ONLY_HERE}, or unset it")))
        }
        None => Ok(None),
    }
}

/// Whether a remote option was given to a command that only runs locally.
pub(crate) fn is_of_another_command(error: &clap::Error) -> bool {
    let of_ours = |argument: &str| ["--server", "--key-file"].iter().any(|own| argument.starts_with(own));
    error.kind() == ErrorKind::UnknownArgument
        && matches!(error.get(ContextKind::InvalidArg), Some(ContextValue::String(argument)) if of_ours(argument))
}
