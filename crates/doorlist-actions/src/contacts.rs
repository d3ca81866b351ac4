//! Contacts: what the API keeps of them, and whether they get notices.

mod confirmation;
mod fields;

pub(crate) use fields::email_address;

use crate::action::{Action, Reach};
use crate::actions::Actions;
use crate::error::{ActionError, ErrorKind};
use confirmation::PAGE;
use doorlist_core::address::Address;
use doorlist_store::contact_book::KnownContact;
use serde::{Deserialize, Serialize};

/// Lists technical contacts of customers and domains, in the order of their numbers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ContactList {
    /// Only those that get no notices.
    pub unconfirmed: bool,
    pub after: u32,
}

/// A page of contacts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ContactPage {
    /// Those of the page that are wanted.
    pub contacts: Vec<KnownContact>,
    /// Where the next page begins; `None`: this was the last.
    pub next: Option<u32>,
}

impl Action for ContactList {
    type Answer = ContactPage;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    async fn run(self, actions: &Actions) -> Result<ContactPage, ActionError> {
        let page = actions.services.contacts.contacts(self.after, PAGE).await?;
        let next = page.last().map(|last| last.id);
        let is_wanted = |contact: &KnownContact| !self.unconfirmed || !contact.standing.is_told();
        Ok(ContactPage { contacts: page.into_iter().filter(is_wanted).collect(), next })
    }
}

/// Confirms an address by the operator's word, for every customer that names it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ContactConfirm {
    pub address: Address,
}

/// An address that is confirmed now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactConfirmed {
    /// Customers for whom it is confirmed.
    pub customers: u64,
}

impl Action for ContactConfirm {
    type Answer = ContactConfirmed;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    async fn run(self, actions: &Actions) -> Result<ContactConfirmed, ActionError> {
        let address = self.address;
        match actions.services.contacts.confirm_for_all_who_name(&address, actions.now()).await? {
            0 => {
                let message = format!(
                    "{address} is not a technical contact; nothing was confirmed. `contact list` shows the contacts"
                );
                Err(ActionError::new(ErrorKind::NotFound, message))
            }
            customers => Ok(ContactConfirmed { customers }),
        }
    }
}
