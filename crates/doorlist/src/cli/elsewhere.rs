//! Commands that may be given on another machine than the Doorlist's own.

use super::Command;
use crate::exit::{Exit, Failure};
use crate::remote::RemoteSettings;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// The variable that names the Doorlist elsewhere.
pub(crate) const SERVER_VARIABLE: &str = "DOORLIST_SERVER";

/// What is said of all other commands.
pub(crate) const ONLY_HERE: &str = "only account, alias, import, export, plan and changes can be asked of a Doorlist on another \
     machine; give any other command there";

/// A command with its words, and where it is asked.
#[derive(Args, Debug)]
pub(crate) struct Asked<T: Subcommand> {
    /// What.
    #[command(subcommand)]
    pub what: T,
    /// Where.
    #[command(flatten)]
    pub elsewhere: Elsewhere,
}

/// A Doorlist on another machine.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Elsewhere {
    /// Ask the Doorlist there, over its API; without it the one on this machine
    #[arg(long, global = true, value_name = "URL", env = SERVER_VARIABLE, help_heading = "On another machine")]
    pub server: Option<String>,
    /// The file with login and key for it, which nobody else may read: LOGIN:KEY
    #[arg(long, global = true, value_name = "FILE", env = "DOORLIST_KEY_FILE", help_heading = "On another machine")]
    pub key_file: Option<PathBuf>,
    /// Believe this authority's certificates too, PEM
    #[arg(long, global = true, value_name = "FILE", env = "DOORLIST_CA_FILE", help_heading = "On another machine")]
    pub ca_file: Option<PathBuf>,
    /// Let the key travel unencrypted, to an http:// that is not on this machine
    #[arg(long, global = true, help_heading = "On another machine")]
    pub allow_http: bool,
}

impl Elsewhere {
    /// What was chosen, if anything was; an empty variable is none.
    fn settings(&self) -> Result<Option<RemoteSettings>, Failure> {
        let Some(url) = self.server.as_ref().filter(|url| !url.is_empty()) else { return Ok(None) };
        let Some(key_file) = &self.key_file else {
            let why = "--server needs --key-file FILE (or DOORLIST_KEY_FILE): the file with LOGIN:KEY, as `doorlist apikey \
                       create LOGIN --login-key-only` prints it there";
            return Err(Failure::because(Exit::USAGE, why));
        };
        Ok(Some(RemoteSettings {
            url: url.clone(),
            key_file: key_file.clone(),
            ca_file: self.ca_file.clone(),
            allow_http: self.allow_http,
        }))
    }
}

/// Where a command is asked; `None`: on this machine. A command that cannot travel is refused while the variable says that
/// commands do: it would change a list that was not meant.
pub(crate) fn chosen(command: &Command) -> Result<Option<RemoteSettings>, Failure> {
    match command.elsewhere() {
        Some(elsewhere) => elsewhere.settings(),
        None if std::env::var_os(SERVER_VARIABLE).is_some_and(|url| !url.is_empty()) => {
            Err(Failure::because(Exit::USAGE, format_args!("{SERVER_VARIABLE} is set, but {ONLY_HERE}, or unset it")))
        }
        None => Ok(None),
    }
}

/// Whether a command was to travel that cannot.
pub(crate) fn is_of_another_command(error: &clap::Error) -> bool {
    let of_ours = |argument: &str| ["--server", "--key-file"].iter().any(|own| argument.starts_with(own));
    error.kind() == ErrorKind::UnknownArgument
        && matches!(error.get(ContextKind::InvalidArg), Some(ContextValue::String(argument)) if of_ours(argument))
}
