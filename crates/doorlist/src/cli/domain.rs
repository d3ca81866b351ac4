//! `doorlist domain ...`

use clap::{ArgGroup, Subcommand, ValueEnum};
use doorlist_core::address::DomainName;
use doorlist_core::change::MailServer;

/// Domains.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Domain {
    /// Protect a domain, and say what its own mail server must allow
    #[command(after_help = "\
A new domain is being set up: recipients that are not on its list are deferred (451), nothing is
lost. `doorlist domain mode NAME enforce` begins to refuse them.

A server named by this command may be anywhere. One that a tenant names by the API must be public,
one that the operator names there may be in a private network; relay.allow_networks allows more.

Examples:
  doorlist domain add example.test --server mail.example.test
  doorlist domain add example.test --server 192.0.2.7:2525 --server backup.example.test:25:20
  doorlist domain add example.test --server '[2001:db8::7]:25:10,tls=verify,xforward' --customer Acme")]
    Add {
        /// The domain
        name: DomainName,
        /// Its own mail server; several by preference as in MX, lowest first
        #[arg(
            long = "server",
            required = true,
            value_name = "HOST[:PORT[:PREFERENCE]][,tls=opportunistic|required|verify][,xforward]",
            value_parser = super::parse_server
        )]
        servers: Vec<MailServer>,
        /// Whose it is; by default a customer with the domain's own name
        #[arg(long, value_name = "NAME")]
        customer: Option<String>,
    },
    /// List the domains
    #[command(after_help = "Example:\n  doorlist domain list")]
    List,
    /// Show a domain
    #[command(after_help = "Example:\n  doorlist domain show example.test")]
    Show {
        /// The domain
        name: DomainName,
    },
    /// Remove a domain with its list and its aliases
    #[command(after_help = "\
Asks for the name first if stdin is a terminal.

Examples:
  doorlist domain remove example.test
  doorlist domain remove example.test --yes")]
    Remove {
        /// The domain
        name: DomainName,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Say what happens to recipients that are not on the list
    #[command(after_help = "\
enforce: \"Accept mail only for mailboxes in this list\". It begins softly: 72 h of 450, which
senders repeat, then 550. --now refuses with 550 at once.

Examples:
  doorlist domain mode example.test enforce
  doorlist domain mode example.test enforce --now")]
    Mode {
        /// The domain
        name: DomainName,
        /// The mode
        mode: ModeWord,
        /// No soft period
        #[arg(long)]
        now: bool,
        /// The domain's name once more: to enforce an empty list without being asked
        #[arg(long, value_name = "NAME")]
        confirm: Option<DomainName>,
    },
    /// Change where a domain's mail goes, and other settings
    #[command(after_help = "\
What is not given stays. --server replaces all servers of the domain; mail that waits goes to the
new ones.

Examples:
  doorlist domain set example.test --server new.example.test --server old.example.test:25:20
  doorlist domain set example.test --minus on --abuse off")]
    #[command(group = ArgGroup::new("setting").required(true).multiple(true))]
    Set {
        /// The domain
        name: DomainName,
        /// Its own mail server; several by preference as in MX, lowest first
        #[arg(
            long = "server",
            group = "setting",
            value_name = "HOST[:PORT[:PREFERENCE]][,tls=opportunistic|required|verify][,xforward]",
            value_parser = super::parse_server
        )]
        servers: Option<Vec<MailServer>>,
        /// Mail for user+tag goes to user
        #[arg(long, group = "setting", value_name = "on|off", hide_possible_values = true)]
        plus: Option<Switch>,
        /// Mail for user-tag goes to user
        #[arg(long, group = "setting", value_name = "on|off", hide_possible_values = true)]
        minus: Option<Switch>,
        /// abuse@ is always accepted
        #[arg(long, group = "setting", value_name = "on|off", hide_possible_values = true)]
        abuse: Option<Switch>,
    },
    /// Keep accepting, stop delivering
    #[command(after_help = "Example:\n  doorlist domain hold example.test")]
    Hold {
        /// The domain
        name: DomainName,
    },
    /// Deliver again
    #[command(after_help = "Example:\n  doorlist domain release example.test")]
    Release {
        /// The domain
        name: DomainName,
    },
    /// Accept mail for the domain again
    #[command(after_help = "Example:\n  doorlist domain activate example.test")]
    Activate {
        /// The domain
        name: DomainName,
    },
    /// Refuse all mail for the domain with 550 5.1.2
    #[command(after_help = "Example:\n  doorlist domain deactivate example.test")]
    Deactivate {
        /// The domain
        name: DomainName,
    },
    /// Other names of a domain: same list, same servers
    #[command(subcommand, arg_required_else_help = true)]
    Alias(DomainAlias),
}

/// A setting as a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    /// Yes
    On,
    /// No
    Off,
}

/// Modes as words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ModeWord {
    /// The list grows by itself
    Learn,
    /// Unlisted recipients are watched
    Monitor,
    /// Accept mail only for mailboxes in this list
    Enforce,
}

/// Domain aliases.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum DomainAlias {
    /// Give a domain another name
    #[command(after_help = "Example:\n  doorlist domain alias add example.test example.net.test")]
    Add {
        /// The domain
        name: DomainName,
        /// Its other name
        alias: DomainName,
    },
    /// Take that name away
    #[command(after_help = "Example:\n  doorlist domain alias remove example.net.test")]
    Remove {
        /// The other name
        alias: DomainName,
    },
}
