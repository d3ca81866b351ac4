//! `doorlist import` and `doorlist import request`.

use super::remote::RemoteServer;
use super::sync::Override;
use clap::{Args, Subcommand};
use doorlist_core::address::DomainName;
use std::path::PathBuf;

#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(after_help = "\
Detects the format: exports of Exchange, Microsoft 365, Entra, Google Workspace, cPanel, Zimbra,
Proofpoint, Postini, MailRoute and Barracuda, Postfix maps, LDIF, aliases files, JSON, tables with
addresses, and plain lists. Skips bad values and imports the others. Without --apply this is a dry
run: nothing is written, and the exit code is 2 if something would change, 4 if a limit would stop
the import. Maximum file size: 100 MiB, or 64 MiB with --server. --json prints one object for each
row, then one that tells how the file was read and what became of it.

Examples:
  doorlist import staff.csv --domain example.test
  doorlist import staff.csv --domain example.test --source staff --apply
  doorlist import staff.csv --domain example.test --source staff --mirror --apply --yes
  doorlist import list.csv --domain example.test --map 'Work mail=address' --map 'Also=alias'
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
    /// Map a column or key to a field such as address, alias, local or kind (repeatable)
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
    /// Skip the confirmation prompt if --mirror removes more than one address
    #[arg(long)]
    pub yes: bool,
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
