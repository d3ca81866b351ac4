//! `doorlist sender ...`

use clap::Subcommand;
use doorlist_actions::RulesOf;
use doorlist_core::sender_rules::SenderPattern;

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum SenderCommand {
    /// Block a sender: reject its mail with 550 5.7.1
    #[command(after_help = "\
SENDER is an address, a domain without its subdomains (spam.test), or a domain with its subdomains
(.spam.test). The most specific rule applies, and rules of an account precede rules of its domain.
Bounces (sender <>) and mail for postmaster and abuse are never blocked.

Examples:
  doorlist sender block spam.test --for example.test
  doorlist sender block .spam.test --for example.test
  doorlist sender block pest@free.test --for alice@example.test")]
    Block {
        /// Email address or domain name
        sender: SenderPattern,
        /// Domain, or account with its aliases, that the rule applies to
        #[arg(long = "for", value_name = "DOMAIN|ADDRESS")]
        of: RulesOf,
    },
    /// Allow a sender that a less specific rule blocks
    #[command(after_help = "\
The recipient must still be on the list.

Examples:
  doorlist sender allow friend@spam.test --for example.test
  doorlist sender allow spam.test --for alice@example.test")]
    Allow {
        /// Email address or domain name
        sender: SenderPattern,
        /// Domain, or account with its aliases, that the rule applies to
        #[arg(long = "for", value_name = "DOMAIN|ADDRESS")]
        of: RulesOf,
    },
    /// List the sender rules of a domain or an account
    #[command(after_help = "\
Examples:
  doorlist sender list --for example.test
  doorlist sender list --for alice@example.test --json")]
    List {
        /// Domain or account of the rule
        #[arg(long = "for", value_name = "DOMAIN|ADDRESS")]
        of: RulesOf,
    },
    /// Remove a sender rule
    #[command(after_help = "Example:\n  doorlist sender remove spam.test --for example.test")]
    Remove {
        /// Sender as shown by `sender list`
        sender: SenderPattern,
        /// Domain or account of the rule
        #[arg(long = "for", value_name = "DOMAIN|ADDRESS")]
        of: RulesOf,
    },
}
