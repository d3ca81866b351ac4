//! `doorlist candidate ...`

use clap::Subcommand;
use doorlist_core::address::{Address, DomainName};

#[derive(Debug, Subcommand)]
pub(crate) enum CandidateCommand {
    /// List the candidates of a domain
    #[command(after_help = "\
A candidate is on no list, but got clean mail that the domain's own server took. In mode learn it is
added by itself when that server is known to refuse names that do not exist. A candidate without mail
for 90 days is forgotten.

Examples:
  doorlist candidate list example.test
  doorlist candidate list example.test --ignored --json")]
    List {
        /// Name of the domain
        domain: DomainName,
        /// List ignored candidates, too
        #[arg(long)]
        ignored: bool,
        /// List at most this many
        #[arg(long, value_name = "NUMBER", default_value_t = 100)]
        limit: u32,
    },
    /// Add candidates as accounts
    #[command(after_help = "\
Examples:
  doorlist candidate add carol@example.test
  doorlist candidate add carol@example.test dave@example.test")]
    Add {
        /// One or more candidates
        #[arg(required = true, value_name = "ADDRESS")]
        addresses: Vec<Address>,
    },
    /// Add candidates as aliases of an account
    #[command(after_help = "Example:\n  doorlist candidate alias c.smith@example.test --of carol@example.test")]
    Alias {
        /// One or more candidates
        #[arg(required = true, value_name = "ADDRESS")]
        addresses: Vec<Address>,
        /// Account of the same domain
        #[arg(long, value_name = "ACCOUNT")]
        of: Address,
    },
    /// Refuse candidates: reject their mail until they are added
    #[command(after_help = "Example:\n  doorlist candidate refuse old-shop@example.test")]
    Refuse {
        /// One or more candidates
        #[arg(required = true, value_name = "ADDRESS")]
        addresses: Vec<Address>,
    },
    /// Hide candidates; mail for them is answered as before
    #[command(after_help = "\
Examples:
  doorlist candidate ignore newsletter@example.test
  doorlist candidate ignore newsletter@example.test --again")]
    Ignore {
        /// One or more candidates
        #[arg(required = true, value_name = "ADDRESS")]
        addresses: Vec<Address>,
        /// Show them again
        #[arg(long)]
        again: bool,
    },
}
