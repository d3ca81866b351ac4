//! What the admins of a domain in its trial are told, and when.

use super::DAY;
use crate::time::Timestamp;
use std::time::Duration;

/// One of the notices of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TrialNotice {
    /// It ends within 7 days.
    Week,
    /// It ends within a day.
    Day,
    /// It is over: the domain is in mode monitor.
    Over,
}

impl TrialNotice {
    /// Its number in the store.
    pub fn stage(self) -> i64 {
        match self {
            TrialNotice::Week => 1,
            TrialNotice::Day => 2,
            TrialNotice::Over => 3,
        }
    }
}

/// The notice that is due for a trial with this end; `told` is the stage of the last one. One that is late is left out for
/// the next.
pub fn notice_due(until: Timestamp, told: i64, now: Timestamp) -> Option<TrialNotice> {
    let left = until.since(now);
    let due = if now >= until {
        TrialNotice::Over
    } else if left <= DAY {
        TrialNotice::Day
    } else if left <= WEEK {
        TrialNotice::Week
    } else {
        return None;
    };
    (due.stage() > told).then_some(due)
}

const WEEK: Duration = Duration::from_hours(7 * 24);
