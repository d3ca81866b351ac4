//! `doorlist sender ...`

use clap::Subcommand;
use doorlist_actions::RulesOf;
use doorlist_core::sender_rules::SenderPattern;

/// Senders.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Sender {
    /// Refuse mail from a sender, with 550 5.7.1
    #[command(after_help = "\
SENDER is an address, a domain without what is below it (spam.test), or a domain with all that is
below it (.spam.test). The narrowest rule decides, and an account's rules go before its domain's.
Bounces (the sender <>) and mail for postmaster and abuse are never blocked.

Examples:
  doorlist sender block spam.test --for example.test
  doorlist sender block .spam.test --for example.test
  doorlist sender block pest@free.test --for alice@example.test")]
    Block {
        /// Address or domain
        sender: SenderPattern,
        /// For a domain, or for one account with its aliases
        #[arg(long = "for", value_name = "DOMAIN|ADDRESS")]
        of: RulesOf,
    },
    /// Take mail from a sender that a wider rule blocks
    #[command(after_help = "\
Whether the recipient is on the list is asked all the same.

Examples:
  doorlist sender allow friend@spam.test --for example.test
  doorlist sender allow spam.test --for alice@example.test")]
    Allow {
        /// Address or domain
        sender: SenderPattern,
        /// For a domain, or for one account with its aliases
        #[arg(long = "for", value_name = "DOMAIN|ADDRESS")]
        of: RulesOf,
    },
    /// List the rules of a domain or an account
    #[command(after_help = "\
Examples:
  doorlist sender list --for example.test
  doorlist sender list --for alice@example.test --json")]
    List {
        /// The domain or the account
        #[arg(long = "for", value_name = "DOMAIN|ADDRESS")]
        of: RulesOf,
    },
    /// Neither allow nor block a sender any more
    #[command(after_help = "Example:\n  doorlist sender remove spam.test --for example.test")]
    Remove {
        /// As it stands in the list of rules
        sender: SenderPattern,
        /// The domain or the account
        #[arg(long = "for", value_name = "DOMAIN|ADDRESS")]
        of: RulesOf,
    },
}
