//! The state of a protected domain: normal, elevated, under attack. It follows the distinct unknown names of ten minutes,
//! against what is normal for the domain.

#[cfg(test)]
mod tests;

use super::baseline::Baseline;
use super::name_count::{NamesOfMinutes, WINDOW_MINUTES};
use super::rating::SourceRating;
use super::slow::SlowAttack;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Times the baseline from which a domain is elevated.
pub const ELEVATED_FACTOR: f64 = 3.0;
/// Times the baseline from which it is under attack.
pub const ATTACK_FACTOR: f64 = 10.0;
/// Names per ten minutes below which no domain is elevated.
pub const ELEVATED_FLOOR: u32 = 50;
/// The same for an attack.
pub const ATTACK_FLOOR: u32 = 150;
/// A state ends when the rate is below this part (a half) of what began it.
const END_PART: u32 = 2;
/// The window of the rate.
const WINDOW: Duration = Duration::from_mins(WINDOW_MINUTES as u64);
/// Longest time of a state, unless a person extends it.
pub const STATE_LONGEST: Duration = Duration::from_hours(4);
/// Longest time for which a person extends it.
pub const EXTENSION_LONGEST: Duration = Duration::from_hours(7 * 24);

/// How much a domain is asked for names that do not exist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttackState {
    #[default]
    Normal,
    /// Its server is asked for sources with a good record only.
    Elevated,
    /// Sources without a good record get a uniform answer.
    Attack,
}

impl AttackState {
    /// The word in logs, in the store and for people.
    pub fn word(self) -> &'static str {
        match self {
            AttackState::Normal => "normal",
            AttackState::Elevated => "elevated",
            AttackState::Attack => "attack",
        }
    }
}

/// What is known of one domain.
#[derive(Clone, Debug)]
pub struct AttackRecord {
    names: NamesOfMinutes,
    baseline: Baseline,
    state: AttackState,
    /// When this state began.
    since: Timestamp,
    /// When it ends, whatever the rate is.
    until: Timestamp,
    /// It was ended by its time or by a person: it begins anew only when the rate has gone down in between.
    ended: bool,
    /// Until then the rate ends nothing: after a restart the names of the window come in again.
    held: Timestamp,
    slow: SlowAttack,
}

impl AttackRecord {
    /// A domain that nothing is known of.
    pub fn new(now: Timestamp) -> Self {
        Self::with(Baseline::new(now), now)
    }

    /// A domain with this baseline, in the normal state.
    pub fn with(baseline: Baseline, now: Timestamp) -> Self {
        let (names, slow) = (NamesOfMinutes::default(), SlowAttack::default());
        Self { names, baseline, state: AttackState::Normal, since: now, until: now, ended: false, held: now, slow }
    }

    pub fn state(&self) -> AttackState {
        self.state
    }

    /// When its state began.
    pub fn since(&self) -> Timestamp {
        self.since
    }

    /// When its state ends at the latest.
    pub fn until(&self) -> Timestamp {
        self.until
    }

    pub fn baseline(&self) -> &Baseline {
        &self.baseline
    }

    /// Distinct unknown names within ten minutes.
    pub fn rate(&mut self, now: Timestamp) -> u32 {
        self.names.count(now)
    }

    /// Counts an unknown name, by its fingerprint, that a source of this rating asked for. True if the state changed.
    pub fn note(&mut self, name: u32, rating: SourceRating, now: Timestamp) -> bool {
        self.names.note(name, now);
        let changed = self.follow(now);
        // What comes in another state is no secret: people were told of that state.
        if self.state == AttackState::Normal && !rating.is_good() {
            self.slow.note(name, now);
            self.slow.follow(self.baseline.per_day(now), now);
        }
        changed
    }

    /// Lets time pass. True if the state changed.
    pub fn tick(&mut self, now: Timestamp) -> bool {
        self.slow.follow(self.baseline.per_day(now), now);
        self.follow(now)
    }

    /// The sign of a slow attack, which changes no answer.
    pub fn slow(&self) -> &SlowAttack {
        &self.slow
    }

    /// Distinct unknown names of a day, as the sign counts them.
    pub fn names_of_day(&mut self, now: Timestamp) -> u32 {
        self.slow.count(now)
    }

    /// The same by hour, for the store.
    pub fn hours(&mut self, now: Timestamp) -> Vec<u32> {
        self.slow.hours(now)
    }

    /// Goes on with what was counted before a restart.
    pub fn resume_slow(&mut self, slow: SlowAttack) {
        self.slow = slow;
    }

    /// Adds an interval that ended to the baseline. True if a new day began, so that it should be written down.
    pub fn add_to_baseline(&mut self, now: Timestamp) -> bool {
        if !self.baseline.is_due(now) {
            return false;
        }
        let counts = self.state == AttackState::Normal && !self.ended;
        let names = counts.then(|| self.names.count(now));
        self.baseline.add(names, now)
    }

    fn follow(&mut self, now: Timestamp) -> bool {
        let rate = self.names.count(now);
        let normal = self.baseline.per_interval(now);
        let elevated = ELEVATED_FLOOR.max((normal * ELEVATED_FACTOR) as u32);
        let attack = ATTACK_FLOOR.max((normal * ATTACK_FACTOR) as u32);
        if self.ended && rate < elevated / END_PART {
            self.ended = false;
        }
        let reached = match rate {
            rate if rate >= attack => AttackState::Attack,
            rate if rate >= elevated => AttackState::Elevated,
            _ => AttackState::Normal,
        };
        let kept = match self.state {
            state if now < self.held => state,
            AttackState::Attack if rate >= attack / END_PART => AttackState::Attack,
            AttackState::Attack | AttackState::Elevated if rate >= elevated / END_PART => AttackState::Elevated,
            _ => AttackState::Normal,
        };
        if self.state != AttackState::Normal && now >= self.until {
            self.ended = true;
            return self.enter(AttackState::Normal, now, now);
        }
        let next = if self.ended { kept } else { reached.max(kept) };
        match next.cmp(&self.state) {
            std::cmp::Ordering::Equal => false,
            // An attack that is over goes on as an elevated state, but not for longer.
            std::cmp::Ordering::Less => self.enter(next, now, self.until),
            std::cmp::Ordering::Greater => self.enter(next, now, now + STATE_LONGEST),
        }
    }

    fn enter(&mut self, state: AttackState, now: Timestamp, until: Timestamp) -> bool {
        (self.state, self.since, self.until) = (state, now, until);
        true
    }

    /// Goes on with a state that it had before a restart. Its names are forgotten: the rate ends it when a whole window
    /// has passed.
    pub fn resume(&mut self, state: AttackState, since: Timestamp, until: Timestamp, now: Timestamp) {
        (self.state, self.since, self.until) = (state, since, until);
        self.held = now + WINDOW;
    }

    /// A person lets its state go on until then.
    pub fn extend(&mut self, until: Timestamp, now: Timestamp) {
        self.until = until.min(now + EXTENSION_LONGEST);
        self.ended = false;
    }

    /// A person ends its state. True if it changed.
    pub fn release(&mut self, now: Timestamp) -> bool {
        (self.ended, self.held) = (true, now);
        self.state != AttackState::Normal && self.enter(AttackState::Normal, now, now)
    }
}
