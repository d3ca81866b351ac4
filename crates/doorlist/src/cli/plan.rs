//! `doorlist plan ...`: pending plans.

use super::sync::Override;
use clap::Subcommand;
use doorlist_core::address::DomainName;

#[derive(Debug, Subcommand)]
pub(crate) enum PlanCommand {
    /// List plans, newest first
    #[command(after_help = "\
Examples:
  doorlist plan list
  doorlist plan list --domain example.test")]
    List {
        /// List only plans of this domain
        #[arg(long, value_name = "NAME")]
        domain: Option<DomainName>,
    },
    /// Show a plan: what goes by name, and examples of the rest
    #[command(after_help = "Examples:\n  doorlist plan show 12\n  doorlist plan show 12 --all")]
    Show {
        /// Number of the plan
        id: u64,
        /// Show every row
        #[arg(long)]
        all: bool,
    },
    /// Apply a pending plan
    #[command(after_help = "\
Asks on a terminal if the plan removes more than one address; without one, --yes is required.

Examples:
  doorlist plan apply 12
  doorlist plan apply 12 --yes
  doorlist plan apply 12 --override-limit --reason 'checked with the customer'")]
    Apply {
        /// Number of the plan
        id: u64,
        /// Skip the confirmation prompt
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        over: Override,
    },
    /// Discard a pending plan
    #[command(after_help = "Example:\n  doorlist plan discard 12")]
    Discard {
        /// Number of the plan
        id: u64,
    },
}
