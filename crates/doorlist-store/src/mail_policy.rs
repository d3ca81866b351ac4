//! Sender rules, written. Must not know who may write.

pub(crate) mod table;

pub use table::RuleOwner;

use crate::db::{Read, binds};
use crate::error::StoreError;
use crate::json_rows::keys;
use crate::numbers::take_number;
use crate::recipients::RecipientStore;
use doorlist_core::sender_rules::SenderPattern;
use doorlist_core::time::Timestamp;

/// Sender rules that one domain or one account has at most.
pub const SENDER_RULES_MAX: u32 = 10_000;
/// Why a rule was not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleRefused {
    /// The owner has one for this sender already.
    #[error("a rule for this sender already exists")]
    Taken,
    /// It has [`SENDER_RULES_MAX`] rules already.
    #[error("the limit of {SENDER_RULES_MAX} sender rules is reached; remove some first")]
    Full,
    /// There is no such domain, or the address is no account.
    #[error("this domain or account does not exist")]
    NoOwner,
}

impl RecipientStore {
    /// Adds a sender rule; gives its number. Mail is judged by it before this returns.
    pub async fn add_sender_rule(
        &self,
        of: RuleOwner,
        sender: &SenderPattern,
        allow: bool,
        now: Timestamp,
    ) -> Result<Result<u32, RuleRefused>, StoreError> {
        const INSERT: &str = "
            INSERT INTO sender_rule (id, domain_id, address_id, sender, allow, created, updated)
            VALUES ($1, $2, $3, $4, $5, $6, $6)";
        let (domain, account, known, same) = match of {
            RuleOwner::Domain(id) => (
                Some(i64::from(id.0)),
                None,
                "SELECT (SELECT COUNT(*) FROM sender_rule WHERE domain_id = $1) FROM domain WHERE id = $1",
                "SELECT id FROM sender_rule WHERE domain_id = $1 AND sender = $2",
            ),
            RuleOwner::Account(id) => (
                None,
                Some(i64::from(id.0)),
                "SELECT (SELECT COUNT(*) FROM sender_rule WHERE address_id = $1) FROM address
                 WHERE id = $1 AND kind <> 1 AND standing <> 2",
                "SELECT id FROM sender_rule WHERE address_id = $1 AND sender = $2",
            ),
        };
        let owner = domain.or(account).unwrap_or_default();
        let sender = sender.to_string();
        // Its lock comes first and lets one writer count at a time.
        let mut tx = self.db().begin_policy().await?;
        let Some(row) = tx.row(known, &binds![owner]).await? else { return Ok(Err(RuleRefused::NoOwner)) };
        if tx.row(same, &binds![owner, &sender]).await?.is_some() {
            return Ok(Err(RuleRefused::Taken));
        }
        if row.int(0)? >= SENDER_RULES_MAX.into() {
            return Ok(Err(RuleRefused::Full));
        }
        let id: u32 = take_number(&mut tx, "sender_rule").await?;
        tx.execute(INSERT, &binds![id, domain, account, &sender, allow, now]).await?;
        tx.commit().await?;
        self.show_policies().await;
        Ok(Ok(id))
    }

    /// Writes whether a rule allows or blocks now; false if it is gone.
    pub async fn put_sender_rule(&self, id: u32, allow: bool, now: Timestamp) -> Result<bool, StoreError> {
        const SQL: &str = "UPDATE sender_rule SET allow = $2, updated = $3 WHERE id = $1";
        let mut tx = self.db().begin_policy().await?;
        let touched = tx.execute(SQL, &binds![id, allow, now]).await?;
        tx.commit().await?;
        self.show_policies().await;
        Ok(touched > 0)
    }

    /// Removes these rules; gives how many there were.
    pub async fn remove_sender_rules(&self, ids: &[u32]) -> Result<u64, StoreError> {
        const SQL: &str = "
            DELETE FROM sender_rule WHERE id IN (SELECT CAST(k.value ->> 0 AS BIGINT) FROM json_each($1) AS k)";
        let keys = keys(ids.iter())?;
        let mut tx = self.db().begin_policy().await?;
        let removed = tx.execute(SQL, &binds![&keys]).await?;
        tx.commit().await?;
        self.show_policies().await;
        Ok(removed)
    }
}
