//! `doorlist queue`, `log`, `config`: looking after a running gateway.

use clap::{ArgGroup, Args, Subcommand};
use doorlist_core::address::DomainName;
use doorlist_core::queue_id::QueueId;

/// The queue.
#[derive(Debug, Subcommand)]
pub(crate) enum Queue {
    /// List what waits, oldest first
    #[command(after_help = "Examples:\n  doorlist queue list\n  doorlist queue list --json")]
    List,
    /// Show a message: sender, recipients, what their server said last
    #[command(after_help = "Example:\n  doorlist queue show 0F3K7ZQ4M8T2A")]
    Show {
        /// Its queue id
        id: QueueId,
    },
    /// Try now
    #[command(
        group(ArgGroup::new("what").required(true)),
        after_help = "\
Examples:
  doorlist queue retry 0F3K7ZQ4M8T2A
  doorlist queue retry --domain example.test"
    )]
    Retry {
        /// Its queue id
        #[arg(group = "what")]
        id: Option<QueueId>,
        /// All messages for this domain
        #[arg(long, value_name = "NAME", group = "what")]
        domain: Option<DomainName>,
    },
    /// Keep a message, do not try it
    #[command(after_help = "Example:\n  doorlist queue hold 0F3K7ZQ4M8T2A")]
    Hold {
        /// Its queue id
        id: QueueId,
    },
    /// Try a held or failed message again
    #[command(after_help = "Example:\n  doorlist queue release 0F3K7ZQ4M8T2A")]
    Release {
        /// Its queue id
        id: QueueId,
    },
    /// Delete a message for good; nobody is told
    #[command(after_help = "Example:\n  doorlist queue delete 0F3K7ZQ4M8T2A")]
    Delete {
        /// Its queue id
        id: QueueId,
    },
}

/// The mail log.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  doorlist log --since 2h
  doorlist log --to alice@example.test --since 2026-11-20
  doorlist log --follow --action refused")]
pub(crate) struct Log {
    /// Go on with what happens from now on
    #[arg(long)]
    pub follow: bool,
    /// Only this recipient
    #[arg(long, value_name = "ADDRESS")]
    pub to: Option<String>,
    /// Only this sender
    #[arg(long, value_name = "ADDRESS")]
    pub from: Option<String>,
    /// Only this: accepted, refused, deferred, sent, delivery-deferred, bounced, failed, held, released, deleted
    #[arg(long, value_name = "ACTION")]
    pub action: Option<String>,
    /// From then on: 2h, 3d, 2026-11-20, 2026-11-20T08:00
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
}

/// The configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Read it and say what is wrong
    #[command(after_help = "\
Exit code 0 if it is valid, 78 if not.

Example:
  doorlist config check --config /etc/doorlist/doorlist.toml")]
    Check,
    /// Print every setting as it stands; passwords are masked
    #[command(after_help = "\
Examples:
  doorlist config show
  doorlist config show --origin")]
    Show {
        /// Say where each value comes from: file and line, environment, flag, default
        #[arg(long)]
        origin: bool,
    },
}
