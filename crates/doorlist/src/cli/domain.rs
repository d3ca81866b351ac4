//! `doorlist domain ...`

use clap::{ArgGroup, Subcommand, ValueEnum};
use doorlist_core::address::{Address, DomainName};
use doorlist_core::change::MailServer;

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum DomainCommand {
    /// Add a domain and show the settings its mail server needs
    #[command(after_help = "\
A new domain starts in mode learn: the domain's server is asked for unlisted recipients, which are
accepted if it takes them, and deferred while it does not answer. No mail is lost.
`doorlist domain mode NAME enforce` starts to reject unlisted recipients.

Options of a server: tls=opportunistic uses TLS when it is offered (default), tls=required defers
mail without TLS, tls=verify also requires a valid certificate; xforward tells the server the
client's address (XFORWARD of Postfix; it must allow that for this gateway).

This command accepts a server on any network. Over the API, tenants must name public servers, and
the operator may also name servers on private networks; relay.allow_networks allows more.

Examples:
  doorlist domain add example.test --server mail.example.test
  doorlist domain add example.test --server 192.0.2.7:2525 --server backup.example.test:25:20
  doorlist domain add example.test --server '[2001:db8::7]:25:10,tls=verify,xforward' --customer Acme")]
    Add {
        /// Name of the domain
        name: DomainName,
        /// Mail server of the domain (repeatable; lowest preference first, as in MX)
        #[arg(
            long = "server",
            required = true,
            value_name = "HOST[:PORT[:PREFERENCE]][,OPTION]...",
            value_parser = super::parse_server
        )]
        servers: Vec<MailServer>,
        /// Customer that owns the domain [default: a customer named like the domain]
        #[arg(long, value_name = "NAME")]
        customer: Option<String>,
    },
    /// List all domains
    #[command(after_help = "Example:\n  doorlist domain list")]
    List,
    /// Show a domain's settings
    #[command(after_help = "Example:\n  doorlist domain show example.test")]
    Show {
        /// Name of the domain
        name: DomainName,
    },
    /// Remove a domain with its recipients, domain aliases and sources
    #[command(after_help = "\
Asks for the domain's name on a terminal; without one, --yes is required. The removal can be undone
for 30 days; its sources come back with it.

Examples:
  doorlist domain remove example.test --yes")]
    Remove {
        /// Name of the domain
        name: DomainName,
        /// Skip the confirmation prompt
        #[arg(long)]
        yes: bool,
    },
    /// Set how unlisted recipients are handled
    #[command(after_help = "\
learn and monitor ask the domain's own server for unlisted recipients: what it takes is accepted.
Where it knows no such user, they get 550 (in the first 24 hours 450), and 451 while it gives no
clear answer.

In mode learn, an address that gets clean mail, and that this server takes, is added to the list and
marked Auto-Added. A new domain learns for 30 days from its first message on; then it is in mode
monitor, where such addresses become candidates. --days begins a new trial.

enforce accepts mail only for listed recipients. For the first 72 hours, other recipients get a 450
reply, so senders retry; after that they get 550. --now starts with 550. While the list is empty,
and for 72 hours after its first entry, they get 450 in any case.

If recipients that are not on the list look real (see `domain preview`), or the list is empty, the
command shows them and asks for the domain's name; without a terminal, --confirm NAME is required.

Examples:
  doorlist domain mode example.test learn --days 14
  doorlist domain mode example.test monitor
  doorlist domain mode example.test enforce
  doorlist domain mode example.test enforce --confirm example.test
  doorlist domain mode example.test enforce --now")]
    Mode {
        /// Name of the domain
        name: DomainName,
        /// Mode of the domain
        mode: ModeWord,
        /// With learn: end the trial after this many days
        #[arg(long, value_name = "DAYS")]
        days: Option<u16>,
        /// Skip the 72 hours of temporary rejection
        #[arg(long)]
        now: bool,
        /// Enforce without a prompt a list that is empty or lacks recipients that look real; repeat the domain's name
        #[arg(long, value_name = "NAME")]
        confirm: Option<DomainName>,
    },
    /// List recipients that were asked for and are not on the list
    #[command(after_help = "\
Most asked for first, with the last time, the senders' domains, and the commands that add each.
Recipients that are on the list by now, or that were removed by a person, are left out.

Examples:
  doorlist domain unlisted example.test
  doorlist domain unlisted example.test --days 3 --json")]
    Unlisted {
        /// Name of the domain
        name: DomainName,
        /// Days to look back
        #[arg(long, value_name = "DAYS", default_value_t = 14, value_parser = clap::value_parser!(u16).range(1..=400))]
        days: u16,
    },
    /// Show who would be rejected if the list were enforced
    #[command(after_help = "\
Looks at the mail of the last days, by the list as it is now. Recipients are counted in groups:

  looks real      the domain's server took mail for them that is neither spam nor a virus
  undecided       nobody knows whether they exist
  spam only       all their messages were spam or viruses
  guessing        only sources asked for them that guess addresses
  refused anyway  the domain's server knows no such user, or a person removed them

The first two are listed by name, with the evidence and the commands that add each.

Examples:
  doorlist domain preview example.test
  doorlist domain preview example.test --days 3 --json")]
    Preview {
        /// Name of the domain
        name: DomainName,
        /// Days to look back
        #[arg(long, value_name = "DAYS", default_value_t = 14, value_parser = clap::value_parser!(u16).range(1..=400))]
        days: u16,
    },
    /// Show how much of the clean mail went to listed recipients
    #[command(after_help = "\
