//! `doorlist changes ...`: the change log.

use clap::Subcommand;
use doorlist_core::address::DomainName;

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
    #[command(after_help = "\
Asks on a terminal if the change added more than one address; without one, --yes is required.

Examples:
  doorlist changes undo 17
  doorlist changes undo 17 --yes")]
    Undo {
        /// Number of the change
        id: u64,
        /// Skip the confirmation prompt
        #[arg(long)]
        yes: bool,
    },
}
