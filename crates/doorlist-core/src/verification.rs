//! Verification: what a domain's own server said about addresses that are on no list. Which records hold how long, when
//! an address is asked for anew, and whether what a server says proves anything.
//!
//! A server's word about an address is kept as a record. Whether it is believed is kept per *route*, a protected name and
//! one of its servers: a server that takes every name says nothing by taking one, and one that refuses every name is
//! broken, not informed. Answers and times come in as parameters.

pub mod limits;
pub mod records;
pub mod route;
pub mod share;
pub mod sub_address;
#[cfg(test)]
mod tests;

pub use limits::{CONNECTIONS_PER_SERVER, NAMES_PER_SESSION, ProbeLimits, QUEUE_MAX, RateWindow, SourceClass};
pub use records::{VerificationRecord, VerificationRecords};
pub use route::{FRESH_FOR, Route, RouteControl, RouteTrust, TRUSTED_FOR};
pub use share::{ConnectionTurn, HEARTBEAT_EVERY, Heartbeats, ProbeShare};
pub use sub_address::{PlusControl, plus_holds, plus_refused};

use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long a record of an address that exists holds.
pub const VALID_FOR: Duration = Duration::from_hours(31 * 24);
/// Age from which it is refreshed in the background, when mail comes for it.
pub const VALID_REFRESHED_FROM: Duration = Duration::from_hours(7 * 24);
/// How long a record of an address that does not exist holds.
pub const INVALID_FOR: Duration = Duration::from_hours(2);
/// Age from which such an address is asked for anew, when mail comes for it.
pub const INVALID_ASKED_ANEW_FROM: Duration = Duration::from_mins(10);

/// What a server answered about one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServerAnswer {
    /// It took the recipient.
    Exists,
    /// It says that there is no such user.
    NoSuchUser,
    /// Anything else: no answer, a temporary failure, a refusal that is not about the address.
    Undecided,
}

/// What is known about an unlisted recipient when it is decided on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Knowledge {
    /// The domain's server takes it.
    Exists,
    /// The domain's server knows no such user, and is to be believed.
    Absent,
    /// The same on a route that is new: it may be set up wrongly.
    AbsentOnNewRoute,
    /// Nobody knows whether it exists.
    Undecided,
}

/// What follows from a record for a recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It is decided on so.
    Known(Knowledge),
    /// It is decided on so, and asked for behind the answer, to keep the record fresh.
    Refresh(Knowledge),
    /// It is asked for before the answer.
    Ask,
}

/// Judges a recipient by the live record of its address.
pub fn judge(record: Option<VerificationRecord>, route: &Route, now: Timestamp) -> Judgement {
    match record {
        Some(VerificationRecord { exists: true, at }) if now.since(at) >= VALID_REFRESHED_FROM => {
            Judgement::Refresh(Knowledge::Exists)
        }
        Some(VerificationRecord { exists: true, .. }) => Judgement::Known(Knowledge::Exists),
        Some(VerificationRecord { exists: false, at }) if now.since(at) < INVALID_ASKED_ANEW_FROM => {
            match route.knowledge_of_absent(now) {
                // What may be missing is a known address that it took of late: asking brings that.
                Knowledge::Undecided if route.wants_known(now) => Judgement::Ask,
                known => Judgement::Known(known),
            }
        }
        _ => Judgement::Ask,
    }
}

/// What is known after a server answered; `record` is the live one. A failed probe leaves a valid one as it is; that an
/// address did not exist some time ago refuses nobody now.
pub fn after_asking(
    answer: ServerAnswer,
    record: Option<VerificationRecord>,
    route: &Route,
    now: Timestamp,
) -> Knowledge {
    let exists = match answer {
        ServerAnswer::Exists => true,
        ServerAnswer::NoSuchUser => false,
        ServerAnswer::Undecided => match record {
            Some(VerificationRecord { exists: true, .. }) => true,
            _ => return Knowledge::Undecided,
        },
    };
    if exists { Knowledge::Exists } else { route.knowledge_of_absent(now) }
}
