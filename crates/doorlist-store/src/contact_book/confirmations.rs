//! Confirming an address: by the link of a mail that asked, or by the operator's word.

use super::ContactBook;
use crate::db::{Read, Tx, binds};
use crate::error::StoreError;
use crate::tenants::scope_columns;
use doorlist_core::access::{CustomerId, Scope};
use doorlist_core::address::Address;
use doorlist_core::time::Timestamp;

/// What a confirmation link is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedContact {
    pub address: Address,
    /// For which customer, by its name as the tenant wrote it.
    pub customer: String,
}

impl ContactBook {
    /// What a link is about that can still be used. Changes nothing.
    pub async fn asked(&self, token_hash: &str, now: Timestamp) -> Result<Option<AskedContact>, StoreError> {
        const SQL: &str = "
            SELECT m.address, c.name FROM confirmation_mail AS m JOIN customer AS c ON c.id = m.customer_id
            WHERE m.token_hash = $1 AND m.used IS NULL AND m.expires > $2";
        let row = self.db().row(SQL, &binds![token_hash, now]).await?;
        let Some(row) = row else { return Ok(None) };
        let address =
            row.text(0)?.parse().map_err(|_| StoreError::corrupt("confirmation_mail", "no address".to_owned()))?;
        Ok(Some(AskedContact { address, customer: row.get(1)? }))
    }

    /// Uses a link up and confirms its address for its customer; false if it cannot be used (any more).
    pub async fn confirm_by_link(&self, token_hash: &str, now: Timestamp) -> Result<bool, StoreError> {
        const USE: &str = "
            UPDATE confirmation_mail SET used = $2 WHERE token_hash = $1 AND used IS NULL AND expires > $2
            AND EXISTS (SELECT 1 FROM customer AS c WHERE c.id = confirmation_mail.customer_id)";
        const FIND: &str = "SELECT address, customer_id FROM confirmation_mail WHERE token_hash = $1";
        let mut tx = self.db().begin().await?;
        let used = tx.execute(USE, &binds![token_hash, now]).await?;
        let found = tx.row(FIND, &binds![token_hash]).await?;
        let Some(row) = found.filter(|_| used > 0) else { return Ok(false) };
        confirm(&mut tx, row.text(0)?, Scope::Customer(row.get(1)?), "link", now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Confirms an address within a scope, because the operator says so.
    pub async fn confirm_by_operator(
        &self,
        address: &Address,
        within: Scope,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.db().begin().await?;
        confirm(&mut tx, &address.to_string(), within, "command", now).await?;
        tx.commit().await
    }

    /// Confirms an address for every customer that has it as a contact, its own or a domain's, because the operator says
    /// so; how many customers they are.
    pub async fn confirm_for_all_who_name(&self, address: &Address, now: Timestamp) -> Result<u64, StoreError> {
        const NAMED_BY: &str = "
            SELECT DISTINCT c.id FROM contact AS t LEFT JOIN domain AS d ON d.id = t.domain_id
            JOIN customer AS c ON c.id = COALESCE(t.customer_id, d.customer_id)
            WHERE t.email = $1 OR LOWER(t.email) = $1";
        let text = address.to_string();
        let mut tx = self.db().begin().await?;
        let customers: Vec<CustomerId> = tx.list(NAMED_BY, &binds![&text]).await?;
        for id in &customers {
            confirm(&mut tx, &text, Scope::Customer(*id), "command", now).await?;
        }
        tx.commit().await?;
        Ok(customers.len() as u64)
    }
}

/// What was confirmed before keeps its time.
async fn confirm(tx: &mut Tx, address: &str, within: Scope, way: &str, now: Timestamp) -> Result<(), StoreError> {
    const SQL: &str = "
        INSERT INTO confirmed_address (address, scope, scope_id, confirmed, way) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (address, scope, scope_id) DO NOTHING";
    let (word, id) = scope_columns(within);
    tx.execute(SQL, &binds![address, word, id, now, way]).await.map(drop)
}
