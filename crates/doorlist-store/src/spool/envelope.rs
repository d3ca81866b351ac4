//! What the spool keeps of a message beside its bytes: the envelope, which never changes, and the progress of its
//! delivery, which is written after every attempt. This module must not know how or where they are stored.

use doorlist_core::domain::DomainId;
use doorlist_core::list::AddressId;
use doorlist_core::time::Timestamp;
use doorlist_core::verdict::Assessment;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// Everything that was said before DATA, when and by whom, and what was found behind it. Immutable from the 250 on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// The reverse path as written; empty for the null sender.
    pub sender: Box<str>,
    /// Accepted recipients, in the order in which they were given.
    pub recipients: Vec<EnvelopeRecipient>,
    /// When the message came; its lifetime in the queue counts from here.
    pub received_at: Timestamp,
    pub client: ClientInfo,
    /// `BODY=8BITMIME` was given (RFC 6152).
    pub eight_bit: bool,
    /// `SMTPUTF8` was given (RFC 6531).
    pub smtp_utf8: bool,
    /// Why the message is in the spool.
    pub kind: MessageKind,
    /// The `Message-ID:` field, for the mail log and the queue's list.
    pub message_id: Option<Box<str>>,
    /// Octets of the message as stored.
    pub size: u64,
    /// What was found at the end of DATA. Empty for our own messages, and in rows of older versions.
    #[serde(default, skip_serializing_if = "Assessment::is_empty")]
    pub assessment: Assessment,
}

/// One accepted recipient of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvelopeRecipient {
    /// As the sender wrote it; it is relayed so.
    pub path: Box<str>,
    /// The protected domain it belongs to; `None`: it goes out by `relay.outbound`.
    pub domain: Option<DomainId>,
    /// The listed address that matched, if one did.
    pub address: Option<AddressId>,
    /// `postmaster` or `abuse`: a refusal is kept for the admin and told to those in charge, never to the sender.
    pub system: bool,
    /// On no list: accepted because the domain's own server takes it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unlisted: bool,
}

/// The client that brought a message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientInfo {
    /// `None` for what we made ourselves.
    pub address: Option<IpAddr>,
    /// Its port, for XFORWARD and abuse reports.
    pub port: u16,
    /// What it said in EHLO or HELO.
    pub helo: Box<str>,
    /// Protocol version and cipher, when the session was encrypted.
    pub tls: Option<Box<str>>,
}

/// Why a message is in the spool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    /// Came from outside, for a protected domain or the operator.
    Inbound,
    /// A delivery status notification of our own (RFC 3464).
    Bounce,
    /// A message of our own to a person.
    Notice,
}

/// How far the delivery of a message is. Written whole after each attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    pub attempts: u32,
    /// Not tried again before.
    pub next_attempt: Timestamp,
    /// Held by an administrator.
    pub hold: bool,
    /// One state for each of [`Envelope::recipients`], in the same order.
    pub recipients: Vec<RecipientState>,
}

/// How far the delivery to one recipient is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum RecipientState {
    Pending,
    /// Tried; it will be tried again.
    Deferred {
        /// The last reply, or what went wrong with the connection.
        reply: String,
    },
    /// Its server has it.
    Delivered,
    /// Given up, and nobody was told yet.
    Failed {
        reply: String,
    },
    /// Given up; the bounce is in the spool.
    Reported {
        reply: String,
    },
}

/// What became of a message that is in the spool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// Nothing is left to do: its row and its body go.
    Done,
    /// Something is left; a restart begins from here.
    Progress(Progress),
}
