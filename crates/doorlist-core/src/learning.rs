//! Learning: how a list grows from the mail itself. What one delivery shows of a recipient that is on no list, what is kept
//! of several of them as a candidate, and when an address is added, is left as a candidate, or is forgotten.
//!
//! | module | what it is |
//! |---|---|
//! | `candidate` | what is kept of an address that gets clean mail and is on no list |
//! | `step` | what follows for a candidate that may be added |
//! | `trial` | what the admins of a domain in its trial are told, and when |
//! | `alias_patterns` | local parts that look like other names of one person |
//! | `shared_mail` | accounts that get the same messages |
//!
//! Answers of servers, the list and times come in as parameters.

mod alias_patterns;
mod candidate;
mod shared_mail;
mod step;
#[cfg(test)]
mod tests;
mod trial;

pub use alias_patterns::{AliasSuggestion, suggest_aliases};
pub use candidate::{Candidate, CandidateState, Evidence, SENDERS_KEPT_MAX};
pub use shared_mail::{
    RECENT_MESSAGES_TERM, RecentMessage, SHARED_MIN, SHARED_PERCENT, SHARED_RECIPIENTS_MAX, SHARED_SENDERS_MIN,
    SharedMail, find_shared_mail,
};
pub use step::{LearningContext, LearningStep, ListStanding, next_step};
pub use trial::{TrialNotice, notice_due};

use std::time::Duration;

/// Addresses that are added a day, for each domain; the others follow on the next days, from the evidence that is kept.
pub const ADDED_PER_DAY_MAX: u64 = 2_000;
/// Candidates of a domain; those with the least evidence make room.
pub const CANDIDATES_MAX: u64 = 5_000;
/// Addresses of a domain that wait to be added by themselves, beside its candidates: whoever has 2,000 a day must not lose
/// the evidence of a large organisation's others.
pub const WAITING_MAX: u64 = 50_000;
/// A candidate without mail for so long is forgotten.
pub const CANDIDATE_FADES_AFTER: Duration = Duration::from_hours(90 * 24);
/// So long the evidence of a delivery waits for the answers that it needs from the domain's server.
pub const EVIDENCE_WAITS_FOR: Duration = Duration::from_hours(24);
/// The day over which additions are counted.
pub const DAY: Duration = Duration::from_hours(24);
