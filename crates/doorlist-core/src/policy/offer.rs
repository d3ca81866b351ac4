//! The decision on a recipient of a transaction: first the list, then the recipient's rules for sender, size and spam. An
//! unlisted address therefore gets the same answer for every sender, and guessing names reveals no rules.

use super::{Decision, Reason, Recipient, ReturnPath, SourceStanding, Verdict, decide};
use crate::list::Snapshot;
use crate::mail_policy::{PolicyClass, PolicyTable};
use crate::sender_rules::{Judgment, Sender};
use crate::time::Timestamp;
use crate::verification::Knowledge;

/// The properties of a transaction that its recipients' rules check.
#[derive(Clone, Debug)]
pub struct Offer {
    pub sender: Sender,
    /// Whether there is a sender at all.
    pub return_path: ReturnPath,
    /// Declared size of the message in octets.
    pub size: Option<u64>,
    /// Message size limit of the gateway in octets.
    pub size_max: u64,
    /// The class of the recipients accepted so far; a recipient of another one is deferred.
    pub others: Option<PolicyClass>,
}

impl Offer {
    /// The class of a recipient with this decision.
    pub fn class(&self, decision: &Decision, policies: &PolicyTable) -> PolicyClass {
        let set = decision.domain.and_then(|domain| policies.message_max(domain, decision.matched));
        PolicyClass {
            size_max: set.map_or(self.size_max, |max| max.min(self.size_max)),
            spam: decision.domain.map(|domain| policies.spam(domain)).unwrap_or_default(),
        }
    }

    /// The decision on a recipient that was undecided, when the domain's server was asked. What it takes meets the same
    /// rules as what is listed.
    pub fn knowing(
        &self,
        recipient: &Recipient,
        decision: Decision,
        known: Knowledge,
        policies: &PolicyTable,
    ) -> Decision {
        self.objected(recipient, decision.knowing(known), policies)
    }

    fn objected(&self, recipient: &Recipient, decision: Decision, policies: &PolicyTable) -> Decision {
        if decision.verdict != Verdict::Accept {
            return decision;
        }
        match self.objection(recipient, &decision, policies) {
            Some(reason) => Decision::new(reason, decision.matched, decision.domain),
            None => decision,
        }
    }

    fn objection(&self, recipient: &Recipient, decision: &Decision, policies: &PolicyTable) -> Option<Reason> {
        if let Some(domain) = decision.domain
            && !is_system(recipient, decision)
            && policies.judge(domain, decision.matched, &self.sender) == Some(Judgment::Blocked)
        {
            return Some(Reason::SenderBlocked);
        }
        let class = self.class(decision, policies);
        if self.size.is_some_and(|size| size > class.size_max) {
            return Some(Reason::TooLarge);
        }
        self.others.is_some_and(|others| others != class).then_some(Reason::OtherPolicy)
    }
}

/// Decides on a recipient of a transaction.
pub fn decide_for(
    recipient: &Recipient,
    list: &Snapshot,
    source: SourceStanding,
    now: Timestamp,
    policies: &PolicyTable,
    offer: &Offer,
) -> Decision {
    offer.objected(recipient, decide(recipient, list, offer.return_path, source, now), policies)
}

/// Whether sender rules do not apply: postmaster and abuse must stay reachable, listed or not.
fn is_system(recipient: &Recipient, decision: &Decision) -> bool {
    let by_name = match recipient {
        Recipient::Address(address) => matches!(address.local().as_str(), "postmaster" | "abuse"),
        Recipient::Postmaster | Recipient::Relay => true,
    };
    by_name || decision.reason == Reason::System
}
