//! `doorlist contact ...`

use clap::Subcommand;
use doorlist_core::address::Address;

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Contact {
    /// List technical contacts and whether they get notices
    #[command(after_help = "\
A contact gets notices if its address is listed in a domain of its customer, or if it was confirmed:
with the link in the confirmation mail (needs web.url), or with `doorlist contact confirm`.

Examples:
  doorlist contact list
  doorlist contact list --unconfirmed")]
    List {
        /// List only contacts that get no notices
        #[arg(long)]
        unconfirmed: bool,
    },
    /// Confirm a contact for all customers that name it
    #[command(after_help = "\
A contact outside the customer's own domains gets at most 10 notices in 24 hours, and never the
content of a message.

Example:
  doorlist contact confirm it@example.test")]
    Confirm {
        /// Email address of the contact
        address: Address,
    },
}
