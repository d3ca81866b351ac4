//! `doorlist sync ...`

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum Sync {
    /// Test a source step by step without changing anything
    #[command(after_help = "\
Resolves the name, connects over TCP and TLS, binds, reads the base and the first 10 entries.

Example:
  doorlist sync test office")]
    Test {
        /// Name of the source
        name: String,
    },
    /// Read a source and show what a sync would change
    #[command(after_help = "\
Changes nothing. The last line counts: + added, ~ changed (with those that are newly missing), -
removed. Exit code: 0 no changes, 2 changes found, 4 a limit would stop the sync.

Example:
  doorlist sync preview office")]
    Preview {
        /// Name of the source
        name: String,
        /// Show every row
        #[arg(long)]
        all: bool,
    },
    /// Sync a source now
    #[command(after_help = "\
An error, an incomplete or an empty answer never removes a recipient. A recipient that is missing
from the directory stays accepted for 7 days. Exit code 4 if a limit stopped the sync; its changes
are then a pending plan.

Examples:
  doorlist sync run office
  doorlist sync run office --override-limit --reason 'the Oslo office closed'")]
    Run {
        /// Name of the source
        name: String,
        /// Read only changes since the last sync, as the schedule does
        #[arg(long, conflicts_with = "override_limit")]
        changes: bool,
        /// Show every row
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        over: Override,
    },
    /// Show earlier syncs of a source, newest first
    #[command(after_help = "Example:\n  doorlist sync history office")]
    History {
        /// Name of the source
        name: String,
    },
}

/// Override of a limit, with the reason that goes to the change log.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Override {
    /// Apply the changes even if they exceed a limit
    #[arg(long, requires = "reason")]
    pub override_limit: bool,
    /// Reason for the override, kept in the change log
    #[arg(long, value_name = "TEXT", requires = "override_limit")]
    pub reason: Option<String>,
}
