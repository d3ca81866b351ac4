//! The names that one source asked for within an hour, in a compact record, and its flag.
//!
//! Most sources ask for one or two names: these stand in the record itself. A flag takes no memory beside it either.

#[cfg(test)]
mod tests;

use super::rating::SourceRating;
use super::{at, seconds};
use crate::time::Timestamp;
use std::time::Duration;

/// The window in which a source's names are counted.
pub const WINDOW: Duration = Duration::from_hours(1);
/// Distinct unknown names in the window that flag a source with few known names.
pub const UNKNOWN_SUSPICIOUS: usize = 25;
/// A source is not suspicious while its known names are at least this share (a fifth) of its unknown ones.
pub const KNOWN_SHARE: usize = 5;
/// Distinct unknown names in the window that flag any source.
pub const UNKNOWN_MAX: usize = 100;
/// Known names to remember: a fifth of [`UNKNOWN_MAX`]. More do not change the result.
pub const KNOWN_KEPT_MAX: usize = UNKNOWN_MAX / KNOWN_SHARE;
/// Duration of a first flag; each further one lasts twice as long.
pub const FLAG_FIRST: Duration = Duration::from_hours(1);
/// Maximum duration of a flag, and the time after the last one until a source counts as new.
pub const FLAG_LONGEST: Duration = Duration::from_hours(24);
/// Names that a record holds without memory of its own.
const FEW: usize = 2;
/// Names by which that memory grows.
const MARKS_STEP: usize = 8;

/// A name that a source used: its fingerprint with the lowest bit saying whether it was known, and the time of its last
/// use in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Mark {
    name: u32,
    at: u32,
}

impl Mark {
    fn is_known(self) -> bool {
        self.name & 1 == 1
    }

    /// Notes another use. True if the last one was out of the window.
    fn renew(&mut self, now: u32) -> bool {
        let is_new = !is_in_window(*self, now);
        self.at = now;
        is_new
    }
}

/// Whether a name was known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameMatch {
    /// A listed entry, by its row, or a confirmed name; sub-addresses count as their base, system addresses not at all.
    Known(u32),
    /// An unknown name, by its fingerprint.
    Unknown(u32),
}

impl NameMatch {
    fn mark(self) -> u32 {
        match self {
            NameMatch::Known(name) => name << 1 | 1,
            NameMatch::Unknown(name) => name << 1,
        }
    }
}

/// What came of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotedName {
    /// The source had not used it within the window.
    pub is_new: bool,
    /// The end of the flag, if this name raised it.
    pub flagged_until: Option<Timestamp>,
}

/// The record of one source.
#[derive(Clone, Debug)]
pub struct SourceRecord(State);

#[derive(Clone, Debug)]
enum State {
    /// No flag within a day, and at most [`FEW`] names.
    Few {
        count: u8,
        marks: [Mark; FEW],
    },
    Many(Box<SourceNames>),
    /// Flagged, or it was and no name came since.
    Flagged {
        until: u32,
        flags: u8,
    },
}

#[derive(Clone, Debug, Default)]
struct SourceNames {
    marks: Vec<Mark>,
    /// The end of its last flag in seconds, 0: none.
    flagged_until: u32,
    /// Flags within [`FLAG_LONGEST`] of each other.
    flags: u8,
}

impl Default for SourceRecord {
    fn default() -> Self {
        Self(State::Few { count: 0, marks: [Mark::default(); FEW] })
    }
}

impl SourceRecord {
    /// The end of its flag, if it is flagged at this time.
    pub fn flagged_until(&self, now: Timestamp) -> Option<Timestamp> {
        match self.0 {
            State::Flagged { until, .. } if now < at(until) => Some(at(until)),
            _ => None,
        }
    }

    /// Flags in a row, each of which lasts longer.
    pub fn flags(&self) -> u8 {
        match &self.0 {
            State::Few { .. } => 0,
            State::Many(names) => names.flags,
            State::Flagged { flags, .. } => *flags,
        }
    }

    /// Counts a name, known or not.
    pub fn note(&mut self, named: NameMatch, rating: SourceRating, now: Timestamp) -> NotedName {
        if self.flagged_until(now).is_some() {
            return NotedName { is_new: false, flagged_until: None };
        }
        let factor = rating.factor() as usize;
        let mark = Mark { name: named.mark(), at: seconds(now) };
        let max = if mark.is_known() { KNOWN_KEPT_MAX * factor } else { UNKNOWN_MAX * factor };
        let is_new = self.remember(mark, max);
        let never = mark.is_known() || rating == SourceRating::LargeProvider;
        let flagged_until = (!never && self.is_guessing(factor, now)).then(|| self.raise_flag(now));
        NotedName { is_new, flagged_until }
    }

    /// True if the name was not used within the window.
    fn remember(&mut self, mark: Mark, max: usize) -> bool {
        if let State::Few { count, marks } = &mut self.0 {
            let used = usize::from(*count);
            if let Some(known) = marks.iter_mut().take(used).find(|known| known.name == mark.name) {
                return known.renew(mark.at);
            }
            if let Some(free) = marks.get_mut(used) {
                *free = mark;
                *count += 1;
                return true;
            }
        }
        let names = self.names();
        if let Some(known) = names.marks.iter_mut().find(|known| known.name == mark.name) {
            return known.renew(mark.at);
        }
        let same = |other: &&Mark| other.is_known() == mark.is_known();
        // At the limit nothing is added that changes nothing; what is out of the window makes room.
        if names.marks.len() >= max && names.marks.iter().filter(same).count() >= max {
            names.marks.retain(|other| is_in_window(*other, mark.at));
            if names.marks.iter().filter(same).count() >= max {
                return true;
            }
        }
        if names.marks.len() == names.marks.capacity() {
            names.marks.retain(|other| is_in_window(*other, mark.at));
            if names.marks.len() == names.marks.capacity() {
                names.marks.reserve_exact(MARKS_STEP);
            }
        }
        names.marks.push(mark);
        true
    }

