//! The sign of a slow attack: many addresses that ask for a few names each, over days, stay below every rate of ten minutes.
//! What a domain is asked for within a day gives them away. The sign changes no answer; people are told of it.

#[cfg(test)]
mod tests;

use super::name_count::{NamesOfDay, WINDOW_HOURS};
use crate::time::Timestamp;

/// Names of a day below which no attack is told. It is 7 in ten minutes, a seventh of what elevates a domain, and a third of
/// what 10,000 addresses ask for that share a list of 100,000 names for a month; below it such a list takes 100 days.
/// Stray mail to a few thousand mailboxes has less.
pub const SLOW_FLOOR: u32 = 1_000;
/// Times the domain's own usual day from which an attack is told.
pub const SLOW_FACTOR: f64 = 3.0;
/// So many names are told whatever is usual: beyond, the sketch does not tell numbers apart.
pub const SLOW_ALWAYS: u32 = 20_000;
/// The sign ends below this part (a half) of what begins it, so that one attack is told once.
const END_PART: u32 = 2;
/// Seconds of an hour, by which the window slides.
const HOUR: i64 = 3600;

/// The distinct unknown names of a day, and whether they are a sign. Takes at most 5 KiB.
#[derive(Clone, Debug, Default)]
pub struct SlowAttack {
    names: NamesOfDay,
    /// Names of before a restart, by the hour of their last use, the newest first.
    carried: Vec<u32>,
    /// The hour of the newest of them, since the epoch.
    carried_at: i64,
    since: Option<Timestamp>,
}

impl SlowAttack {
    /// Goes on with what was counted before a restart: names by hour, the newest at this time.
    pub fn restored(hours: &[u32], newest: Timestamp, since: Option<Timestamp>) -> Self {
        let carried = hours.iter().take(WINDOW_HOURS as usize).copied().collect();
        Self { names: NamesOfDay::default(), carried, carried_at: hour(newest), since }
    }

    /// Since when the domain shows the sign.
    pub fn since(&self) -> Option<Timestamp> {
        self.since
    }

    /// Counts an unknown name of a source without a good record, by its fingerprint.
    pub fn note(&mut self, name: u32, now: Timestamp) {
        self.names.note(name, now);
    }

    /// Distinct names of the last day. Behind a restart nobody can tell which names came before: the larger of both counts
    /// is never too high.
    pub fn count(&mut self, now: Timestamp) -> u32 {
        self.names.count(now).max(self.carried(now).sum())
    }

    /// Names by the hour of their last use, the newest first, for the store.
    pub fn hours(&mut self, now: Timestamp) -> Vec<u32> {
        let mut hours = self.names.by_slot(now);
        let ago = self.hours_ago(now);
        for (sum, carried) in hours.iter_mut().skip(ago).zip(&self.carried) {
            *sum = sum.saturating_add(*carried);
        }
        hours
    }

    /// Begins or ends the sign. `usual` is what is usual for the domain in a day, 0 while that is not known. True if it
    /// changed.
    pub fn follow(&mut self, usual: f64, now: Timestamp) -> bool {
        let (count, mark) = (self.count(now), mark(usual));
        match self.since {
            None if count >= mark => self.since = Some(now),
            Some(_) if count < mark / END_PART => self.since = None,
            _ => return false,
        }
        true
    }

    fn carried(&self, now: Timestamp) -> impl Iterator<Item = u32> {
        let left = (WINDOW_HOURS as usize).saturating_sub(self.hours_ago(now));
        self.carried.iter().take(left).copied()
    }

    fn hours_ago(&self, now: Timestamp) -> usize {
        usize::try_from(hour(now) - self.carried_at).unwrap_or(0)
    }
}

/// The names of a day from which an attack is told.
pub fn mark(usual: f64) -> u32 {
    ((usual * SLOW_FACTOR) as u32).clamp(SLOW_FLOOR, SLOW_ALWAYS)
}

fn hour(now: Timestamp) -> i64 {
    now.as_secs().div_euclid(HOUR)
}
