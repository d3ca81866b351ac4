//! The grammar of the command line, and nothing else: what the words mean is done where the commands are run.

pub(crate) mod agent;
pub(crate) mod contacts;
pub(crate) mod domain;
pub(crate) mod elsewhere;
pub(crate) mod list;
pub(crate) mod logins;
pub(crate) mod operate;
pub(crate) mod senders;
mod server;
pub(crate) mod sources;

use clap::{Args, Parser, Subcommand};
use elsewhere::{Asked, Elsewhere};
use std::path::PathBuf;

pub(crate) use server::parse as parse_server;

/// An inbound mail gateway that knows who is on the list.
#[derive(Debug, Parser)]
#[command(name = "doorlist", version, arg_required_else_help = true, max_term_width = 100)]
#[command(after_help = "\
Begin:
  doorlist serve
  doorlist domain add example.test --server mail.example.test
  doorlist account add alice@example.test
  doorlist check alice@example.test

Data goes to stdout, talk to stderr. Exit codes: 0 done (check: accepted), 1 failure, 2 a dry run
that would change something, 3 check: refused, 4 check: deferred, or a plan that a limit stopped,
64-78 as in sysexits.")]
pub(crate) struct Cli {
    /// For every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Args, Debug)]
pub(crate) struct Global {
    /// Configuration file; without it /etc/doorlist/doorlist.toml, if that is there
    #[arg(long, global = true, value_name = "FILE", env = "DOORLIST_CONFIG", help_heading = "Everywhere")]
    pub config: Option<PathBuf>,
    /// One setting, above file and environment; may be given several times
    #[arg(long, global = true, value_name = "KEY=VALUE", help_heading = "Everywhere")]
    pub set: Vec<String>,
    /// JSON Lines on stdout
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub json: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server: everything in one process
    #[command(after_help = "\
Works without any file: state in ./doorlist-data, SMTP on 127.0.0.1:2525, /healthz and /readyz on
127.0.0.1:8080, metrics on 127.0.0.1:9925. SIGTERM finishes running transactions and ends,
SIGHUP reads configuration and certificates again.

Ports below 1024 need root or CAP_NET_BIND_SERVICE. Started by root, the server becomes the owner
of the state folder (state.user gets a new one) before it opens anything there. It keeps the right
to bind ports, which a reload may need, and gets no other (no-new-privileges, no bounding set).

Examples:
  doorlist serve
  doorlist serve --config /etc/doorlist/doorlist.toml
  doorlist serve --set web.listen=
  DOORLIST__SMTP__LISTEN='[::]:25' doorlist serve
  doorlist serve --set smtp.listen='[::]:25,127.0.0.1:10025 proxy_from=127.0.0.1'")]
    Serve,
    /// Say what RCPT TO would be answered, and why; nothing is written
    #[command(after_help = "\
Exit code 0: accepted, 3: refused, 4: deferred.

Examples:
  doorlist check alice@example.test
  doorlist check --json alice+news@example.test
  doorlist check alice@example.test --from friend@elsewhere.test")]
    Check {
        /// The recipient, as a sender would write it
        #[arg(value_name = "ADDRESS")]
        address: String,
        /// Ask the sender rules, too: as if this one sent it
        #[arg(long, value_name = "SENDER")]
        from: Option<String>,
    },
    /// Domains: add, list, show, mode, hold, aliases
    #[command(subcommand, arg_required_else_help = true)]
    Domain(domain::Domain),
    /// Email accounts: add, remove, show, list
    #[command(arg_required_else_help = true)]
    Account(Asked<list::Account>),
    /// Aliases of accounts: add, remove
    #[command(arg_required_else_help = true)]
    Alias(Asked<list::Alias>),
    /// Read a list from a file of any kind; without --apply only say what would change
    Import(list::Import),
    /// Write a domain's list to stdout
    Export(list::Export),
    /// Directories (LDAP, Active Directory) that keep a list: add, set, list, show, remove
    #[command(subcommand, arg_required_else_help = true)]
    Source(sources::Source),
    /// Reading directories: test, preview, run, history
    #[command(subcommand, arg_required_else_help = true)]
    Sync(sources::Sync),
    /// Plans that wait for a person: list, show, apply, discard
    #[command(arg_required_else_help = true)]
    Plan(Asked<sources::Plan>),
    /// Who changed what; taking it back
    #[command(arg_required_else_help = true)]
    Changes(Asked<list::Changes>),
    /// People and scripts that may do something: create, memberships, accept, decline
    #[command(subcommand, arg_required_else_help = true)]
    Admin(logins::Admin),
    /// Keys of the API: create, list, revoke
    #[command(name = "apikey", subcommand, arg_required_else_help = true)]
    ApiKey(logins::ApiKey),
    /// What was written over HTTP: list, head, verify
    #[command(subcommand, arg_required_else_help = true)]
    Audit(logins::Audit),
    /// Accepted mail that waits: list, show, retry, hold, release, delete
    #[command(subcommand, arg_required_else_help = true)]
    Queue(operate::Queue),
    /// What happened to mail
    Log(operate::Log),
    /// Technical contacts and whether they get notices: list, confirm
    #[command(subcommand, arg_required_else_help = true)]
    Contact(contacts::Contact),
    /// Senders whose mail a domain or an account takes, or does not: allow, block, list, remove
    #[command(subcommand, arg_required_else_help = true)]
    Sender(senders::Sender),
    /// The configuration: check, show
    #[command(subcommand, arg_required_else_help = true)]
    Config(operate::Config),
    /// Look at everything that must work, one line each, and say what to do
    #[command(after_help = "\
Exit code 0 if nothing failed, else 1; warnings do not count.

Examples:
  doorlist doctor
  doorlist doctor --json")]
    Doctor,
    /// Read a directory near here and push its list to a Doorlist elsewhere
    Agent(agent::Agent),
}

impl Command {
    /// Where else it may be asked, of the commands that travel.
    pub(crate) fn elsewhere(&self) -> Option<&Elsewhere> {
        match self {
            Command::Account(asked) => Some(&asked.elsewhere),
            Command::Alias(asked) => Some(&asked.elsewhere),
            Command::Plan(asked) => Some(&asked.elsewhere),
            Command::Changes(asked) => Some(&asked.elsewhere),
            Command::Import(import) => Some(&import.elsewhere),
            Command::Export(export) => Some(&export.elsewhere),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_grammar_is_sound() {
        Cli::command().debug_assert();
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
