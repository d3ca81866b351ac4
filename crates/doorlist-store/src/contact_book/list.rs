//! The contacts that may be told something: technical ones of customers and domains, each with its standing.

use super::{ContactBook, Customer};
use crate::db::{Read, Row, binds};
use crate::error::StoreError;
use doorlist_core::access::CustomerId;
use doorlist_core::address::{Address, DomainName};
use doorlist_core::time::Timestamp;
use serde::{Deserialize, Serialize};

/// How an address stands to the customer that named it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContactStanding {
    /// Listed in one of the customer's own domains: gets notices.
    Own,
    /// In one of them and not on its list, or asking for a relay: gets nothing.
    Unlisted,
    /// Elsewhere, and confirmed: gets notices.
    Confirmed,
    /// Elsewhere, and not confirmed: may be asked, and gets nothing else.
    Unconfirmed,
}

impl ContactStanding {
    /// Whether it gets notices.
    pub fn is_told(self) -> bool {
        matches!(self, ContactStanding::Own | ContactStanding::Confirmed)
    }
}

/// A contact that may be told something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownContact {
    pub id: u32,
    /// Its address as it is kept.
    pub address: String,
    /// Whose contact it is.
    pub customer: CustomerId,
    pub customer_name: String,
    /// Of this domain alone.
    pub domain: Option<DomainName>,
    /// When it was last asked for the customer.
    pub asked: Option<Timestamp>,
    pub standing: ContactStanding,
}

macro_rules! contacts {
    ($only:literal) => {
        concat!(
            "SELECT t.id, t.email, c.id, c.reseller_id, c.name, d.name,
                    (SELECT MAX(m.sent) FROM confirmation_mail AS m WHERE m.address = t.email AND m.customer_id = c.id)
             FROM contact AS t LEFT JOIN domain AS d ON d.id = t.domain_id
             JOIN customer AS c ON c.id = COALESCE(t.customer_id, d.customer_id)
             WHERE t.is_technical AND t.id > $1 ",
            $only,
            " ORDER BY t.id LIMIT $2"
        )
    };
}

impl ContactBook {
    /// Contacts behind this number, in its order.
    pub async fn contacts(&self, after: u32, limit: u32) -> Result<Vec<KnownContact>, StoreError> {
        const SQL: &str = contacts!("");
        let rows = self.db().rows(SQL, &binds![after, limit]).await?;
        self.known(&rows).await
    }

    /// The same, without those that are surely confirmed or have a link that can still be used.
    pub async fn contacts_to_ask(
        &self,
        after: u32,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<KnownContact>, StoreError> {
        const SQL: &str = contacts!(
            "AND NOT EXISTS (SELECT 1 FROM confirmed_address AS f
                             WHERE f.address = t.email AND f.scope = 'customer' AND f.scope_id = c.id)
             AND NOT EXISTS (SELECT 1 FROM confirmation_mail AS m WHERE m.address = t.email
                             AND m.customer_id = c.id AND m.used IS NULL AND m.expires > $3)"
        );
        let rows = self.db().rows(SQL, &binds![after, limit, now]).await?;
        self.known(&rows).await
    }

    async fn known(&self, rows: &[Row]) -> Result<Vec<KnownContact>, StoreError> {
        let mut contacts = Vec::with_capacity(rows.len());
        for row in rows {
            let customer: Customer = row.get(2)?;
            let standing = match row.text(1)?.parse::<Address>() {
                Ok(address) => self.standing(customer, &address).await?,
                // What is no address is told nothing.
                Err(_) => ContactStanding::Unlisted,
            };
            contacts.push(KnownContact {
                id: row.get(0)?,
                address: row.get(1)?,
                customer: customer.id,
                customer_name: row.get(4)?,
                domain: row.get(5)?,
                asked: row.get(6)?,
                standing,
            });
        }
        Ok(contacts)
    }
}
