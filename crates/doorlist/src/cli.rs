//! The command line: commands, options and help. `commands` runs what is parsed here.

pub(crate) mod account;
pub(crate) mod admin;
pub(crate) mod agent;
pub(crate) mod alias;
pub(crate) mod api_key;
pub(crate) mod audit;
pub(crate) mod candidate;
pub(crate) mod changes;
pub(crate) mod config;
pub(crate) mod contact;
pub(crate) mod domain;
mod examples;
pub(crate) mod export;
pub(crate) mod harvest;
pub(crate) mod import;
pub(crate) mod log;
pub(crate) mod manual;
pub(crate) mod plan;
pub(crate) mod queue;
pub(crate) mod remote;
pub(crate) mod sender;
mod server;
pub(crate) mod source;
pub(crate) mod sync;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use remote::{RemoteCommand, RemoteServer};
use std::ffi::OsString;
use std::path::PathBuf;

pub(crate) use server::parse as parse_server;

/// Inbound mail gateway that knows which recipients exist.
#[derive(Debug, Parser)]
#[command(name = "doorlist", version, arg_required_else_help = true, max_term_width = 100)]
#[command(after_help = "\
Examples:
  doorlist serve
  doorlist domain add example.test --server mail.example.test
  doorlist account add alice@example.test
  doorlist check alice@example.test

Results on stdout, messages on stderr. Exit codes: 0 success (check: accepted), 1 failure, 2 dry run
found changes, 3 check: rejected; other commands: what they name does not exist, 4 check: deferred,
a limit stopped the change, or it needs a confirmation, 64-78 see sysexits.h.")]
pub(crate) struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: CliCommand,
}

/// Options that every command accepts.
#[derive(Args, Debug)]
pub(crate) struct Global {
    /// Configuration file [default: /etc/doorlist/doorlist.toml, if it exists] [env: DOORLIST_CONFIG]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Global options")]
    pub config: Option<PathBuf>,
    /// Override a setting from the file or the environment (repeatable)
    #[arg(long, global = true, value_name = "KEY=VALUE", help_heading = "Global options")]
    pub set: Vec<String>,
    /// Print results as JSON Lines
    #[arg(long, global = true, help_heading = "Global options")]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CliCommand {
    /// Run the gateway
    #[command(after_help = "\
Runs SMTP, relay, HTTP and schedules in one process. Needs no configuration file. Defaults: state
in ./doorlist-data, SMTP on 127.0.0.1:2525, HTTP on 127.0.0.1:8080, metrics on 127.0.0.1:9925.
SIGTERM finishes running transactions and exits. SIGHUP reloads configuration and certificates.

Ports below 1024 require root or CAP_NET_BIND_SERVICE. When started by root, the server switches to
the owner of the state folder (state.user for a new folder) before it opens any file there. It
keeps only the capability to bind ports, for reloads, and sets no-new-privileges.

Examples:
  doorlist serve
  doorlist serve --config /etc/doorlist/doorlist.toml
  doorlist serve --set web.listen=
  DOORLIST__SMTP__LISTEN='[::]:25' doorlist serve
  doorlist serve --set smtp.listen='[::]:25,127.0.0.1:10025 proxy_from=127.0.0.1'")]
    Serve,
    /// Show version, uptime, domains, queue, sources, waiting plans and attacks on one screen
    #[command(after_help = "Examples:\n  doorlist status\n  doorlist status --json")]
    Status,
    /// Show the reply to RCPT TO for an address, and why
    #[command(after_help = "\
Changes nothing. Exit code: 0 accepted, 3 rejected, also when the domain is not one of this gateway,
4 deferred, 64 not an address; of several addresses, 64 if one is none, else 3 if one is rejected,
else 4 if one is deferred.

Examples:
  doorlist check alice@example.test
  doorlist check alice@example.test bob@example.test
  doorlist check --json alice+news@example.test
  doorlist check alice@example.test --from friend@elsewhere.test")]
    Check(CheckArgs),
    /// Manage domains and domain aliases
    #[command(subcommand, arg_required_else_help = true)]
    Domain(domain::DomainCommand),
    /// Manage email accounts
    #[command(arg_required_else_help = true)]
    Account(RemoteCommand<account::AccountCommand>),
    /// Manage aliases of accounts
    #[command(arg_required_else_help = true)]
    Alias(RemoteCommand<alias::Alias>),
    /// Decide on addresses that got clean mail and are not on the list
    #[command(arg_required_else_help = true)]
    Candidate(RemoteCommand<candidate::CandidateCommand>),
    /// Import recipients from a file
    Import(import::Import),
    /// Export a domain's recipients to stdout
    Export(export::ExportArgs),
    /// Manage sources: LDAP and Active Directory servers
    #[command(subcommand, arg_required_else_help = true)]
    Source(source::SourceCommand),
    /// Test, preview and run the sync of a source
    #[command(subcommand, arg_required_else_help = true)]
    Sync(sync::Sync),
    /// Review, apply and discard pending plans
    #[command(arg_required_else_help = true)]
    Plan(RemoteCommand<plan::PlanCommand>),
    /// Show and undo changes
    #[command(arg_required_else_help = true)]
    Changes(RemoteCommand<changes::Changes>),
    /// Manage admins and memberships
    #[command(subcommand, arg_required_else_help = true)]
    Admin(admin::Admin),
    /// Manage API keys
    #[command(name = "apikey", visible_alias = "key", subcommand, arg_required_else_help = true)]
    ApiKey(api_key::ApiKeyCommand),
    /// Show and verify the audit log
    #[command(subcommand, arg_required_else_help = true)]
    Audit(audit::AuditCommand),
    /// Manage the mail queue
    #[command(subcommand, arg_required_else_help = true)]
    Queue(queue::QueueCommand),
    /// Search the mail log
    Log(log::LogArgs),
    /// List and confirm technical contacts
    #[command(subcommand, arg_required_else_help = true)]
    Contact(contact::Contact),
    /// Allow and block senders
    #[command(subcommand, arg_required_else_help = true)]
    Sender(sender::SenderCommand),
    /// Show and control the defence against address guessing
    #[command(subcommand, arg_required_else_help = true)]
    Harvest(harvest::HarvestCommand),
    /// Check and show the configuration
    #[command(subcommand, arg_required_else_help = true)]
    Config(config::ConfigCommand),
    /// Check the installation and suggest fixes
    #[command(after_help = "\
Checks configuration, state folder, store, certificates, listeners and domains, one line each.
Exit code: 0 no check failed (warnings allowed), 1 a check failed, 78 the configuration is invalid.
A server that is not running is a warning: to monitor it, ask /readyz (docs/monitoring.md).

Examples:
  doorlist doctor
  doorlist doctor --json")]
    Doctor,
    /// Sync an internal directory to a remote Doorlist
    Agent(agent::Agent),
    /// Print a script with completions for a shell
    #[command(after_help = "\
Examples:
  doorlist completion bash > /etc/bash_completion.d/doorlist
  doorlist completion zsh > /usr/local/share/zsh/site-functions/_doorlist
  doorlist completion fish > ~/.config/fish/completions/doorlist.fish")]
    Completion { shell: manual::CompletionShell },
    /// Print the manual page of doorlist or of one of its commands
    #[command(after_help = "\
Examples:
  doorlist man | man -l -
  doorlist man domain mode | man -l -
  doorlist man > /usr/local/share/man/man1/doorlist.1
  doorlist man domain mode > /usr/local/share/man/man1/doorlist-domain-mode.1")]
    Man {
        /// Command and subcommand
        command: Vec<String>,
    },
}

