//! Directory harvest defence: what a source may ask for before its answers tell nothing more.
//!
//! A source is an IPv4 address or an IPv6 /64. It is judged by the distinct names it asks for: legitimate senders mostly
//! use existing recipients, a directory harvest mostly unknown ones. A domain is judged by the distinct unknown names that
//! all sources together ask for. Inside a measure, every recipient except postmaster gets the same answer after the same
//! delay, so that guesses learn nothing; senders with a good record are spared.
//!
//! | module | what it is |
//! |---|---|
//! | `session` | delays and the end of one session |
//! | `source` | names of a source in an hour; its flag |
//! | `networks` | a /24 with flagged addresses |
//! | `rating`, `good_record` | which sources have ten times higher thresholds, and how that is earned and lost |
//! | `domain`, `name_count`, `baseline` | the state of a domain, by its distinct unknown names in ten minutes |
//! | `slow` | the sign of an attack below every rate, by the distinct unknown names of a day |
//! | `retry` | who comes again while a domain is under attack |
//! | `blocks` | networks that a person blocked |
//!
//! Names come in as fingerprints and time as a parameter.

pub mod baseline;
pub mod blocks;
pub mod domain;
pub mod good_record;
pub mod name_count;
pub mod networks;
pub mod rating;
pub mod retry;
pub mod session;
pub mod slow;
pub mod source;

pub use baseline::Baseline;
pub use blocks::{BLOCKS_MAX, Block};
pub use domain::{AttackRecord, AttackState};
pub use good_record::{DeliveryDay, GoodRecord};
pub use networks::{NetworkKey, NetworkRecord};
pub use rating::{LargeProviders, SourceRating};
pub use retry::{RetriesOfNetwork, RetryVerdict};
pub use session::{AnswerKind, MEASURE_DELAY, SessionGuard};
pub use slow::SlowAttack;
pub use source::{NameMatch, NotedName, SourceRecord};

use crate::time::Timestamp;

/// Seconds since the epoch, as compact records keep them (until 2106).
fn seconds(now: Timestamp) -> u32 {
    u32::try_from(now.as_secs()).unwrap_or(0)
}

fn at(seconds: u32) -> Timestamp {
    Timestamp::from_secs(seconds.into())
}
