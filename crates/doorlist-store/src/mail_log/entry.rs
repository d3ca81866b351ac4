//! An entry of the mail log, and the question that a search asks. This module must not know how entries are stored.

use doorlist_core::domain::DomainId;
use doorlist_core::queue_id::QueueId;
use doorlist_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// What went wrong at the stage, with the number that the store keeps. Numbers are never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailAction {
    /// A message was taken for this recipient: on stable storage, 250 said.
    Accepted = 1,
    /// A recipient or a message was refused for good (5xx).
    Refused = 2,
    /// A recipient or a message was deferred (4xx).
    Deferred = 3,
    /// The recipient's server took it.
    Sent = 4,
    /// An attempt failed; another follows.
    DeliveryDeferred = 5,
    /// Given up, and the sender was told.
    Bounced = 6,
    /// Given up, and kept for the admin.
    Failed = 7,
    /// A person stopped its delivery.
    Held = 8,
    /// A person let it go on.
    Released = 9,
    /// A person deleted it.
    Deleted = 10,
}

impl MailAction {
    pub(super) fn number(self) -> i16 {
        self as i16
    }

    pub(super) fn from_number(number: i16) -> Option<Self> {
        use MailAction as A;
        let all = [A::Accepted, A::Refused, A::Deferred, A::Sent, A::DeliveryDeferred];
        let others = [A::Bounced, A::Failed, A::Held, A::Released, A::Deleted];
        all.into_iter().chain(others).find(|action| action.number() == number)
    }
}

/// One event of one recipient (or of a message, where no recipient is concerned).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailEntry {
    pub time: Timestamp,
    pub action: MailAction,
    /// The message, once it has a name.
    pub queue_id: Option<QueueId>,
    /// The reverse path as written; empty for the null sender.
    pub sender: Box<str>,
    /// The recipient as written.
    pub recipient: Box<str>,
    /// The protected domain, where one is concerned.
    pub domain: Option<DomainId>,
    /// The client, for what came in.
    pub client: Option<IpAddr>,
    /// Why: the word of the decision, or the destination.
    pub reason: Box<str>,
    /// The reply that was given or heard.
    pub reply: Box<str>,
    pub message_id: Option<Box<str>>,
    /// Octets of the message; 0 where there was none.
    pub size: u64,
}

/// An entry as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedMail {
    /// The event; for more than one the last of them, without sender and recipient.
    #[serde(flatten)]
    pub entry: MailEntry,
    /// How many events this row stands for: above 1 once a domain's refusals are so many in an hour that only counts
    /// per source are kept.
    pub times: u32,
}

/// What a search asks for. Every given field must match; texts compare without regard to ASCII case.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MailFilter {
    /// `*` stands for any text.
    pub sender: Option<String>,
    /// `*` stands for any text.
    pub recipient: Option<String>,
    pub domain: Option<DomainId>,
    #[serde(default)]
    pub client: Option<IpAddr>,
    /// The reason as a word, or a text in the reply.
    #[serde(default)]
    pub result: Option<String>,
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
    pub action: Option<MailAction>,
    /// The message's name in the queue.
    pub queue_id: Option<QueueId>,
    pub message_id: Option<String>,
    /// How many entries at most, the newest first.
    pub limit: usize,
}

impl Default for MailFilter {
    fn default() -> Self {
        Self {
            sender: None,
            recipient: None,
            domain: None,
            client: None,
            result: None,
            since: None,
            until: None,
            action: None,
            queue_id: None,
            message_id: None,
            limit: 100,
        }
    }
}

/// Settings of the mail log.
#[derive(Clone, Copy, Debug)]
pub struct MailLogConfig {
    /// Days that are kept beside today.
    pub days: u16,
    /// Octets of all days together, about; beyond, the oldest days go before their time.
    pub size_max: u64,
    /// Refused recipients kept singly per domain and hour; above, counts per source.
    pub refusals_per_domain_hour_max: u32,
}

impl Default for MailLogConfig {
    fn default() -> Self {
        Self { days: 30, size_max: 10 << 30, refusals_per_domain_hour_max: 5_000 }
    }
}
