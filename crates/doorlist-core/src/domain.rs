//! A protected domain as the gateway sees it: mode, switches, names. Mail servers are not part of it.

pub use crate::address::SubAddressing;

use crate::address::DomainName;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// How long a newly enforced domain replies 450 to unlisted recipients before it replies 550.
pub const SOFT_PERIOD: Duration = Duration::from_hours(72);

/// How long a new domain learns, from its first accepted message on.
pub const TRIAL: Duration = Duration::from_hours(30 * 24);

/// Number of a domain's row in the store; 32 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DomainId(pub u32);

/// How unlisted recipients are handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "mode")]
pub enum Mode {
    /// A new domain, in its trial: the domain's own server is asked for unlisted recipients, as in [`Mode::Monitor`], and
    /// those that get clean mail that it takes are added to the list.
    #[serde(alias = "setting_up")]
    Learn {
        /// The end of the trial; `None`: it begins with the first accepted message.
        #[serde(default, rename = "trial_until", skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// A domain whose list is being completed: the domain's own server is asked for unlisted recipients, and they are
    /// deferred while it does not answer. Nothing is lost.
    Monitor,
    /// "Accept mail only for mailboxes in this list": unlisted recipients are rejected, temporarily until the given
    /// time.
    Enforce {
        /// Until then the reply is 450, so that senders retry and a missing recipient can be added; `None` for 550 at
        /// once.
        soft_until: Option<Timestamp>,
        /// The list has no active entry: the reply is 450 until it has one, and for [`SOFT_PERIOD`] after that.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        empty: bool,
    },
}

impl Mode {
    /// Enforced, with 450 until the given time.
    pub fn enforce(soft_until: Option<Timestamp>) -> Self {
        Mode::Enforce { soft_until, empty: false }
    }

    /// A new domain's: its trial has not begun.
    pub const NEW: Mode = Mode::Learn { until: None };

    /// Whether its list grows from mail at this time.
    pub fn learns(self, now: Timestamp) -> bool {
        matches!(self, Mode::Learn { until } if until.is_none_or(|until| now < until))
    }

    /// Whether its list is to be complete: unlisted recipients are refused, softly at first.
    pub fn is_enforced(self) -> bool {
        matches!(self, Mode::Enforce { .. })
    }

    /// The end of its trial, if that has begun and is not over.
    pub fn trial_end(self) -> Option<Timestamp> {
        match self {
            Mode::Learn { until } => until,
            Mode::Monitor | Mode::Enforce { .. } => None,
        }
    }

    /// Whether unlisted recipients get 450 at this time although the list is enforced.
    pub fn is_soft(self, now: Timestamp) -> bool {
        matches!(self, Mode::Enforce { soft_until, empty } if empty || soft_until.is_some_and(|until| now < until))
    }

    /// The mode after a change that left the list with active entries, or without. An empty list never rejects for good:
    /// its soft period begins with its first active entry, however it was enforced, and begins again after it was empty.
    #[must_use]
    pub fn with_list(self, has_active: bool, now: Timestamp) -> Self {
        match self {
            Mode::Enforce { empty: true, .. } if has_active => Mode::enforce(Some(now + SOFT_PERIOD)),
            Mode::Enforce { empty: false, .. } if !has_active => Mode::Enforce { soft_until: None, empty: true },
            other => other,
        }
    }

    /// Whether both are the same wish of a person: what the list itself made of a soft period, or the first message of a
    /// trial, is no difference.
    pub fn is_same_wish(self, other: Self) -> bool {
        let is_soft = |soft_until: Option<Timestamp>, empty: bool| empty || soft_until.is_some();
        match (self, other) {
            (Mode::Enforce { soft_until: a, empty: b }, Mode::Enforce { soft_until: c, empty: d }) if b || d => {
                is_soft(a, b) && is_soft(c, d)
            }
            (Mode::Learn { until: None }, Mode::Learn { .. }) | (Mode::Learn { .. }, Mode::Learn { until: None }) => {
                true
            }
            (one, other) => one == other,
        }
    }