    /// The names in memory of their own.
    fn names(&mut self) -> &mut SourceNames {
        let names = match &self.0 {
            State::Many(_) => None,
            State::Few { count, marks } => Some(SourceNames {
                marks: marks.iter().take(usize::from(*count)).copied().collect(),
                ..SourceNames::default()
            }),
            State::Flagged { until, flags } => {
                Some(SourceNames { marks: Vec::new(), flagged_until: *until, flags: *flags })
            }
        };
        if let Some(names) = names {
            self.0 = State::Many(Box::new(names));
        }
        match &mut self.0 {
            State::Many(names) => names,
            State::Few { .. } | State::Flagged { .. } => unreachable!("replaced above"),
        }
    }

    fn marks(&self) -> &[Mark] {
        match &self.0 {
            State::Few { count, marks } => marks.get(..usize::from(*count)).unwrap_or_default(),
            State::Many(names) => &names.marks,
            State::Flagged { .. } => &[],
        }
    }

    /// Distinct unknown and known names within the window.
    pub fn counts(&self, now: Timestamp) -> (usize, usize) {
        let in_window = self.marks().iter().filter(|mark| is_in_window(**mark, seconds(now)));
        in_window.fold((0, 0), |(unknown, known), mark| match mark.is_known() {
            true => (unknown, known + 1),
            false => (unknown + 1, known),
        })
    }

    /// Whether it named more unknown than known recipients of late. Of one with many known names nobody can tell: no more of
    /// them are remembered.
    pub fn names_more_unknown(&self, now: Timestamp) -> bool {
        let (unknown, known) = self.counts(now);
        known < KNOWN_KEPT_MAX && unknown > known
    }

    fn is_guessing(&self, factor: usize, now: Timestamp) -> bool {
        if self.marks().len() < UNKNOWN_SUSPICIOUS * factor {
            return false;
        }
        let (unknown, known) = self.counts(now);
        unknown >= UNKNOWN_MAX * factor || (unknown >= UNKNOWN_SUSPICIOUS * factor && known * KNOWN_SHARE < unknown)
    }

    fn raise_flag(&mut self, now: Timestamp) -> Timestamp {
        let (ended, flags) = match &self.0 {
            State::Many(names) => (names.flagged_until, names.flags),
            State::Few { .. } | State::Flagged { .. } => (0, 0),
        };
        let flags = if now.since(at(ended)) > FLAG_LONGEST { 0 } else { flags };
        let length = FLAG_FIRST.saturating_mul(1 << flags.min(5)).min(FLAG_LONGEST);
        let until = seconds(now + length);
        self.0 = State::Flagged { until, flags: flags.saturating_add(1) };
        at(until)
    }

    /// Takes a flag that another node raised, or this one before a restart. A flag that is there and ends later stays.
    /// True if it was taken.
    pub fn adopt(&mut self, until: Timestamp, flags: u8, now: Timestamp) -> bool {
        let here = match &self.0 {
            State::Few { .. } => 0,
            State::Many(names) => names.flagged_until,
            State::Flagged { until, .. } => *until,
        };
        if here >= seconds(until) {
            return false;
        }
        match &mut self.0 {
            State::Many(names) if until <= now => {
                names.flagged_until = seconds(until);
                names.flags = flags;
            }
            _ => self.0 = State::Flagged { until: seconds(until), flags },
        }
        true
    }

    /// A person released it: it counts as new.
    pub fn release(&mut self) {
        *self = Self::default();
    }

    /// Whether the record can be dropped: no flag to keep or to double, no name in the window.
    pub fn is_stale(&self, now: Timestamp) -> bool {
        let ended = match &self.0 {
            State::Few { .. } => 0,
            State::Many(names) => names.flagged_until,
            State::Flagged { until, .. } => *until,
        };
        let flag_over = at(ended) <= now && now.since(at(ended)) > FLAG_LONGEST;
        flag_over && !self.marks().iter().any(|mark| is_in_window(*mark, seconds(now)))
    }

    /// Time of its last name or end of its flag; to make room, the record with the oldest is dropped first.
    pub fn last_seen(&self) -> Timestamp {
        match &self.0 {
            State::Flagged { until, .. } => at(*until),
            _ => at(self.marks().iter().map(|mark| mark.at).max().unwrap_or(0)),
        }
    }

    /// Octets that it takes beside the record itself.
    pub fn heap_octets(&self) -> usize {
        match &self.0 {
            State::Many(names) => size_of::<SourceNames>() + names.marks.capacity() * size_of::<Mark>(),
            State::Few { .. } | State::Flagged { .. } => 0,
        }
    }
}

fn is_in_window(mark: Mark, now: u32) -> bool {
    u64::from(now.saturating_sub(mark.at)) < WINDOW.as_secs()
}
