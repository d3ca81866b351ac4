//! Resellers, customers and branding: added, changed, removed. Names are unique, whoever owns them: the command line and
//! the change log call a customer by its name. Must not know who may do it.

use super::owners::{OPERATOR, add_branding, insert_customer, scope_columns};
use super::{Tenants, removed};
use crate::db::{Read, Tx, binds};
use crate::error::StoreError;
use crate::limits::{CUSTOMERS_MAX, Full};
use crate::numbers::{lock_numbers, take_number};
use doorlist_core::access::{CustomerId, ResellerId, Scope};
use doorlist_core::address::DomainName;
use doorlist_core::time::Timestamp;

/// The name belongs to somebody already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameTaken;

/// Why a customer was not written. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CustomerRefused {
    #[error("there is a customer of this name already")]
    Taken,
    /// Its reseller has as many as it may have.
    #[error(transparent)]
    Full(Full),
}

/// What is set for a reseller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResellerFields {
    pub name: String,
    /// Its pages may look its own way.
    pub allow_branding: bool,
    /// Its customers' pages may look their own way.
    pub allow_customer_branding: bool,
}

/// What is set for a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerFields {
    pub name: String,
    /// Whose customer it is.
    pub reseller: ResellerId,
    /// Its pages may look their own way.
    pub allow_branding: bool,
    /// A note: all of its users are listed.
    pub is_full_user_list: bool,
    /// How many users it says that it has.
    pub reported_user_count: Option<i64>,
}

/// What of it is to be changed; `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomerPatch {
    pub name: Option<String>,
    pub reseller: Option<ResellerId>,
    pub allow_branding: Option<bool>,
    pub is_full_user_list: Option<bool>,
    /// See there; `Some(None)`: it says nothing.
    pub reported_user_count: Option<Option<i64>>,
}

impl Tenants {
    pub async fn add_reseller(
        &self,
        fields: &ResellerFields,
        now: Timestamp,
    ) -> Result<Result<ResellerId, NameTaken>, StoreError> {
        const SQL: &str = "
            INSERT INTO reseller (id, name, allow_branding, allow_customer_branding, created, updated)
            VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT (name) DO NOTHING";
        let mut tx = self.db.begin().await?;
        let id: ResellerId = take_number(&mut tx, "reseller").await?;
        let ResellerFields { name, allow_branding, allow_customer_branding } = fields;
        let binds = binds![id, name, *allow_branding, *allow_customer_branding, now];
        if tx.execute(SQL, &binds).await? == 0 {
            return Ok(Err(NameTaken));
        }
        add_branding(&mut tx, Scope::Reseller(id), now).await?;
        tx.commit().await?;
        Ok(Ok(id))
    }

    /// Writes what is set for a reseller now.
    pub async fn put_reseller(
        &self,
        id: ResellerId,
        fields: &ResellerFields,
        now: Timestamp,
    ) -> Result<Result<(), NameTaken>, StoreError> {
        const FREE: &str = "SELECT id FROM reseller WHERE name = $1 AND id <> $2";
        const SQL: &str = "
            UPDATE reseller SET name = $2, allow_branding = $3, allow_customer_branding = $4, updated = $5 WHERE id = $1";
        let mut tx = self.db.begin().await?;
        lock_numbers(&mut tx, "reseller").await?;
        if tx.row(FREE, &binds![&fields.name, id]).await?.is_some() {
            return Ok(Err(NameTaken));
        }
        let ResellerFields { name, allow_branding, allow_customer_branding } = fields;
        tx.execute(SQL, &binds![id, name, *allow_branding, *allow_customer_branding, now]).await?;
        tx.commit().await?;
        Ok(Ok(()))
    }

    /// Removes a reseller that has no customers left.
    ///
    /// # Errors
    /// When the store fails, or it has customers still.
    pub async fn remove_reseller(&self, id: ResellerId) -> Result<(), StoreError> {
        let tx = self.db.begin_policy().await?;
        self.remove(tx, "DELETE FROM reseller WHERE id = $1", Scope::Reseller(id)).await
    }

    /// Adds a customer. [`CUSTOMERS_MAX`] of one reseller, but the operator's own.
    pub async fn add_customer(
        &self,
        fields: &CustomerFields,
        now: Timestamp,
    ) -> Result<Result<CustomerId, CustomerRefused>, StoreError> {
        let mut tx = self.db.begin().await?;
        lock_numbers(&mut tx, "customer").await?;
        if tx.row("SELECT id FROM customer WHERE name = $1", &binds![&fields.name]).await?.is_some() {
            return Ok(Err(CustomerRefused::Taken));
        }
        let id = insert_customer(&mut tx, fields.reseller, &fields.name, now).await?;
        let set = CustomerPatch {
            allow_branding: Some(fields.allow_branding),
            is_full_user_list: Some(fields.is_full_user_list),
            reported_user_count: Some(fields.reported_user_count),
            ..CustomerPatch::default()
        };
        write_customer(&mut tx, id, &set, now).await?;
        if let Err(full) = has_no_more_than_may_be(&mut tx, fields.reseller).await? {
            return Ok(Err(CustomerRefused::Full(full)));
        }
        tx.commit().await?;
        Ok(Ok(id))
    }

