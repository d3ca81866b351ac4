//! What was asked for of a domain while it was on no list, judged by the list as it is now: what preview, completeness and
//! the unlisted recipients are made from.

use crate::actions::Actions;
use crate::error::{ActionError, ErrorKind};
use doorlist_core::address::{Address, DomainName};
use doorlist_core::domain::DomainId;
use doorlist_core::list::Snapshot;
use doorlist_core::policy::{Decision, Recipient, ReturnPath, SourceStanding, decide};
use doorlist_core::preview::AskedOutcome;
use doorlist_core::time::Timestamp;
use doorlist_store::mail_log::{AskedRecipient, HourCount};
use std::sync::Arc;
use std::time::Duration;

/// What was asked for since a moment.
pub(super) struct AskedOfDomain {
    pub(super) domain: DomainName,
    pub(super) id: DomainId,
    pub(super) since: Timestamp,
    pub(super) list: Arc<Snapshot>,
    recipients: Vec<(Box<str>, AskedRecipient)>,
    pub(super) hours: Vec<HourCount>,
}

impl Actions {
    /// What was asked for in the last days.
    pub(super) async fn asked_of_domain(&self, name: &DomainName, days: u16) -> Result<AskedOfDomain, ActionError> {
        if days == 0 {
            return Err(ActionError::new(ErrorKind::Usage, "ask for one day at least"));
        }
        let domain = self.services.domain_details(name).await?.summary.name;
        let list = self.services.recipients.snapshot();
        let Some(id) = list.domain(&domain).map(|domain| domain.id) else { return Err(ActionError::NotFound) };
        let since = self.now() - Duration::from_hours(24 * u64::from(days));
        let recipients = self.services.mail_log.asked_recipients(id, since).await?.into_iter().collect();
        let hours = self.services.mail_log.asked_hours(Some(id), since).await?;
        Ok(AskedOfDomain { domain, id, since, list, recipients, hours })
    }
}

impl AskedOfDomain {
    /// Each recipient that was asked for, with the decision on it now. An address that is none is left out.
    pub(super) fn judged(&self, now: Timestamp) -> impl Iterator<Item = (Address, Decision, &AskedRecipient)> {
        self.recipients.iter().filter_map(move |(text, asked)| {
            // As a recipient, whose local part may be longer than that of an entry of the list.
            let (local, domain) = text.rsplit_once('@')?;
            let address = Address::of_recipient(local.as_bytes(), domain.as_bytes()).ok()?;
            let sender = if asked.is_of_bounces() { ReturnPath::Null } else { ReturnPath::Address };
            let decision = self.decide(&address, sender, now);
            Some((address, decision, asked))
        })
    }

    pub(super) fn decide(&self, address: &Address, sender: ReturnPath, now: Timestamp) -> Decision {
        decide(&Recipient::Address(address.clone()), &self.list, sender, SourceStanding::Normal, now)
    }

    /// RCPTs for recipients of which a day has no names any more.
    pub(super) fn unnamed(&self) -> u64 {
        let at_rcpt = |count: &&HourCount| {
            !matches!(count.outcome, AskedOutcome::Received | AskedOutcome::Taken | AskedOutcome::Listed)
        };
        let all: u64 = self.hours.iter().filter(at_rcpt).map(|count| count.times).sum();
        all.saturating_sub(self.recipients.iter().map(|(_, asked)| asked.history.times()).sum())
    }
}

/// The domains of senders as an answer has them: an empty one is the null sender.
pub(super) fn sender_domains(asked: &AskedRecipient) -> Vec<String> {
    let mut domains: Vec<String> = asked
        .sender_domains()
        .map(|domain| if domain == doorlist_store::mail_log::NULL_SENDER { String::new() } else { domain.to_owned() })
        .collect();
    domains.sort_unstable();
    domains
}
