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

/// Unknown recipients in a session before its answers are delayed.
pub const SESSION_FREE: u32 = 5;
/// Recipients refused for good after which a session is closed with 421.
pub const SESSION_MAX: u32 = 20;
/// Maximum delay of an answer.
pub const SESSION_DELAY_MAX: Duration = Duration::from_secs(10);
/// Maximum delay of a 4xx answer, and of an accepted recipient behind another accepted one.
pub const SHORT_DELAY_MAX: Duration = Duration::from_secs(1);
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
    /// Recipients that were refused for good.
    refused: u32,
    /// Recipients that were deferred as unknown or undecided, or because the source is flagged.
    deferred: u32,
    has_accepted: bool,
}

/// An answer to a recipient, as the guard of the session sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerKind {
    Accepted,
    /// An unknown name or a relay, refused with a 5xx reply.
    Refused,
    /// An unknown or undecided name with a 4xx reply: a real sender comes again, with the same recipients.
    Deferred,
    /// A refusal that says nothing about which names are known.
    Other,
}

impl SessionGuard {
    /// The delay of the next answer, if it has one; `unlisted` is the answer that an unlisted recipient gets there.
    ///
    /// A real server sends one message to many recipients: what it is told to try again does not slow it down more than
    /// a little, who was accepted gets the message soon, and nobody who is listed waits longer than who is not.
    pub fn delay(&self, standing: SourceStanding, answer: AnswerKind, unlisted: AnswerKind) -> Option<Duration> {
        if standing == SourceStanding::Flagged {
            return Some(FLAGGED_DELAY);
        }
        let after = |misses: u32| misses.checked_sub(SESSION_FREE).map(|more| Duration::from_secs(u64::from(more) + 1));
        let short = |delay: Duration| delay.min(SHORT_DELAY_MAX);
        match answer {
            AnswerKind::Accepted if self.has_accepted || unlisted == AnswerKind::Deferred => {
                after(self.refused).map(short)
            }
            AnswerKind::Deferred => after(self.refused.saturating_add(self.deferred)).map(short),
            AnswerKind::Accepted | AnswerKind::Refused | AnswerKind::Other => {
                after(self.refused).map(|delay| delay.min(SESSION_DELAY_MAX))
            }
        }
    }

    /// Counts an answer that is sent.
    pub fn answered(&mut self, answer: AnswerKind) {
        match answer {
            AnswerKind::Accepted => self.has_accepted = true,
            AnswerKind::Refused => self.refused = self.refused.saturating_add(1),
            AnswerKind::Deferred => self.deferred = self.deferred.saturating_add(1),
            AnswerKind::Other => {}
        }
    }

    /// Whether the session ends at the next recipient, unless others wait for their DATA. Only refusals count: a sender
    /// with deferred recipients would meet the same end each time it comes again.
    pub fn is_over(&self) -> bool {
        self.refused >= SESSION_MAX
    }

    /// Whether refusals are delayed, so that the session may be closed where no more sessions can wait.
    pub fn is_slowed(&self) -> bool {
        self.refused >= SESSION_FREE
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

    /// Whether it named more unknown than known recipients of late. Of one with many known names nobody can tell: no more of
    /// them are remembered.
    pub fn names_more_unknown(&self) -> bool {
        self.known.len() < KNOWN_KEPT_MAX && self.unknown.len() > self.known.len()
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
