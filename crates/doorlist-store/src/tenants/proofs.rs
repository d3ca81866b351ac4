//! Domains that a customer wants and has yet to prove to be theirs. Must not know what a proof is.

use super::Tenants;
use crate::db::{Bind, Read};
use crate::error::StoreError;
use doorlist_core::access::CustomerId;
use doorlist_core::address::DomainName;
use doorlist_core::time::Timestamp;

impl Tenants {
    /// The token that shows up in the proof of this wish: the one that was kept, or this new one.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn claim_token(
        &self,
        name: &DomainName,
        customer: CustomerId,
        fresh: &str,
        now: Timestamp,
    ) -> Result<String, StoreError> {
        const PUT: &str = "
            INSERT INTO domain_claim (name, customer_id, token, made) VALUES ($1, $2, $3, $4)
            ON CONFLICT (name, customer_id) DO NOTHING";
        const GET: &str = "SELECT token FROM domain_claim WHERE name = $1 AND customer_id = $2";
        let (name, customer) = (Bind::Text(name.as_str()), Bind::Int(customer.0.into()));
        let mut tx = self.db.begin().await?;
        tx.execute(PUT, &[name, customer, Bind::Text(fresh), Bind::Int(now.as_millis())]).await?;
        let row = tx.row(GET, &[name, customer]).await?;
        let token = row.map_or_else(|| Ok(fresh.to_owned()), |row| row.text(0).map(str::to_owned))?;
        tx.commit().await?;
        Ok(token)
    }

    /// Forgets the wishes for a domain, whoever had them.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn forget_claims(&self, name: &DomainName) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        tx.execute("DELETE FROM domain_claim WHERE name = $1", &[Bind::Text(name.as_str())]).await?;
        tx.commit().await
    }
}
