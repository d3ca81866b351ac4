//! The decision on a recipient. [`decide`] cannot fail: what is unknown is an input, not an error. Log, metrics, mail
//! log and `check` print the reason of its [`Decision`].
//!
//! SMTP reply digits do not belong here: they are in one table, in `doorlist-smtp`.

mod bounce;
mod offer;
mod reason;
#[cfg(test)]
mod tests;

pub use offer::{Offer, decide_for};
pub use reason::Reason;

use crate::address::{Address, AddressError};
use crate::domain::{DomainId, Mode, ProtectedDomain};
use crate::list::{Match, Snapshot};
use crate::time::Timestamp;
use crate::verification::Knowledge;
use serde::{Deserialize, Serialize};

/// The recipient of a RCPT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recipient {
    /// Bare `<postmaster>` (RFC 5321 §4.5.1).
    Postmaster,
    Address(Address),
    /// A form that is never looked up: source route, address literal.
    Relay,
}

impl Recipient {
    /// Reads a recipient from the two parts of its path; a domain in brackets is an address literal. Only bare
    /// `<postmaster>` has no domain.
    pub fn from_path(local: &[u8], domain: &[u8], source_route: bool) -> Result<Self, AddressError> {
        if domain.is_empty() && local.eq_ignore_ascii_case(b"postmaster") {
            return Ok(Recipient::Postmaster);
        }
        if source_route || domain.starts_with(b"[") {
            return Ok(Recipient::Relay);
        }
        if local.contains(&b'@') && !local.starts_with(b"\"") {
            return Ok(Recipient::Relay);
        }
        Address::of_recipient(local, domain).map(Recipient::Address)
    }
}

/// The state of the client in harvest detection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceStanding {
    Normal,
    /// It guessed too many addresses, or a person blocked it: every recipient except postmaster gets the same reply.
    Flagged,
    /// The recipient's domain is under attack, and nothing speaks for the source: the same, in this domain.
    UnderAttack,
}

/// Who the sender of a transaction is, as far as it decides which recipients there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReturnPath {
    /// `<>`: a bounce, or another message that must not be answered (RFC 5321 §4.5.5).
    Null,
    Address,
}

/// The outcome for a recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Accept with a 2xx reply.
    Accept,
    /// 5xx: the sender bounces.
    Reject,
    /// 4xx: the sender retries.
    Defer,
}

/// The decision on one recipient, with its explanation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    pub verdict: Verdict,
    pub reason: Reason,
    /// The result of the look-up.
    pub matched: Match,
    pub domain: Option<DomainId>,
    /// The verdict if the domain's list were enforced without temporary rejection.
    pub in_enforce: Verdict,
}

/// Decides on a recipient by the list alone.
pub fn decide(
    recipient: &Recipient,
    list: &Snapshot,
    sender: ReturnPath,
    source: SourceStanding,
    now: Timestamp,
) -> Decision {
    match recipient {
        Recipient::Postmaster => Decision::new(Reason::System, Match::System, None),
        Recipient::Relay => relay_denied(),
        Recipient::Address(address) => match list.domain(address.domain()) {
            None => relay_denied(),
            Some(domain) => {
                let mut matched = list.lookup(domain, address);
                if matched == Match::Unlisted && sender == ReturnPath::Null {
                    matched = bounce::lookup(domain, address, list);
                }
                decide_in(domain, address, matched, source, now)
            }
        },
    }
}

fn decide_in(
    domain: &ProtectedDomain,
    address: &Address,
    matched: Match,
    source: SourceStanding,
    now: Timestamp,
) -> Decision {
    let id = Some(domain.id);
    if !domain.active {
        return Decision::new(Reason::DomainInactive, Match::Unlisted, id);
    }
    if matched == Match::NotOurs {
        return relay_denied();
    }
    let is_postmaster = address.local().as_str() == "postmaster";
    let reason = by_match(matched, domain.mode, now);
    let measure = match source {
        SourceStanding::Flagged if !is_postmaster => Reason::SourceFlagged,
        SourceStanding::UnderAttack if !is_postmaster => Reason::UnderAttack,
        _ => return Decision::new(reason, matched, id),
    };
    Decision { in_enforce: reason.in_enforce(), ..Decision::new(measure, matched, id) }
}

/// The reason for a result of the look-up.
fn by_match(matched: Match, mode: Mode, now: Timestamp) -> Reason {
    match matched {
        Match::Mailbox(_) | Match::Alias(_) | Match::DistributionList(_) => Reason::Listed,
        Match::SubAddress(_) => Reason::SubAddress,
        Match::SignedSender(_) => Reason::SignedSender,
        Match::RewrittenSender => Reason::RewrittenSender,
        Match::System => Reason::System,
        Match::SwitchedOff(_) => Reason::SwitchedOff,
        Match::Vetoed(_) => Reason::Vetoed,
        Match::NotOurs => Reason::RelayDenied,
        Match::Unlisted => of_unlisted(mode, now),
    }
}

/// The reason for an unlisted recipient of a domain in this mode.
pub fn of_unlisted(mode: Mode, now: Timestamp) -> Reason {
    match mode {
        Mode::Learn { .. } | Mode::Monitor => Reason::Undecided,
        Mode::Enforce { .. } if mode.is_soft(now) => Reason::UnlistedSoft,
        Mode::Enforce { .. } => Reason::Unlisted,
    }
}

fn relay_denied() -> Decision {
    Decision::new(Reason::RelayDenied, Match::NotOurs, None)
}

impl Decision {
    fn new(reason: Reason, matched: Match, domain: Option<DomainId>) -> Self {
        Self { verdict: reason.verdict(), reason, matched, domain, in_enforce: reason.in_enforce() }
    }

    /// The decision when more is known of an undecided recipient than its list says. Any other decision stays.
    #[must_use]
    fn knowing(self, known: Knowledge) -> Self {
        if self.reason != Reason::Undecided {
            return self;
        }
        let reason = match known {
            Knowledge::Exists => Reason::Confirmed,
            Knowledge::Absent => Reason::Absent,
            Knowledge::AbsentOnNewRoute => Reason::AbsentSoft,
            Knowledge::Undecided => Reason::Undecided,
        };
        Self::new(reason, self.matched, self.domain)
    }

    /// The decision if a path of the transaction needs SMTPUTF8 and no server of the domain supports it (RFC 6531
    /// §3.5): an accepted message would have to bounce. System addresses stay accepted, because their mail never
    /// bounces.
    pub fn without_smtp_utf8(self) -> Self {
        match self.reason {
            Reason::Listed
            | Reason::SubAddress
            | Reason::SignedSender
            | Reason::RewrittenSender
            | Reason::Confirmed => Self::new(Reason::NoSmtpUtf8, self.matched, self.domain),
            _ => self,
        }
    }
}
