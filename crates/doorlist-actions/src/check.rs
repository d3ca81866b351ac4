//! `check`: the decision that a RCPT would get, on the same snapshot by the same function. Writes nothing.

use crate::action::{Action, Reach};
use crate::actions::Actions;
use crate::error::{ActionError, ErrorKind};
use doorlist_core::address::{Address, AddressError, DomainName};
use doorlist_core::policy::{Decision, Offer, Recipient, ReturnPath, SourceStanding, decide, decide_for};
use doorlist_core::sender_rules::Sender;
use doorlist_core::time::Timestamp;
use doorlist_store::recipients::{AddressEntry, ClaimRecord};
use serde::{Deserialize, Serialize};

/// Characters in which a domain may differ that is meant perhaps.
const TYPOS_MAX: usize = 2;

/// Asks what a RCPT for an address would be answered, and why, from a source that nothing is known against.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Check {
    /// As written, also `postmaster` alone.
    pub address: String,
    /// From this sender; without it the list alone is asked.
    #[serde(default)]
    pub from: Option<String>,
}

/// What a RCPT for an address would be answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckReport {
    pub address: String,
    /// The very decision that a RCPT would get.
    pub decision: Decision,
    /// Its reason as a sentence.
    pub sentence: String,
    /// The domain whose list was asked.
    pub domain: Option<DomainName>,
    /// The entry that decided, if one did and the store could be read.
    pub entry: Option<AddressEntry>,
    /// Sources that have the entry no more, and count for it a while.
    #[serde(default)]
    pub missing: Vec<MissingClaim>,
    /// A domain of a similar name, where the recipient's is none of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub near: Option<DomainName>,
}

/// A claim on an address that its source has no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingClaim {
    pub source: String,
    /// When the source was first read without the address.
    pub since: Timestamp,
    /// Until when the claim counts; the next reading of the whole source withdraws it.
    pub until: Timestamp,
}

impl MissingClaim {
    fn of(claim: &ClaimRecord) -> Option<Self> {
        let (since, until) = (claim.missing_since?, claim.counts_until()?);
        Some(Self { source: claim.source.to_string(), since, until })
    }
}

impl Action for Check {
    type Answer = CheckReport;

    /// The list of the recipient's domain; what is not looked up in a list is for the operator on the machine.
    fn reach(&self) -> Reach {
        match recipient_of(self.address.trim()) {
            Ok(Recipient::Address(address)) => Reach::domain(address.domain(), true),
            Ok(Recipient::Postmaster | Recipient::Relay) | Err(_) => Reach::Machine,
        }
    }

    async fn run(self, actions: &Actions) -> Result<CheckReport, ActionError> {
        let Self { address: text, from } = self;
        let recipients = &actions.services.recipients;
        let recipient = recipient_of(text.trim())
            .map_err(|e| ActionError::new(ErrorKind::Usage, format!("{text:?} is not a valid recipient: {e}")))?;
        let list = recipients.snapshot();
        let (source, now) = (SourceStanding::Normal, actions.now());
        let decision = match from {
            None => decide(&recipient, &list, ReturnPath::Address, source, now),
            Some(from) => {
                let (sender, return_path) = sender_of(from.trim())?;
                let offer = Offer { sender, return_path, size: None, size_max: u64::MAX, others: None };
                decide_for(&recipient, &list, source, now, &recipients.policies(), &offer)
            }
        };
        let domain = match &recipient {
            Recipient::Address(address) => list.domain(address.domain()).map(|domain| domain.name.clone()),
            Recipient::Postmaster | Recipient::Relay => None,
        };
        // Mail is judged while the store is away, so the check is too: it then lacks only the matched entry's name.
        let entry = match decision.matched.address_id() {
            Some(id) => recipients.entry_of(id).await.unwrap_or_default(),
            None => None,
        };
        let claims = entry.iter().flat_map(|entry: &AddressEntry| &entry.record.claims);
        let missing = claims.filter_map(MissingClaim::of).collect();
        let sentence = decision.reason.sentence().to_owned();
        let near = match &recipient {
            Recipient::Address(address) if domain.is_none() => nearest(address.domain(), list.domains().keys()),
            _ => None,
        };
        Ok(CheckReport { address: text, decision, sentence, domain, entry, missing, near })
    }
}

