//! `doorlist queue ...`

use clap::{ArgGroup, Subcommand};
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
