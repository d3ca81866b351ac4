//! The records of one protected name, bounded.

use super::{INVALID_FOR, ServerAnswer, VALID_FOR};
use crate::time::Timestamp;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// Records of addresses that exist, at most: no organisation that learns its list from mail has more, and a server that takes
/// every name must not fill the memory.
pub const VALID_MAX: usize = 100_000;
/// Records of addresses that do not exist, at most.
pub const INVALID_MAX: usize = 50_000;

/// What a server said about an address, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerificationRecord {
    pub exists: bool,
    pub at: Timestamp,
}

impl VerificationRecord {
    /// Whether it holds at this time. A record of the future is none: the clock was set back.
    pub fn is_live(&self, now: Timestamp) -> bool {
        let age = if self.exists { VALID_FOR } else { INVALID_FOR };
        self.at <= now + CLOCK_SLACK && now.since(self.at) < age
    }
}

/// Clocks of several nodes differ by this much at most.
const CLOCK_SLACK: Duration = Duration::from_mins(5);

/// The records of one protected name: local parts with what its server said. The oldest makes room.
#[derive(Debug)]
pub struct VerificationRecords {
    valid: Aged,
    invalid: Aged,
}

impl Default for VerificationRecords {
    fn default() -> Self {
        Self { valid: Aged::new(VALID_MAX), invalid: Aged::new(INVALID_MAX) }
    }
}

impl VerificationRecords {
    /// The live record of a local part in its normal form.
    pub fn find(&self, local: &str, now: Timestamp) -> Option<VerificationRecord> {
        let of = |aged: &Aged, exists| aged.at(local).map(|at| VerificationRecord { exists, at });
        let found = of(&self.valid, true).or_else(|| of(&self.invalid, false));
        found.filter(|record| record.is_live(now))
    }

    /// Takes an answer. An undecided one changes nothing; whether something was.
    pub fn note(&mut self, local: &str, answer: ServerAnswer, now: Timestamp) -> bool {
        let (to, from) = match answer {
            ServerAnswer::Exists => (&mut self.valid, &mut self.invalid),
            ServerAnswer::NoSuchUser => (&mut self.invalid, &mut self.valid),
            ServerAnswer::Undecided => return false,
        };
        from.forget(local);
        to.put(local, now);
        true
    }

    /// Forgets an address: it is listed now, or it is to be asked for anew.
    pub fn forget(&mut self, local: &str) {
        self.valid.forget(local);
        self.invalid.forget(local);
    }

    /// Drops what holds no more; whether nothing is left.
    pub fn sweep(&mut self, now: Timestamp) -> bool {
        self.valid.drop_until(|at| now.since(at) >= VALID_FOR);
        self.invalid.drop_until(|at| now.since(at) >= INVALID_FOR);
        self.valid.times.is_empty() && self.invalid.times.is_empty()
    }

    /// How many there are of addresses that exist, and of others.
    pub fn counts(&self) -> (usize, usize) {
        (self.valid.times.len(), self.invalid.times.len())
    }
}

/// Names with a time each. Those that were noted first go first.
#[derive(Debug)]
struct Aged {
    /// When each was noted last, and the number of that note.
    times: HashMap<Arc<str>, (Timestamp, u64)>,
    /// In the order in which they were noted; an entry whose number is not that of [`Aged::times`] is out of date.
    order: VecDeque<(u64, Arc<str>)>,
    noted: u64,
    max: usize,
}

impl Aged {
    fn new(max: usize) -> Self {
        Self { times: HashMap::new(), order: VecDeque::new(), noted: 0, max }
    }

    fn at(&self, name: &str) -> Option<Timestamp> {
        self.times.get(name).map(|(at, _)| *at)
    }

    fn put(&mut self, name: &str, at: Timestamp) {
        let name: Arc<str> = match self.times.get_key_value(name) {
            Some((name, _)) => Arc::clone(name),
            None => name.into(),
        };
        self.noted += 1;
        self.times.insert(Arc::clone(&name), (at, self.noted));
        self.order.push_back((self.noted, name));
        while self.times.len() > self.max {
            self.drop_first();
        }
        // Names that were noted again and again leave entries behind, at most as many as there are names.
        if self.order.len() > 2 * self.max {
            let times = &self.times;
            self.order.retain(|(number, name)| times.get(name).is_some_and(|(_, last)| last == number));
        }
    }

    /// The name that was noted first, with its time; `None` for an entry that is out of date.
    fn first(&self) -> Option<Option<Timestamp>> {
        let (number, name) = self.order.front()?;
        Some(self.times.get(name).filter(|(_, last)| last == number).map(|(at, _)| *at))
    }

    fn drop_first(&mut self) {
        let is_current = self.first().flatten().is_some();
        if let Some((_, name)) = self.order.pop_front()
            && is_current
        {
            self.times.remove(&name);
        }
    }

    fn forget(&mut self, name: &str) {
        self.times.remove(name);
    }

    fn drop_until(&mut self, is_over: impl Fn(Timestamp) -> bool) {
        while self.first().is_some_and(|at| at.is_none_or(&is_over)) {
            self.drop_first();
        }
    }
}
