//! `doorlist queue`, `log`, `config`: operation of a running gateway.

use clap::{ArgGroup, Args, Subcommand};
use doorlist_core::address::DomainName;
use doorlist_core::queue_id::QueueId;

#[derive(Debug, Subcommand)]
pub(crate) enum QueueCommand {
    /// List messages in the queue, oldest first
    #[command(after_help = "Examples:\n  doorlist queue list\n  doorlist queue list --json")]
    List,
    /// Show a message with sender, recipients and last replies
    #[command(after_help = "Example:\n  doorlist queue show 0F3K7ZQ4M8T2A")]
    Show {
        /// Queue ID of the message
        id: QueueId,
    },
    /// Retry delivery now
    #[command(
        group(ArgGroup::new("what").required(true)),
        after_help = "\
Examples:
  doorlist queue retry 0F3K7ZQ4M8T2A
  doorlist queue retry --domain example.test"
    )]
    Retry {
        /// Queue ID of the message
        #[arg(group = "what")]
        id: Option<QueueId>,
        /// Retry all messages for this domain
        #[arg(long, value_name = "NAME", group = "what")]
        domain: Option<DomainName>,
    },
    /// Hold a message: keep it, do not deliver it
    #[command(after_help = "Example:\n  doorlist queue hold 0F3K7ZQ4M8T2A")]
    Hold {
        /// Queue ID of the message
        id: QueueId,
    },
    /// Release a held or failed message for delivery
    #[command(after_help = "Example:\n  doorlist queue release 0F3K7ZQ4M8T2A")]
    Release {
        /// Queue ID of the message
        id: QueueId,
    },
    /// Delete a message without a bounce
    #[command(after_help = "Example:\n  doorlist queue delete 0F3K7ZQ4M8T2A")]
    Delete {
        /// Queue ID of the message
        id: QueueId,
    },
}

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

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Check the configuration and report errors
    #[command(after_help = "\
Exit code: 0 valid, 78 invalid.

Example:
  doorlist config check --config /etc/doorlist/doorlist.toml")]
    Check,
    /// Print all settings, with passwords masked
    #[command(after_help = "\
Examples:
  doorlist config show
  doorlist config show --origin")]
    Show {
        /// Show where each value comes from: file and line, environment, option or default
        #[arg(long)]
        origin: bool,
    },
}
