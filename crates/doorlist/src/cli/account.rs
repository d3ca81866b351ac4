//! `doorlist account ...`

use clap::Subcommand;
use doorlist_core::address::{Address, DomainName};

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
    #[command(after_help = "\
Asks on a terminal if more than one address goes, aliases included; without one, --yes is required.

Examples:
  doorlist account remove bob@example.test
  doorlist account remove alice@example.test bob@example.test --yes")]
    Remove {
        /// One or more email addresses
        #[arg(required = true, value_name = "ADDRESS")]
        addresses: Vec<Address>,
        /// Skip the confirmation prompt
        #[arg(long)]
        yes: bool,
    },
    /// Confirm Auto-Added accounts
    #[command(after_help = "\
An Auto-Added account was learned from mail. Confirmed, it is an account added by hand.

Examples:
  doorlist account confirm carol@example.test
  doorlist account confirm carol@example.test dave@example.test")]
    Confirm {
        /// One or more email addresses
        #[arg(required = true, value_name = "ADDRESS")]
        addresses: Vec<Address>,
    },
    /// Show an address, its kind, aliases, sources and history
    #[command(after_help = "\
The history has what changed it, by which message it was learned, and the days of its mail, newest first.
Of an address that is on no list, prints what else is known, and exits with 3.

Example:
  doorlist account show alice@example.test")]
    Show {
        /// Address of an account or alias
        address: Address,
    },
    /// List a domain's accounts
    #[command(after_help = "\
Examples:
  doorlist account list --domain example.test
  doorlist account list --domain example.test --search ali --json
  doorlist account list --domain example.test --auto-added
  doorlist account list --domain example.test --no-mail-for 90

An account has no mail if neither it nor one of its aliases got any. Days of mail are kept for 400 days.")]
    List {
        /// Name of the domain
        #[arg(long, value_name = "NAME")]
        domain: DomainName,
        /// List only accounts whose address contains this text
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        /// List only Auto-Added accounts that nobody has confirmed
        #[arg(long)]
        auto_added: bool,
        /// List only accounts that never got mail
        #[arg(long)]
        never_mailed: bool,
        /// List only accounts that got no mail for so many days, and are listed for as long
        #[arg(long, value_name = "DAYS", conflicts_with = "never_mailed")]
        no_mail_for: Option<u32>,
    },
}
