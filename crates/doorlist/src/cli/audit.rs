//! `doorlist audit ...`

use clap::Subcommand;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// List write requests over HTTP, newest first
    #[command(after_help = "Examples:\n  doorlist audit list\n  doorlist audit list --limit 1000 --json")]
    List {
        /// Maximum number of entries to list
        #[arg(long, value_name = "N", default_value_t = 100)]
        limit: u32,
        /// List only entries before this number
        #[arg(long, value_name = "NUMBER")]
        before: Option<u64>,
    },
    /// Print the head of the audit log, for `audit verify --head`
    #[command(after_help = "\
Keep the head on another machine: with it, `audit verify` detects a truncated log. The server also
logs the head every hour. SECURITY.md describes what a head proves.

Example:
  doorlist audit head")]
    Head,
    /// Verify that no entry was changed, inserted or removed
    #[command(after_help = "\
With --head, also verifies that the log still has all entries up to that head. With FILE, verifies
exported files, and that no entry is missing between them and the store. Exit code 1 if the
verification fails.

Examples:
  doorlist audit verify
  doorlist audit verify --head 1.0.812.1795914000000.k1:9f...a0.77...c3
  doorlist audit verify doorlist-data/audit/audit-0-*.jsonl")]
    Verify {
        /// Earlier output of `audit head`
        #[arg(long, value_name = "HEAD")]
        head: Option<String>,
        /// Exported audit files, in any order
        #[arg(value_name = "FILE")]
        files: Vec<PathBuf>,
    },
}
