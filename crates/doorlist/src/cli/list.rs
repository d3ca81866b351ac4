//! `doorlist account`, `alias`, `import`, `export`, `changes`: recipients and the log of their changes.

use super::remote::RemoteServer;
use super::sources::Override;
use clap::{Args, Subcommand, ValueEnum};
use doorlist_core::address::{Address, DomainName, LocalPart};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum AccountCommand {
    /// Add accounts, including previously removed ones
    #[command(after_help = "\
Examples:
  doorlist account add alice@example.test bob@example.test
  doorlist account add team@example.test --list")]
    Add {
        /// One or more email addresses
        #[arg(required = true, value_name = "ADDRESS")]
        addresses: Vec<Address>,
        /// Add them as distribution lists; existing accounts keep their aliases
        #[arg(long)]
        list: bool,
    },
    /// Remove accounts and their aliases, and reject them until they are added again
    #[command(after_help = "Example:\n  doorlist account remove bob@example.test")]
    Remove {
        /// One or more email addresses
        #[arg(required = true, value_name = "ADDRESS")]
        addresses: Vec<Address>,
    },
    /// Show an address, its kind, aliases and sources
    #[command(after_help = "Example:\n  doorlist account show alice@example.test")]
    Show {
        /// Address of an account or alias
        address: Address,
    },
    /// List a domain's accounts
    #[command(after_help = "\
Examples:
  doorlist account list --domain example.test
  doorlist account list --domain example.test --search ali --json")]
    List {
        /// Name of the domain
        #[arg(long, value_name = "NAME")]
        domain: DomainName,
        /// List only accounts whose address contains this text
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Alias {
    /// Add aliases to an account
    #[command(after_help = "Example:\n  doorlist alias add alice@example.test a.liddell alice.l")]
    Add {
        /// Address of the account
        account: Address,
        /// Local part of the alias, before the @
        #[arg(required = true, value_name = "LOCALPART", value_parser = local_part)]
        names: Vec<LocalPart>,
    },
    /// Remove aliases, and reject them until they are added again
    #[command(after_help = "Example:\n  doorlist alias remove a.liddell@example.test")]
    Remove {
        /// One or more email addresses
        #[arg(required = true, value_name = "ADDRESS")]
        addresses: Vec<Address>,
    },
}

fn local_part(text: &str) -> Result<LocalPart, String> {
    LocalPart::parse(text.as_bytes()).map_err(|error| error.to_string())
}

#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(after_help = "\
Detects the format: exports of Exchange, Microsoft 365, Entra, Google Workspace, cPanel, Zimbra,
Proofpoint, Postini, MailRoute and Barracuda, Postfix maps, LDIF, aliases files, JSON, tables with
addresses, and plain lists. Skips bad rows and imports the others. Without --apply this is a dry
run: nothing is written, and the exit code is 2 if something would change, 4 if a limit would stop
the import. Maximum file size: 100 MiB, or 64 MiB with --server. --json prints one object for each
row, then one that tells how the file was read and what became of it.

Examples:
  doorlist import staff.csv --domain example.test
  doorlist import staff.csv --domain example.test --source staff --apply
  doorlist import staff.csv --domain example.test --source staff --mirror --apply
  doorlist import list.csv --domain example.test --map 'Work mail=address' --map 'Also=aliases'
  getent passwd | cut -d: -f1 | doorlist import - --domain example.test
  doorlist import request --domain example.test")]
pub(crate) struct Import {
    #[command(subcommand)]
    pub request: Option<ImportRequestCommand>,
    /// File to import, or - for stdin
    #[arg(required = true)]
    pub file: Option<PathBuf>,
    /// Domain of the recipients
    #[arg(long, value_name = "NAME", required = true)]
    pub domain: Option<DomainName>,
    /// Format of the file, if detection fails; an unknown name prints the known ones
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<String>,
    /// Map a column to a field such as address, aliases or kind (repeatable)
    #[arg(long, value_name = "COLUMN=FIELD")]
    pub map: Vec<String>,
    /// Source name of the imported recipients [default: file]
    #[arg(long, value_name = "NAME")]
    pub source: Option<String>,
    /// Remove recipients that this source imported before and the file no longer has
    #[arg(long)]
    pub mirror: bool,
    /// Remove invisible characters from the file, instead of rejecting addresses that have one
    #[arg(long)]
    pub clean: bool,
    /// Show every row of the plan; without it, what goes is shown, and examples of the rest
    #[arg(long)]
    pub all: bool,
    /// Apply the import instead of showing it
    #[arg(long)]
    pub apply: bool,
    #[command(flatten)]
    pub over: Override,
    /// Write skipped rows to this CSV file, with a column `error`
    #[arg(long, value_name = "FILE")]
    pub rejected: Option<PathBuf>,
    #[command(flatten)]
    pub elsewhere: RemoteServer,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ImportRequestCommand {
    /// Create a one-time upload link for a customer
    #[command(after_help = "\
The customer uploads a file without a login. The import becomes a plan that waits for your approval.

Examples:
  doorlist import request --domain example.test
  doorlist import request --domain example.test --source staff --days 14")]
    Request {
        /// Domain of the recipients
        #[arg(long, value_name = "NAME")]
        domain: DomainName,
        /// Source name of the imported recipients
        #[arg(long, value_name = "NAME", default_value = "file")]
        source: String,
        /// Days until the link expires, 1 to 90 [default: 7]
        #[arg(long, value_name = "DAYS")]
        days: Option<u16>,
    },
}

#[derive(Args, Debug)]
#[command(after_help = "\
Every format can be imported again.

Examples:
  doorlist export --domain example.test
  doorlist export --domain example.test --spreadsheet > list.csv
  doorlist export --domain example.test --format postfix > relay_recipients")]
pub(crate) struct ExportArgs {
    /// Domain of the recipients
    #[arg(long, value_name = "NAME")]
    pub domain: DomainName,
    /// Format of the export
    #[arg(long, value_enum, default_value = "csv")]
    pub format: ExportFormatArg,
    /// Prefix cells that a spreadsheet would run as a formula with '
    #[arg(long)]
    pub spreadsheet: bool,
    #[command(flatten)]
    pub elsewhere: RemoteServer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormatArg {
    /// CSV with a header row
    Csv,
    /// Postfix map for relay_recipient_maps
    Postfix,
    /// LDAP Data Interchange Format
    Ldif,
    /// JSON Lines, one object each
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Changes {
    /// List changes, newest first
    #[command(after_help = "\
Examples:
  doorlist changes list
  doorlist changes list --domain example.test")]
    List {
        /// List only changes of this domain
        #[arg(long, value_name = "NAME")]
        domain: Option<DomainName>,
    },
    /// Show a change and its rows
    #[command(after_help = "Example:\n  doorlist changes show 17")]
    Show {
        /// Number of the change
        id: u64,
    },
    /// Undo a change of the last 30 days, except what was changed again since
    #[command(after_help = "Example:\n  doorlist changes undo 17")]
    Undo {
        /// Number of the change
        id: u64,
    },
}
