//! Domains that a customer wants and has yet to prove to be theirs. Must not know what a proof is.

use super::Tenants;
use crate::db::{Read, binds};
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
        let mut tx = self.db.begin().await?;
        tx.execute(OLD, &binds![customer, now - CLAIM_AGE_MAX]).await?;
        let others: Option<u32> = tx.value(COUNT, &binds![customer, name]).await?;
        if others >= Some(VERIFICATIONS_MAX) {
            return Ok(None);
        }
        tx.execute(PUT, &binds![name, customer, fresh, now]).await?;
        let token = tx.value(GET, &binds![name, customer]).await?;
        tx.commit().await?;
        Ok(token.or_else(|| Some(fresh.to_owned())))
    }

    /// Forgets a customer's wish for a domain. Others keep theirs, with the same token: that it changed would tell them.
    pub async fn forget_verification(&self, name: &DomainName, customer: CustomerId) -> Result<(), StoreError> {
        const SQL: &str = "DELETE FROM domain_claim WHERE name = $1 AND customer_id = $2";
        self.db.execute(SQL, &binds![name, customer]).await.map(drop)
    }
}