Unlisted recipients that got clean mail follow by name, with the commands that add each. Clean mail
is known where messages are scanned (verdict.engine).

Examples:
  doorlist domain completeness example.test
  doorlist domain completeness example.test --days 3 --json")]
    Completeness {
        /// Name of the domain
        name: DomainName,
        /// Days to look back
        #[arg(long, value_name = "DAYS", default_value_t = 14, value_parser = clap::value_parser!(u16).range(1..=400))]
        days: u16,
    },
    /// Ask a domain's own servers now, and show the dialogue
    #[command(after_help = "\
With an address, the command asks the servers whether they accept it. Without one, it asks for a
random address and for one that exists. That shows whether their answers can be trusted: a server
that accepts every address does not tell who exists. No message is sent. Requires a running server.

Examples:
  doorlist domain probe example.test
  doorlist domain probe example.test ann@example.test")]
    Probe {
        /// Name of the domain
        name: DomainName,
        /// An address in it
        address: Option<Address>,
    },
    /// Change a domain's mail servers and other settings
    #[command(after_help = "\
Options that are not given keep their value. --server replaces all servers of the domain; queued
mail goes to the new ones. `domain add --help` explains the options of a server.

Examples:
  doorlist domain set example.test --server new.example.test --server old.example.test:25:20
  doorlist domain set example.test --minus on --abuse off
  doorlist domain set example.test --srs on
  doorlist domain set example.test --spam refuse
  doorlist domain set example.test --fall-back on")]
    #[command(group = ArgGroup::new("setting").required(true).multiple(true))]
    Set {
        /// Name of the domain
        name: DomainName,
        /// Mail server of the domain (repeatable; lowest preference first, as in MX)
        #[arg(
            long = "server",
            group = "setting",
            value_name = "HOST[:PORT[:PREFERENCE]][,OPTION]...",
            value_parser = super::parse_server
        )]
        servers: Option<Vec<MailServer>>,
        /// Deliver mail for user+tag to user
        #[arg(long, group = "setting", value_name = "on|off", hide_possible_values = true)]
        plus: Option<Switch>,
        /// Deliver mail for user-tag to user
        #[arg(long, group = "setting", value_name = "on|off", hide_possible_values = true)]
        minus: Option<Switch>,
        /// Accept mail for abuse@ even if it is not listed
        #[arg(long, group = "setting", value_name = "on|off", hide_possible_values = true)]
        abuse: Option<Switch>,
        /// Deliver bounces to prvs=TAG=user (BATV) to user
        #[arg(long, group = "setting", value_name = "on|off", hide_possible_values = true)]
        batv: Option<Switch>,
        /// Accept bounces to SRS0=... and SRS1=...: the domain's server rewrites senders of mail that it forwards
        #[arg(long, group = "setting", value_name = "on|off", hide_possible_values = true)]
        srs: Option<Switch>,
        /// What becomes of spam: deliver it with X-Spam-Flag: YES, or refuse it at the end of DATA
        #[arg(long, group = "setting", value_name = "tag|refuse", hide_possible_values = true)]
        spam: Option<SpamWord>,
        /// Go back to mode monitor if authenticated senders with a good record are refused within an hour
        #[arg(long, group = "setting", value_name = "on|off", hide_possible_values = true)]
        fall_back: Option<Switch>,
    },
    /// Hold a domain's mail: accept it, do not deliver it
    #[command(after_help = "Example:\n  doorlist domain hold example.test")]
    Hold {
        /// Name of the domain
        name: DomainName,
    },
    /// Release a domain's mail and deliver it
    #[command(after_help = "Example:\n  doorlist domain release example.test")]
    Release {
        /// Name of the domain
        name: DomainName,
    },
    /// Accept mail for a deactivated domain again
    #[command(after_help = "Example:\n  doorlist domain activate example.test")]
    Activate {
        /// Name of the domain
        name: DomainName,
    },
    /// Reject all mail for a domain with 550 5.1.2
    #[command(after_help = "Example:\n  doorlist domain deactivate example.test")]
    Deactivate {
        /// Name of the domain
        name: DomainName,
    },
    /// Manage domain aliases
    #[command(subcommand, arg_required_else_help = true)]
    Alias(DomainAlias),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    On,
    Off,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SpamWord {
    Tag,
    Refuse,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ModeWord {
    /// Ask the domain's server, and add what gets clean mail
    Learn,
    /// Ask the domain's server for unlisted recipients
    Monitor,
    /// Accept mail only for listed recipients
    Enforce,
}

impl DomainCommand {
    /// The mail servers that the command names, and of which domain they are.
    pub(crate) fn new_servers(&self) -> Option<(&DomainName, &[MailServer])> {
        match self {
            DomainCommand::Add { name, servers, .. } => Some((name, servers)),
            DomainCommand::Set { name, servers: Some(servers), .. } => Some((name, servers)),
            _ => None,
        }
    }
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum DomainAlias {
    /// Add an alias with the same recipients and servers
    #[command(after_help = "Example:\n  doorlist domain alias add example.test example.net.test")]
    Add {
        /// Name of the domain
        name: DomainName,
        /// Domain name of the alias
        alias: DomainName,
    },
    /// Remove an alias of a domain
    #[command(after_help = "Example:\n  doorlist domain alias remove example.net.test")]
    Remove {
        /// Domain name of the alias
        alias: DomainName,
    },
}
