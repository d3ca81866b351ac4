//! `doorlist contact ...`

use clap::Subcommand;
use doorlist_core::address::Address;

/// Technical contacts.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Contact {
    /// List technical contacts of customers and domains, and which of them get notices
    #[command(after_help = "\
A contact gets notices when it is listed in one of its customer's own domains, or was confirmed: by the
link of a mail that asks for it (needs web.url), or with `doorlist contact confirm`.

Examples:
  doorlist contact list
  doorlist contact list --unconfirmed")]
    List {
        /// Only those that get no notices
        #[arg(long)]
        unconfirmed: bool,
    },
    /// Confirm an address for every customer that names it as a contact
    #[command(after_help = "\
An address outside the customer's own domains gets at most 10 notices in 24 hours, and never a message.

Example:
  doorlist contact confirm it@example.test")]
    Confirm {
        /// The address
        address: Address,
    },
}
