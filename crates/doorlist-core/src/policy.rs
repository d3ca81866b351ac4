//! The decision on a recipient. [`decide`] cannot fail: what is unknown is an input, not an error. Log, metrics, mail
//! log and `check` print the reason of its [`Decision`].
//!
//! SMTP reply digits do not belong here: they are in one table, in `doorlist-smtp`.

mod bounce;
mod offer;
#[cfg(test)]
mod tests;

pub use offer::{Offer, decide_for};

use crate::address::{Address, AddressError};
use crate::domain::{DomainId, Mode, ProtectedDomain};
use crate::harvest::AnswerKind;
use crate::list::{Match, Snapshot};
use crate::time::Timestamp;
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
    /// Reads a recipient from the two parts of its path; a domain in brackets is an address literal.
    pub fn from_path(local: &[u8], domain: &[u8], source_route: bool) -> Result<Self, AddressError> {
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
    /// It guessed too many addresses: every recipient except postmaster gets the same reply.
    Flagged,
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

/// The reason of a decision. Code that prints or replies must match all variants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// On the list: mailbox, alias, distribution list.
    Listed,
    /// A sub-address of a listed base.
    SubAddress,
    /// A system address: `postmaster` or `abuse`.
    System,
    /// On the list, but switched off.
    SwitchedOff,
    /// Removed by a person.
    Vetoed,
    /// Not on the list, and the list is enforced.
    Unlisted,
    /// The same during the 72 hours of temporary rejection, or while the list is empty.
    UnlistedSoft,
    /// Not on the list of a domain in setup.
    SettingUp,
    /// The domain is switched off.
    DomainInactive,
    /// Not in a protected domain, or a form that requests relaying.
    RelayDenied,
    SourceFlagged,
    /// On the list, but blocks this sender.
    SenderBlocked,
    /// On the list, but the declared size exceeds its limit.
    TooLarge,
    /// On the list, but with another size limit than the recipients before it.
    OtherPolicy,
    /// On the list, but no server of its route supports SMTPUTF8.
    NoSmtpUtf8,
    /// A bounce to a signed sender (BATV) of a listed address.
    SignedSender,
    /// A bounce to a rewritten sender (SRS).
    RewrittenSender,
}

impl Reason {
    /// All of them, in the order of their numbers.
    pub const ALL: [Reason; 17] = [
        Reason::Listed,
        Reason::SubAddress,
        Reason::System,
        Reason::SwitchedOff,
        Reason::Vetoed,
        Reason::Unlisted,
        Reason::UnlistedSoft,
        Reason::SettingUp,
        Reason::DomainInactive,
        Reason::RelayDenied,
        Reason::SourceFlagged,
        Reason::SenderBlocked,
        Reason::TooLarge,
        Reason::OtherPolicy,
        Reason::NoSmtpUtf8,
        Reason::SignedSender,
        Reason::RewrittenSender,
    ];

    pub fn verdict(self) -> Verdict {
        match self {
            Reason::Listed | Reason::SubAddress | Reason::System | Reason::SignedSender | Reason::RewrittenSender => {
                Verdict::Accept
            }
            Reason::UnlistedSoft | Reason::SettingUp | Reason::SourceFlagged | Reason::OtherPolicy => Verdict::Defer,
            Reason::SwitchedOff
            | Reason::Vetoed
            | Reason::Unlisted
            | Reason::DomainInactive
            | Reason::RelayDenied
            | Reason::SenderBlocked
            | Reason::TooLarge
            | Reason::NoSmtpUtf8 => Verdict::Reject,
        }
    }

    /// The verdict if the list were enforced without temporary rejection.
    fn in_enforce(self) -> Verdict {
        match self {
            Reason::UnlistedSoft | Reason::SettingUp => Verdict::Reject,
            other => other.verdict(),
        }
    }

