//! `check`: the decision that a RCPT would get, on the same snapshot by the same function. Writes nothing.

use crate::error::{ActionError, ErrorKind};
use crate::office::Office;
use crate::response::CheckReport;
use doorlist_core::address::{Address, AddressError};
use doorlist_core::policy::{Offer, Recipient, SourceStanding, decide, decide_for};
use doorlist_core::sender_rules::Sender;

impl Office {
    /// Decides as for a recipient of a source that nothing is known against; of the list alone, or of this sender.
    pub(crate) async fn check(&self, text: &str, from: Option<&str>) -> Result<CheckReport, ActionError> {
        let recipient = recipient_of(text.trim())
            .map_err(|e| ActionError::new(ErrorKind::Usage, format!("{text:?} is not a valid recipient: {e}")))?;
        let list = self.directory.snapshot();
        let (source, now) = (SourceStanding::Normal, (self.clock)());
        let decision = match from {
            None => decide(&recipient, &list, source, now),
            Some(from) => {
                let sender = sender_of(from.trim())?;
                let offer = Offer { sender, size: None, size_max: u64::MAX, size_of_others: None };
                decide_for(&recipient, &list, source, now, &self.directory.policies(), &offer)
            }
        };
        let domain = match &recipient {
            Recipient::Address(address) => list.domain(address.domain()).map(|domain| domain.name.clone()),
            Recipient::Postmaster | Recipient::Relay => None,
        };
        // Mail is judged while the store is away, so the check is too: it then lacks only the matched entry's name.
        let entry = match decision.matched.address_id() {
            Some(id) => self.directory.entry_of(id).await.unwrap_or_default(),
            None => None,
        };
        let sentence = decision.reason.sentence().to_owned();
        Ok(CheckReport { address: text.to_owned(), decision, sentence, domain, entry })
    }
}

/// A sender as people write it; `<>` or nothing is the null sender.
fn sender_of(text: &str) -> Result<Sender, ActionError> {
    let path = text.strip_prefix('<').and_then(|t| t.strip_suffix('>')).unwrap_or(text);
    match path.parse::<Address>() {
        Ok(address) => Ok(Sender::from(&address)),
        Err(_) if path.is_empty() => Ok(Sender::default()),
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