    /// The word for logs and the command line.
    pub fn word(self) -> &'static str {
        match self {
            Mode::Learn { .. } => "learn",
            Mode::Monitor => "monitor",
            Mode::Enforce { .. } => "enforce",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mode::Learn { .. } => {
                f.write_str("learn: addresses that get clean mail which the domain's server takes are added")
            }
            Mode::Monitor => f.write_str("monitor: the domain's server is asked for unlisted recipients"),
            Mode::Enforce { .. } => f.write_str("enforce: accept mail only for mailboxes in this list"),
        }
    }
}

/// Which bounces to senders that are on no list a domain accepts, because its own server made them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BounceAddresses {
    /// Bounces to `prvs=TAG=ann` (BATV) follow `ann`; on by default.
    pub batv: bool,
    /// Bounces to `SRS0=...` and `SRS1=...` are accepted: the server rewrites senders of mail that it forwards; off by
    /// default.
    pub srs: bool,
}

impl Default for BounceAddresses {
    fn default() -> Self {
        Self { batv: true, srs: false }
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
    #[serde(default)]
    pub bounce_addresses: BounceAddresses,
    /// It goes back to [`Mode::Monitor`] by itself when authenticated senders with a good record are refused.
    #[serde(default)]
    pub fall_back: bool,
    /// Its own server refuses `user+tag` of a user that it takes.
    #[serde(default)]
    pub plus_refused: bool,
}

impl ProtectedDomain {
    /// The separators whose sub-addresses follow their base.
    pub fn separators(&self) -> SubAddressing {
        self.sub_addressing.taken(self.plus_refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
    const EMPTY: Mode = Mode::Enforce { soft_until: None, empty: true };

    #[test]
    fn the_soft_period_begins_with_the_first_entry() {
        let soft = Mode::enforce(Some(NOW + SOFT_PERIOD));
        for wish in [Mode::enforce(None), Mode::enforce(Some(NOW)), EMPTY] {
            assert_eq!(wish.with_list(false, NOW), EMPTY, "{wish:?}");
        }
        assert_eq!(EMPTY.with_list(true, NOW), soft);
        assert!(EMPTY.is_soft(NOW + SOFT_PERIOD * 100), "an empty list never refuses for good");
        assert!(soft.is_soft(NOW) && !soft.is_soft(NOW + SOFT_PERIOD));
        for filled in [Mode::Monitor, Mode::enforce(None), Mode::enforce(Some(NOW)), soft] {
            assert_eq!(filled.with_list(true, NOW + SOFT_PERIOD), filled, "a list with entries moves nothing");
        }
        assert_eq!(Mode::Monitor.with_list(false, NOW), Mode::Monitor);
    }

    #[test]
    fn a_trial_has_no_end_before_its_first_message() {
        let trial = Mode::Learn { until: Some(NOW + TRIAL) };
        assert!(Mode::NEW.learns(NOW + TRIAL * 100) && trial.learns(NOW) && !trial.learns(NOW + TRIAL));
        assert!(!Mode::Monitor.learns(NOW) && !EMPTY.learns(NOW));
        assert_eq!((Mode::NEW.trial_end(), trial.trial_end()), (None, Some(NOW + TRIAL)));
    }

    #[test]
    fn what_the_list_made_of_a_mode_is_no_other_wish() {
        let (soft, full) = (Mode::enforce(Some(NOW)), Mode::enforce(None));
        for (one, other, same) in [
            (EMPTY, soft, true),
            (soft, EMPTY, true),
            (EMPTY, EMPTY, true),
            (EMPTY, full, false),
            (EMPTY, Mode::Monitor, false),
            (soft, Mode::enforce(Some(NOW + SOFT_PERIOD)), false),
            (Mode::NEW, Mode::Learn { until: Some(NOW) }, true),
            (Mode::Learn { until: Some(NOW) }, Mode::NEW, true),
            (Mode::Learn { until: Some(NOW) }, Mode::Learn { until: Some(NOW + TRIAL) }, false),
            (Mode::NEW, Mode::Monitor, false),
        ] {
            assert_eq!(one.is_same_wish(other), same, "{one:?} {other:?}");
        }
    }
}
