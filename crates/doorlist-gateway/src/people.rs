//! The people of a domain whom the gateway tells by mail, each within the limits of the contact book.

use crate::relay::NoticeHandle;
use doorlist_core::address::Address;
use doorlist_core::domain::DomainId;
use doorlist_core::time::Timestamp;
use doorlist_store::contact_book::ContactOf;
use doorlist_store::{ContactBook, Logins, RecipientStore};

/// How people are told.
#[derive(Clone)]
pub(crate) struct People {
    pub(crate) recipients: RecipientStore,
    pub(crate) notices: NoticeHandle,
    /// The operator, who hears of everything.
    pub(crate) operator: Option<Address>,
}

impl People {
    /// Tells the operator and the technical contact of a domain. That a mail was not sent stands in the log of the relay.
    pub(crate) async fn tell(&self, domain: DomainId, (subject, text): (&str, &str), now: Timestamp) {
        let contacts = ContactBook::of(&self.recipients);
        if let Some(operator) = &self.operator
            && let Ok(Ok(permit)) = contacts.permit_operators_notice(operator, now).await
        {
            let _ = self.notices.send(vec![permit], subject, text).await;
        }
        if let Some(contact) = self.recipients.policies().technical_contact(domain) {
            self.tell_one(domain, contact, (subject, text), now).await;
        }
    }

    /// The same, and the admins of the domain.
    pub(crate) async fn tell_admins_too(&self, domain: DomainId, (subject, text): (&str, &str), now: Timestamp) {
        self.tell(domain, (subject, text), now).await;
        let contact = self.recipients.policies().technical_contact(domain).cloned();
        let admins = Logins::of(&self.recipients).admins_of(domain).await.unwrap_or_default();
        let mut admins: Vec<Address> = admins.iter().filter_map(|email| email.parse().ok()).collect();
        admins.sort();
        admins.dedup();
        for admin in admins.iter().filter(|admin| Some(*admin) != contact.as_ref()) {
            self.tell_one(domain, admin, (subject, text), now).await;
        }
    }

    /// Tells one address, if it is confirmed and not the operator's, who knows already.
    async fn tell_one(&self, domain: DomainId, to: &Address, (subject, text): (&str, &str), now: Timestamp) {
        if Some(to) == self.operator.as_ref() {
            return;
        }
        let contacts = ContactBook::of(&self.recipients);
        if let Ok(Ok(permit)) = contacts.permit_notice(ContactOf::Domain(domain), to, now).await {
            let _ = self.notices.send(vec![permit], subject, text).await;
        }
    }
}
