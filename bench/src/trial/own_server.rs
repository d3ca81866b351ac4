//! An organisation's own mail server, by its script: it knows its people, is down at times, and may take every name from
//! some day on.

use super::people::{DAY, Organisation};
use doorlist_core::address::LocalPart;
use doorlist_core::time::Timestamp;
use doorlist_core::verification::ServerAnswer;
use std::sync::Arc;
use std::time::Duration;

/// The server of one organisation.
#[derive(Debug)]
pub(crate) struct OwnServer {
    pub(crate) organisation: Arc<Organisation>,
    /// When it does not answer: from, until.
    outages: Vec<(Timestamp, Timestamp)>,
    accepts_all_from: Option<Timestamp>,
}

/// The time that a mix means by a day; 1 is the first.
pub(crate) fn day(start: Timestamp, day: f64) -> Timestamp {
    start + DAY.mul_f64((day - 1.0).max(0.0))
}

/// So many hours of a mix.
pub(crate) fn hours(hours: f64) -> Duration {
    Duration::from_hours(1).mul_f64(hours.max(0.0))
}

impl OwnServer {
    pub(crate) fn of(organisation: Arc<Organisation>, start: Timestamp) -> Self {
        let mix = &organisation.mix;
        let outage = |outage: &super::mix::OutageMix| {
            let from = day(start, outage.day);
            (from, from + hours(outage.hours))
        };
        let outages = mix.outage.iter().map(outage).collect();
        let accepts_all_from = mix.accepts_all_from_day.map(|from| day(start, from));
        Self { outages, accepts_all_from, organisation }
    }

    pub(crate) fn is_down(&self, at: Timestamp) -> bool {
        self.outages.iter().any(|(from, until)| *from <= at && at < *until)
    }

    /// Whether it did not answer at any moment of this time.
    pub(crate) fn was_down(&self, since: Timestamp, until: Timestamp) -> bool {
        self.outages.iter().any(|(from, end)| since < *end && *from <= until)
    }

    pub(crate) fn accepts_all(&self, at: Timestamp) -> bool {
        self.accepts_all_from.is_some_and(|from| from <= at)
    }

    pub(crate) fn has_script_for_all(&self) -> bool {
        self.accepts_all_from.is_some()
    }

    /// Its answer to RCPT, and to DATA behind it. Sub-addresses follow their base.
    pub(crate) fn answer(&self, local: &LocalPart, at: Timestamp) -> ServerAnswer {
        if self.is_down(at) {
            ServerAnswer::Undecided
        } else if self.accepts_all(at) || self.has(local, at) {
            ServerAnswer::Exists
        } else {
            ServerAnswer::NoSuchUser
        }
    }

    /// Whether an address, or the base of a sub-address, truly exists.
    pub(crate) fn has(&self, local: &LocalPart, at: Timestamp) -> bool {
        let base = local.as_str().split_once('+').map(|(base, _)| LocalPart::from_canonical(base));
        self.organisation.exists(local, at) || base.is_some_and(|base| self.organisation.exists(&base, at))
    }
}
