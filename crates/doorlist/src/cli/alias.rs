//! `doorlist alias ...`

use clap::Subcommand;
use doorlist_core::address::{Address, DomainName, LocalPart};

#[derive(Debug, Subcommand)]
pub(crate) enum Alias {
    /// Add aliases to an account
    #[command(after_help = "Example:\n  doorlist alias add alice@example.test a.liddell alice.l")]
    Add {
        /// Address of the account
        account: Address,
        /// Local part of the alias, before the @
        #[arg(required = true, value_name = "LOCALPART", value_parser = local_part)]
        names: Vec<LocalPart>,
    },
    /// Turn accounts into aliases of another account
    #[command(after_help = "\
Aliases of these accounts follow. Every address stays accepted at every moment.

Examples:
  doorlist alias reassign a.liddell@example.test --to alice@example.test
  doorlist alias reassign a@example.test b@example.test c@example.test --to alice@example.test")]
    Reassign {
        /// One or more accounts or aliases
        #[arg(required = true, value_name = "ADDRESS")]
        addresses: Vec<Address>,
        /// Account that they become aliases of, in the same domain
        #[arg(long, value_name = "ACCOUNT")]
        to: Address,
    },
    /// Turn aliases into accounts of their own
    #[command(after_help = "Example:\n  doorlist alias promote a.liddell@example.test")]
    Promote {
        /// One or more aliases
        #[arg(required = true, value_name = "ADDRESS")]
        addresses: Vec<Address>,
    },
    /// Suggest accounts that look like other names of another account
    #[command(after_help = "\
Changes nothing. An account is suggested as an alias for two reasons, and each line says which:
- it and the other account got the same messages: at least 5 with the same Message-ID in the last 30 days, more than 80 % of
  its clean mail, from at least 3 sender domains. Mail to more than 3 addresses does not count;
- its name is a short form of the other's: j.doe and doej of john.doe.

Examples:
  doorlist alias suggest example.test
  doorlist alias suggest example.test --json")]
    Suggest {
        /// Name of the domain
        domain: DomainName,
    },
    /// Remove aliases, and reject them until they are added again
    #[command(after_help = "\
Asks on a terminal if more than one address goes; without one, --yes is required.

Examples:
  doorlist alias remove a.liddell@example.test
  doorlist alias remove a.liddell@example.test alice.l@example.test --yes")]
    Remove {
        /// One or more email addresses
        #[arg(required = true, value_name = "ADDRESS")]
        addresses: Vec<Address>,
        /// Skip the confirmation prompt
        #[arg(long)]
        yes: bool,
    },
}

fn local_part(text: &str) -> Result<LocalPart, String> {
    if let Some((local, _)) = text.rsplit_once('@').filter(|_| !text.starts_with('"')) {
        return Err(format!("give only the part before the @: {local}"));
    }
    LocalPart::parse(text.as_bytes()).map_err(|error| error.to_string())
}
