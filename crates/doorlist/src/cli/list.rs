//! `doorlist account`, `alias`, `import`, `export`, `changes`: what stands on the list, and how it came there.

use super::elsewhere::Elsewhere;
use super::sources::Override;
use clap::{Args, Subcommand, ValueEnum};
use doorlist_core::address::{Address, DomainName, LocalPart};
use std::path::PathBuf;

/// Accounts.
#[derive(Debug, Subcommand)]
pub(crate) enum Account {
    /// Put accounts on the list; frees what was removed before
    #[command(after_help = "\
Examples:
  doorlist account add alice@example.test bob@example.test
  doorlist account add team@example.test --list")]
    Add {
        /// Their addresses
        #[arg(required = true, value_name = "ADDRESS")]
        addresses: Vec<Address>,
        /// They are distribution lists; aliases of an account that becomes one stay
        #[arg(long)]
        list: bool,
    },
    /// Remove accounts with their aliases; they stay refused until they are added again
    #[command(after_help = "Example:\n  doorlist account remove bob@example.test")]
    Remove {
        /// Their addresses
        #[arg(required = true, value_name = "ADDRESS")]
        addresses: Vec<Address>,
    },
    /// Show an address: what it is, its aliases, who claims it
    #[command(after_help = "Example:\n  doorlist account show alice@example.test")]
    Show {
        /// The address of an account or of an alias
        address: Address,
    },
    /// List a domain's accounts
    #[command(after_help = "\
Examples:
  doorlist account list --domain example.test
  doorlist account list --domain example.test --search ali --json")]
    List {
        /// The domain
        #[arg(long, value_name = "NAME")]
        domain: DomainName,
        /// Only those whose name contains this
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
    },
}

/// Aliases.
#[derive(Debug, Subcommand)]
pub(crate) enum Alias {
    /// Give an account further names in its domain
    #[command(after_help = "Example:\n  doorlist alias add alice@example.test a.liddell alice.l")]
    Add {
        /// The account
        account: Address,
        /// The further names, each the part before the @
        #[arg(required = true, value_name = "LOCALPART", value_parser = local_part)]
        names: Vec<LocalPart>,
    },
    /// Remove aliases; they stay refused until they are added again
    #[command(after_help = "Example:\n  doorlist alias remove a.liddell@example.test")]
    Remove {
        /// Their addresses
        #[arg(required = true, value_name = "ADDRESS")]
        addresses: Vec<Address>,
    },
}

fn local_part(text: &str) -> Result<LocalPart, String> {
    LocalPart::parse(text.as_bytes()).map_err(|error| error.to_string())
}

/// A file that becomes a list.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(after_help = "\
The file may be an export of Exchange, Microsoft 365, Entra, Google Workspace, cPanel, Zimbra,
Proofpoint, Postini, MailRoute or Barracuda, a Postfix map, LDIF, an aliases file, JSON, any table
with addresses, or a plain list: it is recognised. A bad row never stops good ones. Without --apply
nothing is written and the exit code is 2 if something would change, 4 if a limit would stop it.
A file has at most 100 MiB, on its way to another machine (--server) at most 64 MiB.

Examples:
  doorlist import staff.csv --domain example.test
  doorlist import staff.csv --domain example.test --source staff --apply
  doorlist import staff.csv --domain example.test --source staff --mirror --apply
  doorlist import list.csv --domain example.test --map 'Work mail=address' --map 'Also=aliases'
  getent passwd | cut -d: -f1 | doorlist import - --domain example.test
  doorlist import request --domain example.test")]
pub(crate) struct Import {
    /// A link for somebody else's file
    #[command(subcommand)]
    pub request: Option<ImportRequest>,
    /// The file; - is stdin
    #[arg(required = true)]
    pub file: Option<PathBuf>,
    /// Whose list
    #[arg(long, value_name = "NAME", required = true)]
    pub domain: Option<DomainName>,
    /// How the file is written, if it is not recognised; a wrong word lists those known
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<String>,
    /// What a column is: COLUMN=FIELD, with a field address, aliases, kind ...; may be given several times
    #[arg(long, value_name = "COLUMN=FIELD")]
    pub map: Vec<String>,
    /// The name under which these claims stand; a file withdraws only its own
    #[arg(long, value_name = "NAME", default_value = "file")]
    pub source: String,
    /// Withdraw what this source claimed before and the file has no more
    #[arg(long)]
    pub mirror: bool,
    /// Write it
    #[arg(long)]
    pub apply: bool,
    /// Pass over the limit that would stop it
    #[command(flatten)]
    pub over: Override,
    /// Write the rows that could not be read to this file, as a CSV with a column `error`
    #[arg(long, value_name = "FILE")]
    pub rejected: Option<PathBuf>,
    /// Where it is asked
    #[command(flatten)]
    pub elsewhere: Elsewhere,
}

/// What else `import` does.
#[derive(Debug, Subcommand)]
pub(crate) enum ImportRequest {
    /// Make a one-time link behind which a customer hands in a file without a login; its plan waits for you
    #[command(after_help = "\
Examples:
  doorlist import request --domain example.test
  doorlist import request --domain example.test --source staff --days 14")]
    Request {
        /// Whose list
        #[arg(long, value_name = "NAME")]
        domain: DomainName,
        /// The name under which the file's claims will stand
        #[arg(long, value_name = "NAME", default_value = "file")]
        source: String,
        /// How long it can be used, 1 to 90 [default: 7]
        #[arg(long, value_name = "DAYS")]
        days: Option<u16>,
    },
}

/// A list that becomes a file.
#[derive(Args, Debug)]
#[command(after_help = "\
What is exported can be imported again, in every format.

Examples:
  doorlist export --domain example.test
  doorlist export --domain example.test --spreadsheet > list.csv
  doorlist export --domain example.test --format postfix > relay_recipients")]
pub(crate) struct Export {
    /// Whose list
    #[arg(long, value_name = "NAME")]
    pub domain: DomainName,
    /// How to write it
    #[arg(long, value_enum, default_value = "csv")]
    pub format: ExportFormat,
    /// For a spreadsheet program: a cell that it would take for a formula gets a ' in front
    #[arg(long)]
    pub spreadsheet: bool,
    /// Where it is asked
    #[command(flatten)]
    pub elsewhere: Elsewhere,
}

/// What export writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// A table with a head
    Csv,
    /// A Postfix map for relay_recipient_maps
    Postfix,
    /// LDAP Data Interchange Format
    Ldif,
    /// One object a line
    Json,
}

/// The change log.
#[derive(Debug, Subcommand)]
pub(crate) enum Changes {
    /// List changes, newest first
    #[command(after_help = "\
Examples:
  doorlist changes list
  doorlist changes list --domain example.test")]
    List {
        /// Only those of this domain
        #[arg(long, value_name = "NAME")]
        domain: Option<DomainName>,
    },
    /// Show one change, row by row
    #[command(after_help = "Example:\n  doorlist changes show 17")]
    Show {
        /// Its number in the list
        id: u64,
    },
    /// Take a change back; what was changed again since stays. For 30 days
    #[command(after_help = "Example:\n  doorlist changes undo 17")]
    Undo {
        /// Its number in the list
        id: u64,
    },
}
