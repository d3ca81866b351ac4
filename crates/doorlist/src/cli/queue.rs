//! `doorlist queue ...`

use crate::config::units;
use clap::{ArgGroup, Args, Subcommand};
use doorlist_core::address::DomainName;
use doorlist_core::connection::Glob;
use doorlist_core::queue_id::QueueId;
use std::time::Duration;

#[derive(Debug, Subcommand)]
pub(crate) enum QueueCommand {
    /// List messages in the queue, oldest first
    #[command(after_help = "\
Examples:
  doorlist queue list
  doorlist queue list --domain example.test --older 4h
  doorlist queue list --to 'sales*@example.test' --reason 'connection refused' --json")]
    List {
        #[command(flatten)]
        which: QueueConditions,
    },
    /// Count messages by recipient domain and age in minutes
    #[command(after_help = "Examples:\n  doorlist queue summary\n  doorlist queue summary --json")]
    Summary,
    /// Show a message with sender, recipients and last replies
    #[command(after_help = "Example:\n  doorlist queue show 0F3K7ZQ4M8T2A")]
    Show {
        /// Queue ID of the message
        id: QueueId,
    },
    /// Retry delivery now
    #[command(after_help = "\
Examples:
  doorlist queue retry 0F3K7ZQ4M8T2A
  doorlist queue retry --domain example.test
  doorlist queue retry --all")]
    Retry(QueueChoice),
    /// Hold messages: keep them, do not deliver them
    #[command(after_help = "\
Conditions in place of a queue ID ask on a terminal, with the number of messages; without a
terminal, --yes is required.

Examples:
  doorlist queue hold 0F3K7ZQ4M8T2A
  doorlist queue hold --domain example.test --yes")]
    Hold(QueueChoice),
    /// Release held or failed messages for delivery
    #[command(after_help = "\
Conditions in place of a queue ID ask on a terminal, with the number of messages; without a
terminal, --yes is required.

Examples:
  doorlist queue release 0F3K7ZQ4M8T2A
  doorlist queue release --domain example.test --yes")]
    Release(QueueChoice),
    /// Delete messages without a bounce
    #[command(after_help = "\
Conditions in place of a queue ID ask on a terminal, with the number of messages; without a
terminal, --yes is required. The mail log keeps who deleted a message.

Examples:
  doorlist queue delete 0F3K7ZQ4M8T2A
  doorlist queue delete --to '*@old.example.test' --older 3d --yes")]
    Delete(QueueChoice),
}

/// Conditions on messages: each that is given must hold.
#[derive(Args, Clone, Debug)]
#[group(id = "conditions", multiple = true)]
pub(crate) struct QueueConditions {
    /// Only messages with a recipient in this domain of the gateway
    #[arg(long, value_name = "NAME")]
    pub domain: Option<DomainName>,
    /// Only messages to this recipient; * stands for any text
    #[arg(long, value_name = "ADDRESS")]
    pub to: Option<Glob>,
    /// Only messages that are in the queue for longer than this: 30min, 4h, 3d
    #[arg(long, value_name = "TIME", value_parser = units::duration)]
    pub older: Option<Duration>,
    /// Only messages with this text in the last reply of a server
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// One message, those that meet conditions, or all.
#[derive(Args, Clone, Debug)]
#[command(group = ArgGroup::new("which").required(true).multiple(true).args(["id", "all", "domain", "to", "older", "reason"]))]
pub(crate) struct QueueChoice {
    /// Queue ID of the message
    #[arg(conflicts_with_all = ["conditions", "all"])]
    pub id: Option<QueueId>,
    #[command(flatten)]
    pub which: QueueConditions,
    /// All messages
    #[arg(long, conflicts_with = "conditions")]
    pub all: bool,
    /// Skip the confirmation prompt
    #[arg(long)]
    pub yes: bool,
}