    /// The word in logs and metrics.
    pub fn word(self) -> &'static str {
        match self {
            Reason::Listed => "listed",
            Reason::SubAddress => "sub-address",
            Reason::System => "system",
            Reason::SwitchedOff => "switched-off",
            Reason::Vetoed => "vetoed",
            Reason::Unlisted => "unlisted",
            Reason::UnlistedSoft => "unlisted-soft",
            Reason::SettingUp => "setting-up",
            Reason::DomainInactive => "domain-inactive",
            Reason::RelayDenied => "relay-denied",
            Reason::SourceFlagged => "source-flagged",
            Reason::SenderBlocked => "sender-blocked",
            Reason::TooLarge => "too-large",
            Reason::OtherPolicy => "other-policy",
            Reason::NoSmtpUtf8 => "no-smtputf8",
            Reason::SignedSender => "signed-sender",
            Reason::RewrittenSender => "rewritten-sender",
        }
    }

    /// The sentence that `doorlist check` prints.
    pub fn sentence(self) -> &'static str {
        match self {
            Reason::Listed => "the address is on the list",
            Reason::SubAddress => "it is a sub-address of a listed address",
            Reason::System => "system addresses are always accepted",
            Reason::SwitchedOff => "the address is on the list, but switched off",
            Reason::Vetoed => "the address was removed by a person; add it again to accept it",
            Reason::Unlisted => "the address is not on the list, and the domain accepts mail only for its list",
            Reason::UnlistedSoft => {
                "the address is not on the list; in the first 72 hours of enforcement, and while the list is empty, it is \
                 deferred, and the sender retries"
            }
            Reason::SettingUp => {
                "the address is not on the list, and the domain is in setup: it is deferred, and the \
                                  sender retries"
            }
            Reason::DomainInactive => "the domain is switched off",
            Reason::RelayDenied => "the recipient is not in one of our domains",
            Reason::SourceFlagged => "the client guessed too many addresses; every recipient is deferred for now",
            Reason::SenderBlocked => "the address is on the list, but its rules or its domain's block this sender",
            Reason::TooLarge => "the address is on the list, but the message exceeds its size limit",
            Reason::OtherPolicy => {
                "the address is on the list, but has another size limit than the recipients before it: the sender \
                 retries it in another transaction"
            }
            Reason::NoSmtpUtf8 => {
                "the address is on the list, but no server of its domain supports addresses outside ASCII (SMTPUTF8)"
            }
            Reason::SignedSender => "a bounce to the signed sender (BATV) of a listed address",
            Reason::RewrittenSender => "a bounce to a sender that the domain's server rewrote (SRS)",
        }
    }

    /// Whether the recipient is on no list, and nobody decided on it: adding it would help.
    pub fn is_unlisted(self) -> bool {
        matches!(self, Reason::Unlisted | Reason::UnlistedSoft | Reason::SettingUp)
    }

    /// Whether the recipient counts as unknown in harvest detection. While the list is set up nobody knows.
    pub fn is_unknown(self) -> bool {
        matches!(self, Reason::Unlisted | Reason::UnlistedSoft | Reason::Vetoed)
    }

    /// The answer as the guard of a session counts it.
    pub fn answer(self) -> AnswerKind {
        match self {
            Reason::Listed | Reason::SubAddress | Reason::System | Reason::SignedSender | Reason::RewrittenSender => {
                AnswerKind::Accepted
            }
            Reason::Unlisted | Reason::Vetoed | Reason::RelayDenied => AnswerKind::Refused,
            Reason::UnlistedSoft | Reason::SettingUp | Reason::SourceFlagged => AnswerKind::Deferred,
            Reason::SwitchedOff
            | Reason::DomainInactive
            | Reason::SenderBlocked
            | Reason::TooLarge
            | Reason::OtherPolicy
            | Reason::NoSmtpUtf8 => AnswerKind::Other,
        }
    }
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
    if source == SourceStanding::Flagged && !is_postmaster {
        return Decision { in_enforce: reason.in_enforce(), ..Decision::new(Reason::SourceFlagged, matched, id) };
    }
    Decision::new(reason, matched, id)
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
        Mode::SettingUp => Reason::SettingUp,
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

    /// The decision if a path of the transaction needs SMTPUTF8 and no server of the domain supports it (RFC 6531
    /// §3.5): an accepted message would have to bounce. System addresses stay accepted, because their mail never
    /// bounces.
    pub fn without_smtp_utf8(self) -> Self {
        match self.reason {
            Reason::Listed | Reason::SubAddress | Reason::SignedSender | Reason::RewrittenSender => {
                Self::new(Reason::NoSmtpUtf8, self.matched, self.domain)
            }
            _ => self,
        }
    }
}
