//! A message for some of its recipients, as the queue hands it out, and their results.

use super::DestinationId;
use super::pool::ConnectionOwner;
use doorlist_core::queue_id::QueueId;
use doorlist_smtp::reply::EnhancedCode;
use doorlist_store::spool::{Envelope, MessageBody};
use std::sync::Arc;

/// Recipients of one message that share a destination and, at most a hundred of them, a transaction.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) id: QueueId,
    pub(crate) envelope: Arc<Envelope>,
    /// Indices of the envelope's recipients.
    pub(crate) recipients: Vec<usize>,
    /// If it differs from its message's number, the part was withdrawn and is dropped when reached.
    pub(crate) life: u64,
    /// The destination whose first servers have failed for it in this attempt, if it is not at its own one.
    pub(crate) primary: Option<DestinationId>,
    /// It goes over a fresh connection, one command at a time.
    pub(crate) stepwise: bool,
    /// Customer of the first recipient's domain, for whom a connection for this part counts. (Customers with the same
    /// servers share a destination.)
    pub(super) customer: ConnectionOwner,
}

impl Part {
    /// The recipients' paths as the sender wrote them.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.recipients.iter().filter_map(|&index| self.envelope.recipients.get(index)).map(|r| &*r.path)
    }
}

/// A part that is being delivered, with its body if that is still in memory.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) part: Part,
    /// `None`: it is read from the spool.
    pub(crate) body: Option<MessageBody>,
}

/// The result of one attempt for one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RecipientOutcome {
    pub(crate) verdict: AttemptVerdict,
    /// For the log and for a bounce.
    pub(crate) status: EnhancedCode,
    /// Reply of the server, or the error.
    pub(crate) reply: String,
}

/// An attempt's result in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AttemptVerdict {
    /// The server has it.
    Delivered,
    Deferred,
    Failed,
    /// Not tried in this attempt; retried at once.
    Untried,
    /// Not understood on a used connection; retried at once on a fresh one, one command at a time.
    Stepwise,
    /// It failed for a time, before any server had the message; the next server is tried at once.
    NextServer,
}

impl RecipientOutcome {
    /// The text stored with the recipient: the status first, so that a bounce can be written from it after a restart.
    pub(crate) fn kept(&self) -> String {
        format!("{} {}", self.status, self.reply)
    }
}
