//! Domains that a customer wants and has yet to prove to be theirs. Must not know what a proof is.

use super::Tenants;
use crate::db::{Bind, Read};
use crate::error::StoreError;
use doorlist_core::access::CustomerId;
use doorlist_core::address::DomainName;
use doorlist_core::time::Timestamp;
use std::time::Duration;

/// Domains that one customer has yet to prove, at most.
pub const VERIFICATIONS_MAX: u32 = 1_000;
/// A wish is forgotten after this time; whoever has it still gets another token.
const CLAIM_AGE_MAX: Duration = Duration::from_hours(30 * 24);

impl Tenants {
    /// The token that shows up in the proof of this wish: the one that was kept, or this new one. `None`: the customer has
    /// [`VERIFICATIONS_MAX`] wishes already.
    pub async fn verification_token(
        &self,
        name: &DomainName,
        customer: CustomerId,
        fresh: &str,
        now: Timestamp,
    ) -> Result<Option<String>, StoreError> {
        const OLD: &str = "DELETE FROM domain_claim WHERE customer_id = $1 AND made < $2";
        const COUNT: &str = "SELECT COUNT(*) FROM domain_claim WHERE customer_id = $1 AND name <> $2";
        const PUT: &str = "
            INSERT INTO domain_claim (name, customer_id, token, made) VALUES ($1, $2, $3, $4)
            ON CONFLICT (name, customer_id) DO NOTHING";
        const GET: &str = "SELECT token FROM domain_claim WHERE name = $1 AND customer_id = $2";
        let (name, customer) = (Bind::Text(name.as_str()), Bind::Int(customer.0.into()));
        let mut tx = self.db.begin().await?;
        let old = now.as_millis().saturating_sub(i64::try_from(CLAIM_AGE_MAX.as_millis()).unwrap_or(i64::MAX));
        tx.execute(OLD, &[customer, Bind::Int(old)]).await?;
        let others = tx.row(COUNT, &[customer, name]).await?.map_or(Ok(0), |row| row.int(0))?;
        if others >= VERIFICATIONS_MAX.into() {
            return Ok(None);
        }
        tx.execute(PUT, &[name, customer, Bind::Text(fresh), Bind::Int(now.as_millis())]).await?;
        let row = tx.row(GET, &[name, customer]).await?;
        let token = row.map_or_else(|| Ok(fresh.to_owned()), |row| row.text(0).map(str::to_owned))?;
        tx.commit().await?;
        Ok(Some(token))
    }

    /// Forgets a customer's wish for a domain. Others keep theirs, with the same token: that it changed would tell them.
    pub async fn forget_verification(&self, name: &DomainName, customer: CustomerId) -> Result<(), StoreError> {
        const SQL: &str = "DELETE FROM domain_claim WHERE name = $1 AND customer_id = $2";
        let mut tx = self.db.begin().await?;
        tx.execute(SQL, &[Bind::Text(name.as_str()), Bind::Int(customer.0.into())]).await?;
        tx.commit().await
    }
}
