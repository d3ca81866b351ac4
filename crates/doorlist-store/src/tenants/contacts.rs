//! Contacts: who is reached about a reseller, a customer, a domain or an account. Must not know what they are told.

use super::Tenants;
use crate::db::{Read, Tx, binds};
use crate::error::StoreError;
use crate::limits::{CONTACTS_MAX, Full};
use crate::numbers::take_number;
use doorlist_core::time::Timestamp;

/// Whose contact it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContactOwner {
    Reseller,
    Customer,
    Domain,
    Account,
}

/// What is known of a contact.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContactFields {
    pub email: String,
    pub first_name: String,
    pub last_name: String,
    /// First line of the postal address.
    pub address: Option<String>,
    pub address2: Option<String>,
    pub city: String,
    pub state: String,
    pub country: String,
    pub zipcode: Option<String>,
    pub phone: Option<String>,
    /// Is told of technical matters.
    pub is_technical: bool,
    pub is_billing: bool,
    pub is_emergency: bool,
}

impl Tenants {
    /// Adds a contact; gives its number. [`CONTACTS_MAX`] of one owner.
    ///
    /// # Errors
    /// When the store fails, or its owner is gone.
    pub async fn add_contact(
        &self,
        of: ContactOwner,
        owner: u32,
        fields: &ContactFields,
        now: Timestamp,
    ) -> Result<Result<u32, Full>, StoreError> {
        let (sql, count, what) = statements(of);
        let is_told = fields.is_technical && matches!(of, ContactOwner::Customer | ContactOwner::Domain);
        let mut tx = self.begin_contact(is_told).await?;
        // Numbers are given one at a time, so that one writer counts at a time.
        let id: u32 = take_number(&mut tx, "contact").await?;
        let full = Full { what, limit: CONTACTS_MAX };
        if let Err(full) = full.unless_room(&mut tx, count, owner).await? {
            return Ok(Err(full));
        }
        tx.execute(sql, &binds![id, owner, &fields.email, now]).await?;
        write(&mut tx, id, fields, now).await?;
        self.commit_contact(tx, is_told).await?;
        Ok(Ok(id))
    }

    /// Writes what is known of a contact now.
    pub async fn put_contact(&self, id: u32, fields: &ContactFields, now: Timestamp) -> Result<(), StoreError> {
        let is_told = self.may_be_told(id).await?;
        let mut tx = self.begin_contact(is_told).await?;
        write(&mut tx, id, fields, now).await?;
        self.commit_contact(tx, is_told).await
    }

    pub async fn remove_contact(&self, id: u32) -> Result<(), StoreError> {
        let is_told = self.may_be_told(id).await?;
        let mut tx = self.begin_contact(is_told).await?;
        tx.execute("DELETE FROM contact WHERE id = $1", &binds![id]).await?;
        self.commit_contact(tx, is_told).await
    }

    /// Whether the gateway may tell this contact anything: one of a customer or domain. Whether it is a technical one is
    /// not looked at, as that may change before we write.
    async fn may_be_told(&self, id: u32) -> Result<bool, StoreError> {
        const SQL: &str = "
            SELECT id FROM contact WHERE id = $1 AND (customer_id IS NOT NULL OR domain_id IS NOT NULL)";
        Ok((&self.db).row(SQL, &binds![id]).await?.is_some())
    }

    async fn begin_contact(&self, is_told: bool) -> Result<Tx, StoreError> {
        if is_told { self.db.begin_policy().await } else { self.db.begin().await }
    }

    async fn commit_contact(&self, tx: Tx, is_told: bool) -> Result<(), StoreError> {
        if is_told { self.commit_policy(tx).await } else { tx.commit().await }
    }
}

/// What adds a contact whose owner is in this column, what counts those that it has, and what they are.
macro_rules! statements {
    ($column:literal, $owner:literal) => {
        (
            concat!("INSERT INTO contact (id, ", $column, ", email, created, updated) VALUES ($1, $2, $3, $4, $4)"),
            concat!("SELECT COUNT(*) FROM (SELECT 1 FROM contact WHERE ", $column, " = $1 LIMIT $2) AS found"),
            concat!("contacts of this ", $owner),
        )
    };
}

fn statements(of: ContactOwner) -> (&'static str, &'static str, &'static str) {
    match of {
        ContactOwner::Reseller => statements!("reseller_id", "reseller"),
        ContactOwner::Customer => statements!("customer_id", "customer"),
        ContactOwner::Domain => statements!("domain_id", "domain"),
        ContactOwner::Account => statements!("address_id", "email account"),
    }
}

async fn write(tx: &mut Tx, id: u32, fields: &ContactFields, now: Timestamp) -> Result<(), StoreError> {
    const SQL: &str = "
        UPDATE contact SET email = $2, first_name = $3, last_name = $4, address = $5, address2 = $6, city = $7,
            state = $8, country = $9, zipcode = $10, phone = $11, is_technical = $12, is_billing = $13,
            is_emergency = $14, updated = $15
        WHERE id = $1";
    let ContactFields { email, first_name, last_name, city, state, country, .. } = fields;
    let ContactFields { address, address2, zipcode, phone, .. } = fields;
    let [address, address2, zipcode, phone] = [address, address2, zipcode, phone].map(Option::as_deref);
    let ContactFields { is_technical, is_billing, is_emergency, .. } = *fields;
    let person = binds![id, email, first_name, last_name];
    let place = binds![address, address2, city, state, country, zipcode, phone];
    let told = binds![is_technical, is_billing, is_emergency, now];
    tx.execute(SQL, &[&person[..], &place, &told].concat()).await.map(drop)
}
