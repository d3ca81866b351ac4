//! Directory harvest detection: delays within a session, and flags per source.
//!
//! A source is an IPv4 address or an IPv6 /64. It is judged by the distinct names it asks for within an hour:
//! legitimate senders mostly use existing recipients, a directory harvest mostly unknown ones. While a source is
//! flagged, every recipient except postmaster gets the same answer after the same delay, so that its guesses learn
//! nothing.
//!
//! Names come in as marks and time as a parameter.

#[cfg(test)]
mod tests;

use crate::policy::SourceStanding;
use crate::time::Timestamp;
use std::time::Duration;

/// Unknown recipients in a session before its replies are delayed.
pub const SESSION_FREE: u32 = 5;
/// Unknown recipients after which a session is closed with 421.
pub const SESSION_MAX: u32 = 20;
/// Maximum delay of a reply.
pub const SESSION_DELAY_MAX: Duration = Duration::from_secs(10);
/// Delay of each reply to a flagged source, the same for every recipient.
pub const FLAGGED_DELAY: Duration = Duration::from_secs(2);
/// The window in which a source's names are counted.
pub const WINDOW: Duration = Duration::from_hours(1);
/// Distinct unknown names in the window that flag a source with few known names.
pub const UNKNOWN_SUSPICIOUS: usize = 25;
/// A source is not suspicious while its known names are at least this share (a fifth) of its unknown ones.
pub const KNOWN_SHARE: usize = 5;
/// Distinct unknown names in the window that flag any source.
pub const UNKNOWN_MAX: usize = 100;
/// Maximum number of known names to remember: a fifth of [`UNKNOWN_MAX`].
const KNOWN_KEPT_MAX: usize = UNKNOWN_MAX / KNOWN_SHARE;
/// Duration of a first flag; each further one lasts twice as long.
pub const FLAG_FIRST: Duration = Duration::from_hours(1);
/// Maximum duration of a flag, and the time after the last one until a source counts as new.
pub const FLAG_LONGEST: Duration = Duration::from_hours(24);

/// Counts the misses of one session.
#[derive(Clone, Copy, Debug, Default)]
pub struct SessionGuard {
    misses: u32,
}

/// How a session proceeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    Free,
    /// Answers after this time.
    Wait(Duration),
    /// Answers 421 and closes.
    Close,
}

impl SessionGuard {
    /// Counts a recipient that is unknown or requests relaying; in a flagged session, any recipient.
    pub fn miss(&mut self) {
        self.misses = self.misses.saturating_add(1);
    }

    /// The delay before the next reply, the same for known and unknown recipients.
    pub fn pace(&self, standing: SourceStanding) -> Pace {
        if self.misses >= SESSION_MAX {
            return Pace::Close;
        }
        if standing == SourceStanding::Flagged {
            return Pace::Wait(FLAGGED_DELAY);
        }
        match self.misses.checked_sub(SESSION_FREE) {
            None => Pace::Free,
            Some(more) => Pace::Wait(Duration::from_secs(u64::from(more) + 1).min(SESSION_DELAY_MAX)),
        }
    }
}

/// A name that a source used: its fingerprint, and the time of its last use in seconds since the epoch (until 2106).
#[derive(Clone, Copy, Debug)]
struct Mark {
    name: u32,
    at: u32,
}

fn seconds(now: Timestamp) -> u32 {
    u32::try_from(now.as_secs()).unwrap_or(0)
}

/// The record of one source, at most 1.2 × [`UNKNOWN_MAX`] marks.
#[derive(Clone, Debug, Default)]
pub struct SourceRecord {
    unknown: Vec<Mark>,
    known: Vec<Mark>,
    flagged_until: Option<Timestamp>,
    flags: u32,
    last_seen: Timestamp,
}

/// Whether a name was known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameMatch {
    /// A listed entry, by its row; sub-addresses count as their base, system addresses not at all.
    Known(u32),
    /// An unknown name, by its fingerprint.
    Unknown(u32),
}

impl SourceRecord {
    /// Whether the source is flagged at this time.
    pub fn standing(&self, now: Timestamp) -> SourceStanding {
        match self.flagged_until {
            Some(until) if now < until => SourceStanding::Flagged,
            _ => SourceStanding::Normal,
        }
    }

    /// Counts a name. Returns the end of the flag if this name raised it.
    pub fn note(&mut self, named: NameMatch, now: Timestamp) -> Option<Timestamp> {
        self.last_seen = now;
        if self.standing(now) == SourceStanding::Flagged {
            return None;
        }
        match named {
            NameMatch::Known(row) => remember(&mut self.known, row, KNOWN_KEPT_MAX, now),
            NameMatch::Unknown(name) => {
                remember(&mut self.unknown, name, UNKNOWN_MAX, now);
                if self.is_guessing(now) {
                    return Some(self.flag(now));
                }
            }
        }
        None
    }

    fn is_guessing(&mut self, now: Timestamp) -> bool {
        forget_old(&mut self.unknown, now);
        forget_old(&mut self.known, now);
        let (unknown, known) = (self.unknown.len(), self.known.len());
        unknown >= UNKNOWN_MAX || (unknown >= UNKNOWN_SUSPICIOUS && known * KNOWN_SHARE < unknown)
    }

    fn flag(&mut self, now: Timestamp) -> Timestamp {
        if self.flagged_until.is_some_and(|until| now.since(until) > FLAG_LONGEST) {
            self.flags = 0;
        }
        let length = FLAG_FIRST.saturating_mul(1 << self.flags.min(5)).min(FLAG_LONGEST);
        self.flags = self.flags.saturating_add(1);
        self.unknown = Vec::new();
        self.known = Vec::new();
        let until = now + length;
        self.flagged_until = Some(until);
        until
    }

    /// Whether the record can be dropped: no flag to keep or to double, no name in the window.
    pub fn is_stale(&self, now: Timestamp) -> bool {
        let flag_over = self.flagged_until.is_none_or(|until| now.since(until) > FLAG_LONGEST);
        flag_over && now.since(self.last_seen) > WINDOW
    }

    /// Time of its last name; to make room, the unflagged record with the oldest is dropped first.
    pub fn last_seen(&self) -> Timestamp {
        self.last_seen
    }

    /// Distinct unknown names remembered.
    pub fn unknown(&self) -> usize {
        self.unknown.len()
    }
}

/// Adds or refreshes a name. Above `max` nothing is added: the result no longer depends on it.
fn remember(marks: &mut Vec<Mark>, name: u32, max: usize, now: Timestamp) {
    if let Some(mark) = marks.iter_mut().find(|mark| mark.name == name) {
        mark.at = seconds(now);
        return;
    }
    if marks.len() >= max {
        forget_old(marks, now);
    }
    if marks.len() < max {
        marks.push(Mark { name, at: seconds(now) });
    }
}

fn forget_old(marks: &mut Vec<Mark>, now: Timestamp) {
    marks.retain(|mark| u64::from(seconds(now).saturating_sub(mark.at)) < WINDOW.as_secs());
}
