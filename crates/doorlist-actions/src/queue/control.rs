//! The queue as a trait, since it lives in the gateway or, when no server runs, in the spool alone.

use crate::error::ActionError;
use doorlist_core::address::DomainName;
use doorlist_core::connection::Glob;
use doorlist_core::queue_id::QueueId;
use doorlist_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::pin::Pin;

/// A pending answer of the resolver.
pub type QueueAnswer<'a, T> = Pin<Box<dyn Future<Output = Result<T, ActionError>> + Send + 'a>>;

/// The queue as people handle it.
pub trait QueueControl: Send + Sync {
    /// Messages that wait, oldest first.
    fn list<'a>(&'a self, filter: &'a QueueFilter) -> QueueAnswer<'a, Vec<QueueEntry>>;
    fn show(&self, id: QueueId) -> QueueAnswer<'_, Option<QueueEntry>>;
    /// Does something with messages for a person of this name, which the mail log keeps; answers with how many it was done
    /// with.
    fn order<'a>(&'a self, order: QueueOrder, ids: &'a [QueueId], by: &'a str) -> QueueAnswer<'a, u64>;
}

/// Further conditions on messages; each that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct QueueMatch {
    /// One of its unfinished recipients, as the sender wrote it.
    pub recipient: Option<Glob>,
    /// Accepted before this time.
    pub before: Option<Timestamp>,
    /// A text in what a server said last of an unfinished recipient, in any case.
    pub reason: Option<String>,
}

impl QueueMatch {
    pub(super) fn matches(&self, entry: &QueueEntry) -> bool {
        let unfinished = || entry.recipients.iter().filter(|recipient| recipient.state != QueueState::Delivered);
        let has_text = |reason: &String| {
            let reason = reason.to_lowercase();
            let says = |reply: &String| reply.to_lowercase().contains(&reason);
            unfinished().any(|recipient| recipient.reply.as_ref().is_some_and(says))
        };
        let fits = |glob: &Glob| unfinished().any(|recipient| glob.matches(&recipient.address.to_lowercase()));
        self.before.is_none_or(|before| entry.received_at < before)
            && self.recipient.as_ref().is_none_or(fits)
            && self.reason.as_ref().is_none_or(has_text)
    }
}

/// Which messages to list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueFilter {
    /// With a recipient in this domain.
    pub domain: Option<DomainName>,
    pub after: Option<QueueId>,
    /// At most so many.
    pub limit: u32,
}

/// What can be done with messages that wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueueOrder {
    Retry,
    /// Do not try until released.
    Hold,
    Release,
    /// Delete without a bounce.
    Delete,
}

/// The messages that an order is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueueSelection {
    Message(QueueId),
    /// All that meet conditions.
    Matching {
        /// With a recipient in this domain.
        domain: Option<DomainName>,
        #[serde(default)]
        matching: QueueMatch,
    },
}

/// A message that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueEntry {
    pub id: QueueId,
    /// The sender as written; empty is the null sender.
    pub sender: String,
    /// When it was accepted.
    pub received_at: Timestamp,
    /// Its size in octets.
    pub size: u64,
    pub attempts: u32,
    /// When it is tried next; `None`: now, or not while it is held.
    pub next_attempt: Option<Timestamp>,
    /// Held by a person.
    pub hold: bool,
    /// Whom it still has to reach, and whom not any more.
    pub recipients: Vec<QueueRecipient>,
}

/// A recipient of a message that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueRecipient {
    /// As the sender wrote it.
    pub address: String,
    pub state: QueueState,
    /// What the server said last.
    pub reply: Option<String>,
}

/// How far a recipient is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueueState {
    Pending,
    Deferred,
    /// Its server took it.
    Delivered,
    Failed,
}
