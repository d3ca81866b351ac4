//! `doorlist account`, `alias`, `import`, `export`, `changes`: what stands on the list, and how it came there.

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
#[command(after_help = "\
A plain file has one address or one local part a line; empty lines and lines that begin with # are
passed over. A bad row never stops good ones. Without --apply nothing is written and the exit code
is 2 if something would change.

Examples:
  doorlist import staff.txt --domain example.test
  doorlist import staff.txt --domain example.test --source staff --apply
  getent passwd | cut -d: -f1 | doorlist import - --domain example.test")]
pub(crate) struct Import {
    /// The file; - is stdin
    pub file: PathBuf,
    /// Whose list
    #[arg(long, value_name = "NAME")]
    pub domain: DomainName,
    /// How the file is written
    #[arg(long, value_enum, default_value = "plain")]
    pub format: ImportFormat,
    /// The name under which these claims stand; a file withdraws only its own
    #[arg(long, value_name = "NAME", default_value = "file")]
    pub source: String,
    /// Write it
    #[arg(long)]
    pub apply: bool,
}

/// What import reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ImportFormat {
    /// One address or local part a line
    Plain,
}

/// A list that becomes a file.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  doorlist export --domain example.test
  doorlist export --domain example.test --format postfix > relay_recipients")]
pub(crate) struct Export {
    /// Whose list
    #[arg(long, value_name = "NAME")]
    pub domain: DomainName,
    /// How to write it
    #[arg(long, value_enum, default_value = "csv")]
    pub format: ExportFormat,
}

/// What export writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// A table with a head
    Csv,
    /// A Postfix map for relay_recipient_maps
    Postfix,
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
}
