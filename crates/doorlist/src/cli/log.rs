//! `doorlist log`

use clap::Args;

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  doorlist log --since 2h
  doorlist log --to alice@example.test --since 2026-11-20
  doorlist log --follow --action refused")]
pub(crate) struct LogArgs {
    /// Wait for new entries and print them
    #[arg(long)]
    pub follow: bool,
    /// Show only entries with this recipient
    #[arg(long, value_name = "ADDRESS")]
    pub to: Option<String>,
    /// Show only entries with this sender
    #[arg(long, value_name = "ADDRESS")]
    pub from: Option<String>,
    /// Show only one action: accepted, refused, deferred, sent, delivery-deferred, bounced, failed, held, released, deleted
    #[arg(long, value_name = "ACTION")]
    pub action: Option<String>,
    /// Show entries since a time: 2h, 3d, 2026-11-20, 2026-11-20T08:00
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
}
