//! Limits of probes: Doorlist knocks at no door more often than these say, whoever sends what.

use super::share::ProbeShare;
use crate::time::Timestamp;
use std::time::Duration;

/// Seconds of a slot.
const SLOT_SECS: i64 = 10;
/// Slots of a window: a minute, and the part of a slot by which it may be longer.
const SLOTS: usize = 7;
const SLOTS_I64: i64 = SLOTS as i64;
/// How long a name counts at most.
pub(super) const WINDOW: Duration = Duration::from_secs(70);

/// Maximum probes that wait for a domain.
pub const QUEUE_MAX: u32 = 200;
/// New names a minute for a domain.
pub const NAMES_PER_DOMAIN: u32 = 60;
/// The same where the route is trusted.
pub const NAMES_PER_TRUSTED_DOMAIN: u32 = 600;
/// Names a minute at one server address, over all domains that share it.
pub const NAMES_PER_SERVER: u32 = 600;
/// Names a minute for a source without a good record.
pub const NAMES_PER_SOURCE: u32 = 10;
/// The same for large providers and for sources with a good record.
pub const NAMES_PER_GOOD_SOURCE: u32 = 100;
/// Connections at a time to one server address, over all domains that share it.
pub const CONNECTIONS_PER_SERVER: u32 = 2;
/// Names in one probe session.
pub const NAMES_PER_SESSION: usize = 5;

/// How much a source is trusted to name existing recipients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceClass {
    /// Nothing is known of it.
    Ordinary,
    /// It has a good record, or is a large provider.
    Good,
}

/// Names that were asked for within the last minute, by slots of ten seconds: any minute has at most the limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateWindow {
    /// The number of the newest slot since the epoch.
    slot: i64,
    /// Of the newest slot and those before it.
    counts: [u32; SLOTS],
}

impl RateWindow {
    /// Whether another name is within the limit.
    pub fn allows(&self, max: u32, now: Timestamp) -> bool {
        self.at(now).counts.iter().fold(0, |sum: u32, count| sum.saturating_add(*count)) < max
    }

    /// Counts a name that is asked for.
    pub fn count(&mut self, now: Timestamp) {
        *self = self.at(now);
        self.counts[0] = self.counts[0].saturating_add(1);
    }

    /// Whether nothing of it matters any more.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.at(now).counts == [0; SLOTS]
    }

    /// The window as it is at this time. A clock that is set back by little stands still here; set back by more than a
    /// window, what was counted counts as counted now: too strict for a minute, which harms nobody.
    fn at(&self, now: Timestamp) -> Self {
        let slot = now.as_secs() / SLOT_SECS;
        let Ok(passed) = usize::try_from(slot.saturating_sub(self.slot)) else {
            let is_near = self.slot.saturating_sub(slot) <= SLOTS_I64;
            return if is_near { *self } else { Self { slot, counts: self.counts } };
        };
        let mut counts = [0; SLOTS];
        for (new, old) in counts.iter_mut().skip(passed).zip(self.counts) {
            *new = old;
        }
        Self { slot, counts }
    }
}

/// The rates that one new name meets.
#[derive(Debug)]
pub struct ProbeLimits<'a> {
    pub domain: &'a mut RateWindow,
    pub server: &'a mut RateWindow,
    pub source: &'a mut RateWindow,
}

impl ProbeLimits<'_> {
    /// Counts a name against all of them if this node's part of each allows it.
    pub fn take(self, is_trusted: bool, source: SourceClass, share: &ProbeShare, now: Timestamp) -> bool {
        let of_domain = if is_trusted { NAMES_PER_TRUSTED_DOMAIN } else { NAMES_PER_DOMAIN };
        let of_source = match source {
            SourceClass::Ordinary => NAMES_PER_SOURCE,
            SourceClass::Good => NAMES_PER_GOOD_SOURCE,
        };
        let allowed = self.domain.allows(share.of(of_domain, now), now)
            && self.server.allows(share.of(NAMES_PER_SERVER, now), now)
            && self.source.allows(share.of(of_source, now), now);
        if allowed {
            for window in [self.domain, self.server, self.source] {
                window.count(now);
            }
        }
        allowed
    }
}