    /// Changes what is set for a customer.
    pub async fn put_customer(
        &self,
        id: CustomerId,
        patch: &CustomerPatch,
        now: Timestamp,
    ) -> Result<Result<(), CustomerRefused>, StoreError> {
        const FREE: &str = "SELECT id FROM customer WHERE name = $1 AND id <> $2";
        let mut tx = self.db.begin().await?;
        lock_numbers(&mut tx, "customer").await?;
        if let Some(name) = &patch.name
            && tx.row(FREE, &binds![name, id]).await?.is_some()
        {
            return Ok(Err(CustomerRefused::Taken));
        }
        write_customer(&mut tx, id, patch, now).await?;
        if let Some(reseller) = patch.reseller
            && let Err(full) = has_no_more_than_may_be(&mut tx, reseller).await?
        {
            return Ok(Err(CustomerRefused::Full(full)));
        }
        tx.commit().await?;
        Ok(Ok(()))
    }

    /// Removes a customer that has no domains left. It comes back if the removal of its domains is undone.
    ///
    /// # Errors
    /// When the store fails, or it has domains still.
    pub async fn remove_customer(&self, id: CustomerId, now: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.db.begin_policy().await?;
        removed::keep(&mut tx, id, now).await?;
        self.remove(tx, "DELETE FROM customer WHERE id = $1", Scope::Customer(id)).await
    }

    /// Gives a domain alias the number and the date of the one that it was under another name, or of another domain.
    pub async fn keep_domain_alias(&self, name: &DomainName, id: u32, created: Timestamp) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE domain_alias SET id = $2, created = $3 WHERE name = $1";
        self.db.execute(SQL, &binds![name, id, created]).await.map(drop)
    }

    /// Writes how a tenant's pages look now: a JSON object.
    pub async fn put_branding(&self, id: u32, settings: &str, now: Timestamp) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE branding SET settings = $2, updated = $3 WHERE id = $1";
        self.db.execute(SQL, &binds![id, settings, now]).await.map(drop)
    }

    /// Its grants go with it; a login that has none left can do nothing.
    async fn remove(&self, mut tx: Tx, sql: &'static str, scope: Scope) -> Result<(), StoreError> {
        let (word, id) = scope_columns(scope);
        let grants = "DELETE FROM login_grant WHERE scope = $1 AND scope_id = $2";
        tx.execute(grants, &binds![word, id]).await?;
        tx.execute(sql, &binds![id]).await?;
        self.commit_policy(tx).await
    }
}

async fn write_customer(tx: &mut Tx, id: CustomerId, patch: &CustomerPatch, now: Timestamp) -> Result<(), StoreError> {
    // What is not given is not touched: somebody else may be writing it.
    const SQL: &str = "
        UPDATE customer SET name = COALESCE($2, name), reseller_id = COALESCE($3, reseller_id),
            allow_branding = COALESCE($4, allow_branding), is_full_user_list = COALESCE($5, is_full_user_list),
            reported_user_count = CASE WHEN $8 THEN $6 ELSE reported_user_count END, updated = $7
        WHERE id = $1";
    let CustomerPatch { name, reseller, allow_branding, is_full_user_list, reported_user_count: count } = patch;
    let (name, reseller) = (name.as_deref(), reseller.map(|id| i64::from(id.0)));
    let (reported, is_reported) = (count.flatten(), count.is_some());
    let binds = binds![id, name, reseller, *allow_branding, *is_full_user_list, reported, now, is_reported];
    tx.execute(SQL, &binds).await.map(drop)
}

/// Looked at behind the write, and behind the reseller's lock: one writer counts at a time.
async fn has_no_more_than_may_be(tx: &mut Tx, reseller: ResellerId) -> Result<Result<(), Full>, StoreError> {
    const LOCK: &str = "SELECT id FROM reseller WHERE id = $1 FOR UPDATE";
    const COUNT: &str = "SELECT COUNT(*) FROM (SELECT 1 FROM customer WHERE reseller_id = $1 LIMIT $2) AS found";
    if reseller == OPERATOR {
        return Ok(Ok(()));
    }
    tx.row(LOCK, &binds![reseller]).await?;
    let customers: Option<u32> = tx.value(COUNT, &binds![reseller, CUSTOMERS_MAX + 1]).await?;
    let is_too_many = customers > Some(CUSTOMERS_MAX);
    Ok(if is_too_many { Err(Full { what: "customers of this reseller", limit: CUSTOMERS_MAX }) } else { Ok(()) })
}

impl Default for CustomerFields {
    fn default() -> Self {
        Self {
            name: String::new(),
            reseller: OPERATOR,
            allow_branding: false,
            is_full_user_list: false,
            reported_user_count: None,
        }
    }
}
