//! `doorlist log`

use clap::Args;
use doorlist_core::address::DomainName;
use doorlist_core::queue_id::QueueId;
use std::net::IpAddr;

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  doorlist log --since 2h
  doorlist log --to alice@example.test --since 2026-11-20
  doorlist log --to '*@example.test' --client 192.0.2.7 --result 550
  doorlist log --id 0F3K7ZQ4M8T2A
  doorlist log --follow --action refused")]
pub(crate) struct LogArgs {
    /// Wait for new entries and print them
    #[arg(long)]
    pub follow: bool,
    /// Show only entries with this recipient; * stands for any text
    #[arg(long, value_name = "ADDRESS")]
    pub to: Option<String>,
    /// Show only entries with this sender; * stands for any text
    #[arg(long, value_name = "ADDRESS")]
    pub from: Option<String>,
    /// Show only entries of this domain
    #[arg(long, value_name = "NAME")]
    pub domain: Option<DomainName>,
    /// Show only entries of this client
    #[arg(long, value_name = "IP")]
    pub client: Option<IpAddr>,
    /// Show only entries of the message with this queue ID
    #[arg(long, value_name = "ID")]
    pub id: Option<QueueId>,
    /// Show only entries with this reason, or with this text in the reply: unlisted, 550, 5.1.1
    #[arg(long, value_name = "TEXT")]
    pub result: Option<String>,
    /// Show only one action: accepted, refused, deferred, sent, delivery-deferred, bounced, failed, held, released, deleted
    #[arg(long, value_name = "ACTION")]
    pub action: Option<String>,
    /// Show entries since a time: 2h, 3d, 2026-11-20, 2026-11-20T08:00
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
}
