//! To which addresses mail of our own may go, and how often. Whoever sends a notice needs a [`MailPermit`], and only the
//! functions here make one: a contact outside of its customer's domains has to have confirmed, and every permit counts
//! towards the limits of its address, customer or domain. Must not know what a notice says, nor how it is sent.

mod confirmations;
mod list;
mod permits;

pub use confirmations::AskedContact;
pub use list::{ContactStanding, KnownContact};
pub use permits::{MailPermit, NoPermit};

use crate::db::{Db, Engine, Read, Tx, binds, columns_of};
use crate::error::StoreError;
use crate::recipients::RecipientStore;
use doorlist_core::access::{CustomerId, ResellerId};
use doorlist_core::address::Address;
use doorlist_core::domain::DomainId;
use doorlist_core::list::Match;
use doorlist_core::time::Timestamp;
use std::time::Duration;

/// A confirmation link can be used for so long.
pub const CONFIRMATION_TERM: Duration = Duration::from_hours(7 * 24);
/// Between two confirmation mails to one address, whoever has them sent.
pub const CONFIRMATION_GAP: Duration = Duration::from_hours(24);
/// Confirmation mails to one address in all.
pub const CONFIRMATIONS_PER_ADDRESS_MAX: u32 = 3;
/// Confirmation mails that one customer causes within [`DAY`].
pub const CONFIRMATIONS_PER_CUSTOMER_MAX: u32 = 20;
/// Notices to one address within [`DAY`].
pub const NOTICES_PER_ADDRESS_MAX: u32 = 10;
/// Notices to the contacts of one customer within [`HOUR`].
pub const NOTICES_PER_CUSTOMER_MAX: u32 = 60;
/// Copies to the operator's mailbox of what one domain's server refused, within [`HOUR`].
pub const COPIES_PER_DOMAIN_MAX: u32 = 10;
/// The window of limits per day.
pub const DAY: Duration = Duration::from_hours(24);
/// The window of limits per hour.
pub const HOUR: Duration = Duration::from_hours(1);
/// What was asked and confirmed is kept for so long when no contact has the address any more.
pub const CONFIRMATIONS_KEPT: Duration = Duration::from_hours(400 * 24);

/// The book, in the store of the list. A clone is another handle on the same.
#[derive(Clone)]
pub struct ContactBook {
    recipients: RecipientStore,
}

/// Whose contact an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContactOf {
    Customer(CustomerId),
    Domain(DomainId),
}

/// The customer in whose name an address is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Customer {
    id: CustomerId,
    reseller: ResellerId,
}

columns_of! { Customer { id, reseller } }

impl ContactBook {
    /// The book that lies beside this list.
    pub fn of(recipients: &RecipientStore) -> Self {
        Self { recipients: recipients.clone() }
    }

    fn db(&self) -> &Db {
        self.recipients.db()
    }

    /// Begins to count and to write: on PostgreSQL, too, one at a time, so that two nodes do not both take the last place.
    async fn begin_counting(&self) -> Result<Tx, StoreError> {
        let mut tx = self.db().begin().await?;
        if tx.engine() == Engine::Postgres {
            tx.execute("LOCK TABLE confirmation_mail, notice_sent IN SHARE ROW EXCLUSIVE MODE", &[]).await?;
        }
        Ok(tx)
    }

    async fn customer(&self, of: ContactOf) -> Result<Option<Customer>, StoreError> {
        let (sql, id) = match of {
            ContactOf::Customer(id) => ("SELECT id, reseller_id FROM customer WHERE id = $1", id.0),
            ContactOf::Domain(id) => (
                "SELECT c.id, c.reseller_id FROM customer AS c JOIN domain AS d ON d.customer_id = c.id WHERE d.id = $1",
                id.0,
            ),
        };
        self.db().value(sql, &binds![id]).await
    }

    /// How an address stands to a customer. One that asks for a relay behind its server never gets anything.
    async fn standing(&self, customer: Customer, address: &Address) -> Result<ContactStanding, StoreError> {
        const OWNER: &str = "SELECT customer_id FROM domain WHERE id = $1";
        const CONFIRMED: &str = "
            SELECT 1 FROM confirmed_address WHERE address = $1 AND (scope = 'all'
                OR (scope = 'reseller' AND scope_id = $2) OR (scope = 'customer' AND scope_id = $3)) LIMIT 1";
        if address.local().asks_for_relay() {
            return Ok(ContactStanding::Unlisted);
        }
        let list = self.recipients.snapshot();
        if let Some(domain) = list.domain(address.domain())
            && self.db().value(OWNER, &binds![domain.id]).await? == Some(customer.id)
        {
            return Ok(match list.lookup(domain, address) {
                Match::Mailbox(_) | Match::Alias(_) | Match::DistributionList(_) | Match::SubAddress(_) => {
                    ContactStanding::Own
                }
                _ => ContactStanding::Unlisted,
            });
        }
        let text = address.to_string();
        let confirmed = self.db().row(CONFIRMED, &binds![&text, customer.reseller, customer.id]).await?;
        Ok(if confirmed.is_some() { ContactStanding::Confirmed } else { ContactStanding::Unconfirmed })
    }

    /// Forgets what no limit counts any more, and confirmations that nobody needs.
    pub async fn forget(&self, now: Timestamp) -> Result<(), StoreError> {
        const MAILS: &str = "DELETE FROM confirmation_mail WHERE sent < $1";
        const CONFIRMED: &str = "
            DELETE FROM confirmed_address WHERE confirmed < $1
            AND NOT EXISTS (SELECT 1 FROM contact AS t WHERE t.email = confirmed_address.address)
            AND NOT EXISTS (SELECT 1 FROM login AS l WHERE l.email = confirmed_address.address)";
        let mut tx = self.begin_counting().await?;
        tx.execute("DELETE FROM notice_sent WHERE sent <= $1", &binds![now - DAY]).await?;
        tx.execute(MAILS, &binds![now - CONFIRMATIONS_KEPT]).await?;
        tx.execute(CONFIRMED, &binds![now - CONFIRMATIONS_KEPT]).await?;
        tx.commit().await
    }
}

/// What limits count an address as: a tag makes no other mailbox of it.
fn mailbox(address: &Address) -> String {
    let local = address.local().as_str();
    let base = local.split('+').next().filter(|base| !base.is_empty()).unwrap_or(local);
    format!("{base}@{}", address.domain())
}
