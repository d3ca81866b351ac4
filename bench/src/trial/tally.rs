//! What is counted of one organisation: clean mail and whose of it is listed, wrong entries, wanted mail that was refused or
//! deferred.

use super::callout::ProbeCounts;
use super::people::DAY;
use doorlist_core::address::LocalPart;
use doorlist_core::policy::Reason;
use doorlist_core::time::Timestamp;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

/// Examples of each fault that are kept.
const EXAMPLES_MAX: usize = 10;
/// A wanted message that waits longer is late.
pub(crate) const LATE_AFTER: Duration = Duration::from_mins(15);
/// Days at the end of the trial whose mail is weighed by the list as it is behind it.
pub(crate) const LAST_DAYS: u32 = 14;

/// When a message was deferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TrialPeriod {
    FirstDay,
    /// While the domain's server was down, by the script.
    Outage,
    Other,
}

/// Clean mail of one day.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct DayTally {
    pub(crate) clean: u64,
    /// Of it, for who was listed when it came, and for who was listed in the evening.
    pub(crate) listed: u64,
    pub(crate) listed_in_evening: u64,
    /// Addresses on the list in the evening.
    pub(crate) entries: u64,
}

/// Wanted mail of a period, and how long it was deferred.
#[derive(Clone, Debug, Default)]
pub(crate) struct WaitTally {
    pub(crate) messages: u64,
    /// Seconds, of each that was deferred.
    pub(crate) waits: Vec<u64>,
    /// Why the late ones were deferred, by the first answer.
    pub(crate) late_reasons: BTreeMap<&'static str, u64>,
}

impl WaitTally {
    pub(crate) fn late(&self) -> u64 {
        self.waits.iter().filter(|wait| **wait > LATE_AFTER.as_secs()).count() as u64
    }
}

/// Something that must not be, with what is known of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct FaultTally {
    pub(crate) count: u64,
    pub(crate) examples: Vec<String>,
}

impl FaultTally {
    pub(crate) fn add(&mut self, example: impl FnOnce() -> String) {
        self.count += 1;
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(example());
        }
    }
}

/// Everything that is counted of one organisation.
#[derive(Clone, Debug, Default)]
pub(crate) struct OrganisationTally {
    pub(crate) days: Vec<DayTally>,
    /// Clean messages by the place of the address: of today, of the whole trial, of its last days.
    today: HashMap<usize, u64>,
    pub(crate) whole: HashMap<usize, u64>,
    pub(crate) last_days: HashMap<usize, u64>,
    pub(crate) waits: BTreeMap<TrialPeriod, WaitTally>,
    pub(crate) refused: FaultTally,
    pub(crate) wrong: FaultTally,
    /// Wanted mail whose sender gave up, or that still waits at the end.
    pub(crate) lost: FaultTally,
    /// All attempts of mail, not those of attacks.
    pub(crate) messages: u64,
    pub(crate) accepted_for_nobody: u64,
    pub(crate) refused_by_server: u64,
    pub(crate) probes: ProbeCounts,
    /// Entries that were looked at already.
    pub(crate) seen: HashSet<LocalPart>,
    /// Listed, and gone by the end.
    pub(crate) left: u64,
    pub(crate) spam_only_listed: u64,
    pub(crate) candidates: u64,
    pub(crate) suggested_right: u64,
    pub(crate) suggested_wrong: FaultTally,
    /// Pairs of listed addresses of one person.
    pub(crate) true_pairs: u64,
}

/// A first attempt of wanted, clean mail.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CleanAttempt {
    pub(crate) place: usize,
    pub(crate) is_listed: bool,
}

impl OrganisationTally {
    /// Counts a clean message of the last of these days.
    pub(crate) fn clean(&mut self, attempt: CleanAttempt) {
        if let Some(day) = self.days.last_mut() {
            day.clean += 1;
            day.listed += u64::from(attempt.is_listed);
        }
        *self.today.entry(attempt.place).or_default() += 1;
    }

    /// The day is over; `is_listed` says so of an address by its place.
    pub(crate) fn evening(&mut self, is_last: bool, entries: u64, is_listed: impl Fn(usize) -> bool) {
        let today = std::mem::take(&mut self.today);
        for (place, count) in &today {
            *self.whole.entry(*place).or_default() += count;
            if is_last {
                *self.last_days.entry(*place).or_default() += count;
            }
        }
        if let Some(day) = self.days.last_mut() {
            day.listed_in_evening = today.iter().filter(|(place, _)| is_listed(**place)).map(|(_, count)| count).sum();
            day.entries = entries;
        }
    }

    /// A wanted message was accepted, `waited` behind its first attempt.
    pub(crate) fn arrived(&mut self, period: TrialPeriod, waited: Duration, why: Option<Reason>) {
        let tally = self.waits.entry(period).or_default();
        tally.messages += 1;
        if !waited.is_zero() {
            tally.waits.push(waited.as_secs());
        }
        if waited > LATE_AFTER {
            *tally.late_reasons.entry(why.map_or("unknown", Reason::word)).or_default() += 1;
        }
    }
}

/// The share of clean mail whose address is listed, and the addresses that explain the rest.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Completeness {
    pub(crate) mail: u64,
    pub(crate) listed_mail: u64,
    pub(crate) addresses: u64,
    pub(crate) listed_addresses: u64,
}

impl Completeness {
    pub(crate) fn of(
        counts: &HashMap<usize, u64>,
        exists: impl Fn(usize) -> bool,
        is_listed: impl Fn(usize) -> bool,
    ) -> Self {
        let mut found = Self::default();
        for (place, count) in counts.iter().filter(|(place, _)| exists(**place)) {
            found.mail += count;
            found.addresses += 1;
            if is_listed(*place) {
                found.listed_mail += count;
                found.listed_addresses += 1;
            }
        }
        found
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.mail += other.mail;
        self.listed_mail += other.listed_mail;
        self.addresses += other.addresses;
        self.listed_addresses += other.listed_addresses;
    }

    pub(crate) fn share(&self) -> f64 {
        self.listed_mail as f64 * 100.0 / (self.mail.max(1) as f64)
    }
}

/// The number of the day of a time; the first is 1.
pub(crate) fn day_number(start: Timestamp, at: Timestamp) -> u32 {
    u32::try_from(at.since(start).as_secs() / DAY.as_secs()).unwrap_or(u32::MAX).saturating_add(1)
}
