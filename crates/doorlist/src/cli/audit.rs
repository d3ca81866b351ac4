//! `doorlist audit ...`

use clap::Subcommand;
use doorlist_actions::AuditPlace;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// List write requests over HTTP on all nodes, newest first
    #[command(after_help = "\
Each entry begins with the number of the node that wrote it and its number there.

Examples:
  doorlist audit list
  doorlist audit list --before 0/812
  doorlist audit list --limit 1000 --json")]
    List {
        /// Maximum number of entries to list
        #[arg(long, value_name = "N", default_value_t = 100)]
        limit: u32,
        /// List only entries before this one
        #[arg(long, value_name = "NODE/NUMBER", value_parser = place)]
        before: Option<AuditPlace>,
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

/// A place as entries begin with it.
fn place(text: &str) -> Result<AuditPlace, String> {
    let read =
        |(node, number): (&str, &str)| Some(AuditPlace { node: node.parse().ok()?, number: number.parse().ok()? });
    let place = text.split_once('/').and_then(read);
    place.ok_or_else(|| "an entry is named by node and number, such as 0/812".to_owned())
}
