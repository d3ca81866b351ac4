//! Good records: a source that delivered clean mail to several entries on several days is trusted to know addresses.
//!
//! A record is a row per day, whose numbers only add up: nodes that share them may write them in any order.

#[cfg(test)]
mod tests;

use crate::time::Timestamp;
use std::time::Duration;

/// Time within which deliveries count.
pub const RECORD_TERM: Duration = Duration::from_hours(30 * 24);
const TERM_DAYS: u16 = 30;
/// Clean deliveries of a good record.
pub const DELIVERIES_MIN: u32 = 3;
/// Days on which they came.
pub const DAYS_MIN: usize = 2;
/// Unknown names that cost one delivery.
pub const UNKNOWN_PER_DELIVERY: u32 = 10;
/// Deliveries of a day that count; more say nothing more.
pub const DELIVERED_PER_DAY_MAX: u16 = 1_000;
/// The same for unknown names: more cost every delivery that counts.
pub const UNKNOWN_PER_DAY_MAX: u16 = 10_000;

/// What a source did on one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveryDay {
    /// Days since the epoch.
    pub day: u16,
    /// Clean messages that a domain's server took.
    pub delivered: u16,
    /// Distinct unknown names that it asked for.
    pub unknown: u16,
    /// The lowest and the highest fingerprint of the entries that got them: they differ if there are two.
    pub entries: (u16, u16),
}

impl DeliveryDay {
    /// The day of a moment.
    pub fn of(now: Timestamp) -> u16 {
        u16::try_from(now.as_secs() / (24 * 3600)).unwrap_or(0)
    }

    /// A day with one delivery to an entry of this fingerprint.
    pub fn delivery(now: Timestamp, entry: u16) -> Self {
        Self { day: Self::of(now), delivered: 1, unknown: 0, entries: (entry, entry) }
    }

    /// A day with one unknown name.
    pub fn unknown_name(now: Timestamp) -> Self {
        Self { day: Self::of(now), delivered: 0, unknown: 1, entries: (u16::MAX, 0) }
    }

    /// Adds what happened on the same day.
    pub fn add(&mut self, more: &DeliveryDay) {
        self.delivered = self.delivered.saturating_add(more.delivered).min(DELIVERED_PER_DAY_MAX);
        self.unknown = self.unknown.saturating_add(more.unknown).min(UNKNOWN_PER_DAY_MAX);
        self.entries = (self.entries.0.min(more.entries.0), self.entries.1.max(more.entries.1));
    }
}

/// The days of a source within [`RECORD_TERM`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GoodRecord {
    days: Vec<DeliveryDay>,
}

impl GoodRecord {
    /// Adds what happened. True if it says anything new: a full day does not.
    pub fn add(&mut self, more: &DeliveryDay) -> bool {
        self.days.retain(|day| more.day.saturating_sub(day.day) < TERM_DAYS);
        match self.days.iter_mut().find(|day| day.day == more.day) {
            Some(day) => {
                let before = *day;
                day.add(more);
                *day != before
            }
            None => {
                self.days.reserve_exact(1);
                self.days.push(*more);
                true
            }
        }
    }

    /// Takes a day as all nodes together know it.
    pub fn replace(&mut self, all: DeliveryDay) {
        self.days.retain(|day| day.day != all.day && all.day.saturating_sub(day.day) < TERM_DAYS);
        self.days.reserve_exact(1);
        self.days.push(all);
    }

    /// Whether the record is good at this time.
    pub fn is_good(&self, now: Timestamp) -> bool {
        let today = DeliveryDay::of(now);
        let days = || self.days.iter().filter(|day| today.saturating_sub(day.day) < TERM_DAYS);
        let sum = |of: fn(&DeliveryDay) -> u16| days().map(|day| u32::from(of(day))).sum::<u32>();
        let cost = sum(|day| day.unknown) / UNKNOWN_PER_DELIVERY;
        let with_mail = || days().filter(|day| day.delivered > 0);
        let (lowest, highest) =
            (with_mail().map(|day| day.entries.0).min(), with_mail().map(|day| day.entries.1).max());
        sum(|day| day.delivered).saturating_sub(cost) >= DELIVERIES_MIN
            && with_mail().count() >= DAYS_MIN
            && lowest != highest
    }

    /// Whether nothing of it counts any more.
    pub fn is_stale(&self, now: Timestamp) -> bool {
        let today = DeliveryDay::of(now);
        self.days.iter().all(|day| today.saturating_sub(day.day) >= TERM_DAYS)
    }

    /// The last day on which it did anything.
    pub fn last_day(&self) -> u16 {
        self.days.iter().map(|day| day.day).max().unwrap_or(0)
    }

    /// Octets that it takes beside the record itself.
    pub fn heap_octets(&self) -> usize {
        self.days.capacity() * size_of::<DeliveryDay>()
    }
}
