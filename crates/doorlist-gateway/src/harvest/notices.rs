//! Tells people when the state of a domain changes: in the log, as an event, and by mail to the operator and the domain's
//! technical contact, within the limits of the contact book.

use super::HarvestDefence;
use super::domains::ChangedState;
use crate::journal::FieldValue;
use doorlist_core::address::{Address, DomainName};
use doorlist_core::domain::DomainId;
use doorlist_core::harvest::AttackState;
use doorlist_core::time::Timestamp;
use doorlist_store::ContactBook;
use doorlist_store::contact_book::ContactOf;

impl HarvestDefence {
    /// Tells of a change.
    pub(super) async fn tell_of_state(&self, change: ChangedState, now: Timestamp) {
        let Some(name) = self.name_of(change.domain) else { return };
        let rate = u64::from(change.rate);
        let event = format!("harvest defence: {name} is {}, was {};", change.now.word(), change.before.word());
        self.tell(&event, &[("unknown_names", FieldValue::Num(rate))]);
        let detail = format!("was {}, {rate} unknown names in ten minutes", change.before.word());
        self.event(now, change.now.word(), name.as_str(), Some(change.domain), &detail);
        self.metrics.changed(change.now);
        let (subject, text) = message(&name, &change);
        let contacts = ContactBook::of(&self.parts.recipients);
        if let Some(operator) = &self.parts.operator
            && let Ok(Ok(permit)) = contacts.permit_operators_notice(operator, now).await
        {
            // That it was not sent stands in the log of the relay.
            let _ = self.parts.notices.send(vec![permit], &subject, &text).await;
        }
        if let Some(contact) = self.technical_contact(change.domain)
            && let Ok(Ok(permit)) = contacts.permit_notice(ContactOf::Domain(change.domain), &contact, now).await
        {
            let _ = self.parts.notices.send(vec![permit], &subject, &text).await;
        }
    }

    fn technical_contact(&self, domain: DomainId) -> Option<Address> {
        let policies = self.parts.recipients.policies();
        let contact = policies.technical_contact(domain)?;
        (Some(contact) != self.parts.operator.as_ref()).then(|| contact.clone())
    }

    fn name_of(&self, id: DomainId) -> Option<DomainName> {
        let list = self.parts.recipients.snapshot();
        list.domains().values().find(|domain| domain.id == id).map(|domain| domain.name.clone())
    }
}

fn message(name: &DomainName, change: &ChangedState) -> (String, String) {
    let rate = change.rate;
    match change.now {
        AttackState::Normal => (
            format!("The harvest attack on {name} is over"),
            format!(
                "{name} is in the normal state again. Nothing has to be done.\n\nLook back: doorlist harvest status {name}\n"
            ),
        ),
        AttackState::Elevated => (
            format!("Many unknown recipients at {name}"),
            format!(
                "Within ten minutes, {rate} different unknown recipients of {name} were asked for. The domain's own server \
                 is asked about unlisted recipients for senders with a good record only. Listed recipients are accepted as \
                 before.\n\nLook: doorlist harvest status {name}\n"
            ),
        ),
        AttackState::Attack => (
            format!("Harvest attack on {name}"),
            format!(
                "Within ten minutes, {rate} different unknown recipients of {name} were asked for. Senders without a good \
                 record are deferred, whether their recipient exists or not; a retry after five minutes is judged normally. \
                 This ends with the attack, at the latest after 4 hours.\n\n\
                 Look: doorlist harvest status {name}\n\
                 End it: doorlist harvest release {name}\n\
                 Let it go on for longer: doorlist harvest extend {name} --for 12h\n"
            ),
        ),
    }
}
