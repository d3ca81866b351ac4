//! The reasons of decisions on recipients: what each means for the answer, for logs, for people and for the guards.

use super::Verdict;
use crate::harvest::AnswerKind;
use serde::{Deserialize, Serialize};

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
    /// Not on the list of a domain that does not enforce it, and nobody knows whether its server has the address.
    Undecided,
    /// The same, and the domain's server takes the address.
    Confirmed,
    /// The same, and the domain's server knows no such user.
    Absent,
    /// The same on a route that is new: its server may be set up wrongly.
    AbsentSoft,
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
    /// The domain is under a harvest attack, and nothing speaks for the client.
    UnderAttack,
}

impl Reason {
    /// All of them, in the order of their numbers.
    pub const ALL: [Reason; 21] = [
        Reason::Listed,
        Reason::SubAddress,
        Reason::System,
        Reason::SwitchedOff,
        Reason::Vetoed,
        Reason::Unlisted,
        Reason::UnlistedSoft,
        Reason::Undecided,
        Reason::Confirmed,
        Reason::Absent,
        Reason::AbsentSoft,
        Reason::DomainInactive,
        Reason::RelayDenied,
        Reason::SourceFlagged,
        Reason::SenderBlocked,
        Reason::TooLarge,
        Reason::OtherPolicy,
        Reason::NoSmtpUtf8,
        Reason::SignedSender,
        Reason::RewrittenSender,
        Reason::UnderAttack,
    ];

    pub fn verdict(self) -> Verdict {
        match self {
            Reason::Listed
            | Reason::SubAddress
            | Reason::System
            | Reason::SignedSender
            | Reason::RewrittenSender
            | Reason::Confirmed => Verdict::Accept,
            Reason::UnlistedSoft
            | Reason::Undecided
            | Reason::AbsentSoft
            | Reason::SourceFlagged
            | Reason::UnderAttack
            | Reason::OtherPolicy => Verdict::Defer,
            Reason::SwitchedOff
            | Reason::Vetoed
            | Reason::Unlisted
            | Reason::Absent
            | Reason::DomainInactive
            | Reason::RelayDenied
            | Reason::SenderBlocked
            | Reason::TooLarge
            | Reason::NoSmtpUtf8 => Verdict::Reject,
        }
    }

    /// The verdict if the list were enforced without temporary rejection.
    pub(super) fn in_enforce(self) -> Verdict {
        match self {
            Reason::UnlistedSoft | Reason::Undecided | Reason::Confirmed | Reason::AbsentSoft => Verdict::Reject,
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
            Reason::Undecided => "undecided",
            Reason::Confirmed => "confirmed",
            Reason::Absent => "absent",
            Reason::AbsentSoft => "absent-soft",
            Reason::DomainInactive => "domain-inactive",
            Reason::RelayDenied => "relay-denied",
            Reason::SourceFlagged => "source-flagged",
            Reason::UnderAttack => "under-attack",
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
            Reason::Undecided => {
                "the address is not on the list, and the domain's server has not said whether it exists: it is \
                 deferred, and the sender retries"
            }
            Reason::Confirmed => "the address is not on the list, but the domain's server takes it",
            Reason::Absent => "the address is not on the list, and the domain's server knows no such user",
            Reason::AbsentSoft => {
                "the address is not on the list, and the domain's server, which is new here, knows no such user: it is \
                 deferred, and the sender retries"
            }
            Reason::DomainInactive => "the domain is switched off",
            Reason::RelayDenied => "the recipient is not in one of our domains",
            Reason::SourceFlagged => "the client guessed too many addresses; every recipient is deferred for now",
            Reason::UnderAttack => {
                "the domain is under a harvest attack; recipients of clients without a good record are deferred for now"
            }
            Reason::SenderBlocked => "the address is on the list, but its rules or its domain's block this sender",
            Reason::TooLarge => "the address is on the list, but the message exceeds its size limit",
            Reason::OtherPolicy => {
                "the address is on the list, but has another size limit or treatment of spam than the recipients before \
                 it: the sender retries it in another transaction"
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
        matches!(
            self,
            Reason::Unlisted
                | Reason::UnlistedSoft
                | Reason::Undecided
                | Reason::Confirmed
                | Reason::Absent
                | Reason::AbsentSoft
        )
    }

    /// Whether the recipient counts as unknown in harvest detection. Who is undecided is neither.
    pub fn is_unknown(self) -> bool {
        matches!(
            self,
            Reason::Unlisted
                | Reason::UnlistedSoft
                | Reason::Vetoed
                | Reason::Absent
                | Reason::AbsentSoft
                | Reason::RelayDenied
        )
    }

    /// The answer as the guard of a session counts it.
    pub fn answer(self) -> AnswerKind {
        match self {
            Reason::Listed
            | Reason::SubAddress
            | Reason::System
            | Reason::SignedSender
            | Reason::RewrittenSender
            | Reason::Confirmed => AnswerKind::Accepted,
            Reason::Unlisted | Reason::Vetoed | Reason::Absent | Reason::RelayDenied => AnswerKind::Refused,
            Reason::UnlistedSoft
            | Reason::Undecided
            | Reason::AbsentSoft
            | Reason::SourceFlagged
            | Reason::UnderAttack => AnswerKind::Deferred,
            Reason::SwitchedOff
            | Reason::DomainInactive
            | Reason::SenderBlocked
            | Reason::TooLarge
            | Reason::OtherPolicy
            | Reason::NoSmtpUtf8 => AnswerKind::Other,
        }
    }
}
