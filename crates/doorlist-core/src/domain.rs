//! A protected domain as the gateway sees it: mode, switches, names. Mail servers are not part of it.

use crate::address::{DomainName, Separators};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// How long a newly enforced domain refuses softly (450) before it refuses for good (550).
pub const SOFT_PERIOD: Duration = Duration::from_hours(72);

/// A domain's row in the store. 32 bits: more domains than one gateway will ever protect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DomainId(pub u32);

/// What happens to an address that is not on the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "mode")]
pub enum Mode {
    /// A new domain: its list is being completed, unlisted recipients are deferred and nothing is lost.
    SettingUp,
    /// "Accept mail only for mailboxes in this list": refused, softly until the time given.
    Enforce {
        /// Until then 450, so that a real sender retries and one click on *Add* loses nothing; `None`: 550 at once.
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

/// What a RCPT needs to know of a domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtectedDomain {
    /// Number of its row in the store.
    pub id: DomainId,
    /// Its main name; domain aliases are in the snapshot's table and lead here.
    pub name: DomainName,
    /// What happens to unlisted addresses.
    pub mode: Mode,
    /// Switched off: every recipient is refused with 550 5.1.2.
    pub active: bool,
    /// Deliveries and probes wait; accepting goes on.
    pub hold: bool,
    /// Which sub-addresses follow their base.
    pub sub_addressing: SubAddressing,
    /// `abuse@` is accepted like `postmaster@` (RFC 2142).
    pub accept_abuse: bool,
}

/// The separators of a domain, stored; see [`Separators`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubAddressing {
    /// Sub-addresses with a plus sign: `user+tag`.
    pub plus: bool,
    /// Sub-addresses with a hyphen: `user-tag`.
    pub minus: bool,
}

impl Default for SubAddressing {
    fn default() -> Self {
        Self { plus: true, minus: false }
    }
}

impl From<SubAddressing> for Separators {
    fn from(s: SubAddressing) -> Self {
        Separators { plus: s.plus, minus: s.minus }
    }
}
