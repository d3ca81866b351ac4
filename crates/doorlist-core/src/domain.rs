//! A protected domain as the gateway sees it: mode, switches, names. Mail servers are not part of it.

pub use crate::address::SubAddressing;

use crate::address::DomainName;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// How long a newly enforced domain replies 450 to unlisted recipients before it replies 550.
pub const SOFT_PERIOD: Duration = Duration::from_hours(72);

/// Number of a domain's row in the store; 32 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DomainId(pub u32);

/// How unlisted recipients are handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "mode")]
pub enum Mode {
    /// A new domain: its list is being completed, unlisted recipients are deferred and nothing is lost.
    SettingUp,
    /// "Accept mail only for mailboxes in this list": unlisted recipients are rejected, temporarily until the given
    /// time.
    Enforce {
        /// Until then the reply is 450, so that senders retry and a missing recipient can be added; `None` for 550 at
        /// once.
        soft_until: Option<Timestamp>,
    },
}

impl Mode {
    /// Whether unlisted recipients get 450 at this time although the list is enforced.
    pub fn is_soft(self, now: Timestamp) -> bool {
        matches!(self, Mode::Enforce { soft_until: Some(until) } if now < until)
    }

    /// The word for logs and the command line.
    pub fn word(self) -> &'static str {
        match self {
            Mode::SettingUp => "setting-up",
            Mode::Enforce { .. } => "enforce",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mode::SettingUp => f.write_str("setting up: unlisted recipients are deferred"),
            Mode::Enforce { .. } => f.write_str("enforce: accept mail only for mailboxes in this list"),
        }
    }
}

/// The settings of a domain that a RCPT needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtectedDomain {
    /// Number of its row in the store.
    pub id: DomainId,
    /// Its main name; domain aliases refer to it in the snapshot's table.
    pub name: DomainName,
    /// How unlisted recipients are handled.
    pub mode: Mode,
    /// `false`: every recipient is rejected with 550 5.1.2.
    pub active: bool,
    /// Mail is accepted, but not delivered.
    pub hold: bool,
    pub sub_addressing: SubAddressing,
    /// `abuse@` is accepted like `postmaster@` (RFC 2142).
    pub accept_abuse: bool,
}
