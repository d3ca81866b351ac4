//! A message for some of its recipients, as the queue hands it out, and their results.

use super::pool::Customer;
use doorlist_core::queue_id::QueueId;
use doorlist_smtp::reply::EnhancedCode;
use doorlist_store::spool::{Envelope, MessageBody};
use std::sync::Arc;

/// Recipients of one message that share a destination and, at most a hundred of them, a transaction.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) id: QueueId,
    pub(crate) envelope: Arc<Envelope>,
    /// Which of the envelope's recipients.
    pub(crate) recipients: Vec<usize>,
    /// A part of another life than its message's has been withdrawn; whoever meets it drops it.
    pub(crate) life: u64,
    /// Whose domain the first of these recipients is in: a connection that this part asks for counts for them. (Servers
    /// that several customers share make one destination, and who causes a connection pays for it.)
    pub(super) customer: Customer,
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
    /// What to deliver to whom.
    pub(crate) part: Part,
    /// Else it is read from the spool.
    pub(crate) body: Option<MessageBody>,
}

/// What became of one recipient in one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) verdict: Verdict,
    /// For the log and for a bounce.
    pub(crate) status: EnhancedCode,
    /// What the server said, or what went wrong.
    pub(crate) reply: String,
}

/// An attempt's result in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The server has it.
    Delivered,
    Deferred,
    Failed,
    /// Not reached in this attempt, through no fault of its own: it goes on at once.
    Untried,
}

impl Outcome {
    /// As it is kept with the recipient: the status first, so that a bounce can be made from it after a restart.
    pub(crate) fn kept(&self) -> String {
        format!("{} {}", self.status, self.reply)
    }
}