impl Cli {
    /// Reads the command line.
    ///
    /// # Errors
    /// When it is wrong, and for help and version.
    pub(crate) fn read() -> Result<Self, clap::Error> {
        let mut command = examples::kept_whole(Self::command());
        let mut matches = command.try_get_matches_from_mut(settings_together(std::env::args_os()))?;
        Self::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
    }
}

/// The same words with all `--set KEY=VALUE` behind the command: of an option that stands before and behind it, only the
/// last place would count.
fn settings_together(words: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let (mut others, mut settings, mut words) = (Vec::new(), Vec::new(), words.peekable());
    while let Some(word) = words.next() {
        match word.to_str() {
            Some("--") => {
                settings.push(word);
                settings.extend(words);
                break;
            }
            Some("--set") => settings.extend([Some(word), words.next()].into_iter().flatten()),
            Some(text) if text.starts_with("--set=") => settings.push(word),
            _ => others.push(word),
        }
    }
    others.extend(settings);
    others
}

/// Help as it is printed, from what clap renders.
pub(crate) fn help_text(rendered: &str) -> String {
    examples::as_typed(rendered)
}

#[derive(Args, Debug)]
pub(crate) struct CheckArgs {
    /// One or more recipient addresses, as in RCPT TO
    #[arg(value_name = "ADDRESS", required = true)]
    pub addresses: Vec<String>,
    /// Also apply the sender rules, for mail from this address
    #[arg(long, value_name = "SENDER")]
    pub from: Option<String>,
    #[command(flatten)]
    pub elsewhere: RemoteServer,
}

impl CliCommand {
    /// The options for a remote server; `None` for commands that only run on the server's own machine.
    pub(crate) fn remote_server(&self) -> Option<&RemoteServer> {
        match self {
            CliCommand::Check(check) => Some(&check.elsewhere),
            CliCommand::Account(asked) => Some(&asked.elsewhere),
            CliCommand::Alias(asked) => Some(&asked.elsewhere),
            CliCommand::Plan(asked) => Some(&asked.elsewhere),
            CliCommand::Changes(asked) => Some(&asked.elsewhere),
            CliCommand::Import(import) => Some(&import.elsewhere),
            CliCommand::Export(export) => Some(&export.elsewhere),
            _ => None,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn settings_before_and_behind_a_command_add_up() {
        let read = |line: &str| {
            let words = settings_together(line.split_whitespace().map(OsString::from));
            let mut matches = Cli::command().try_get_matches_from(words).unwrap();
            Cli::from_arg_matches_mut(&mut matches).unwrap().global.set
        };
        assert_eq!(read("doorlist --set a=1 config --set b=2 show --set=c=3"), ["a=1", "b=2", "c=3"]);
        assert_eq!(read("doorlist serve --set a=1 --set a=2"), ["a=1", "a=2"]);
        assert_eq!(read("doorlist --set=a=1 check -- --set"), ["a=1"], "behind `--` nothing is an option");
        let lone = settings_together(["doorlist", "serve", "--set"].map(OsString::from).into_iter());
        assert!(Cli::command().try_get_matches_from(lone).is_err());
    }

    #[test]
    fn every_command_that_does_something_has_examples() {
        fn look(command: &clap::Command, path: &str) {
            for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
                look(inner, &format!("{path} {}", inner.get_name()));
            }
            if !command.has_subcommands() {
                let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
                assert!(help.lines().any(|line| line.trim().starts_with(path)), "no example: {path}");
            }
        }
        look(&Cli::command(), "doorlist");
    }
}