/// The name that differs in the fewest characters, at most [`TYPOS_MAX`] of them and fewer than half.
fn nearest<'a>(name: &DomainName, known: impl Iterator<Item = &'a DomainName>) -> Option<DomainName> {
    let typos_max = TYPOS_MAX.min(name.as_str().len() / 2);
    let near = known.map(|known| (strsim::osa_distance(name.as_str(), known.as_str()), known));
    near.filter(|(typos, _)| *typos <= typos_max).min().map(|(_, known)| known.clone())
}

/// A sender as people write it; `<>` or nothing is the null sender.
fn sender_of(text: &str) -> Result<(Sender, ReturnPath), ActionError> {
    let path = text.strip_prefix('<').and_then(|t| t.strip_suffix('>')).unwrap_or(text);
    match path.parse::<Address>() {
        Ok(address) => Ok((Sender::from(&address), ReturnPath::Address)),
        Err(_) if path.is_empty() => Ok((Sender::default(), ReturnPath::Null)),
        Err(e) => Err(ActionError::new(ErrorKind::Usage, format!("{text:?} is not a valid sender: {e}"))),
    }
}

/// A recipient as people write it: with or without angle brackets, `postmaster` alone, or with a source route.
fn recipient_of(text: &str) -> Result<Recipient, AddressError> {
    let path = text.strip_prefix('<').and_then(|t| t.strip_suffix('>')).unwrap_or(text);
    if path.eq_ignore_ascii_case("postmaster") {
        return Ok(Recipient::Postmaster);
    }
    let (path, source_route) = match path.strip_prefix('@').and_then(|route| route.split_once(':')) {
        Some((_, rest)) => (rest, true),
        None => (path, false),
    };
    let at = match path.strip_prefix('"') {
        Some(_) => path.rfind("\"@").map(|quote| quote + 1),
        None => path.rfind('@'),
    };
    let (local, domain) = path.split_at(at.ok_or(AddressError::NoAt)?);
    Recipient::from_path(local.as_bytes(), domain.trim_start_matches('@').as_bytes(), source_route)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_near_name_is_found_and_a_far_one_is_not() {
        let name = |text: &str| text.parse::<DomainName>().unwrap();
        let known = ["tiny.test", "example.test", "a.test"].map(name);
        let near = |text: &str| nearest(&name(text), known.iter()).map(|name| name.to_string());
        for (typed, meant) in [
            ("tyni.test", Some("tiny.test")),
            ("tiny.tst", Some("tiny.test")),
            ("exmaple.test", Some("example.test")),
            ("examplee.tesst", Some("example.test")),
            ("other.test", None),
            ("b.test", Some("a.test")),
            ("x.y", None),
        ] {
            assert_eq!(near(typed).as_deref(), meant, "{typed}");
        }
    }

    #[test]
    fn recipients_are_read_as_people_write_them() {
        let address = |text: &str| Recipient::Address(text.parse().unwrap());
        for (text, recipient) in [
            ("Ann@Example.test", address("ann@example.test")),
            ("<ann@example.test>", address("ann@example.test")),
            ("\"a@b\"@example.test", address("\"a@b\"@example.test")),
            ("PostMaster", Recipient::Postmaster),
            ("<postmaster>", Recipient::Postmaster),
            ("@a.test,@b.test:ann@example.test", Recipient::Relay),
            ("ann@[192.0.2.1]", Recipient::Relay),
            ("ann@other.test@example.test", Recipient::Relay),
        ] {
            assert_eq!(recipient_of(text), Ok(recipient), "{text}");
        }
        for text in ["", "ann", "@example.test", "ann@example..test", "a b@example.test"] {
            assert!(recipient_of(text).is_err(), "{text}");
        }
    }
}
