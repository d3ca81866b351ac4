//! What an account has beside its address: priority, password, limits. Most accounts have nothing of it, and no row. And what
//! a domain has beside the list.

use super::Tenants;
use crate::db::{Read, binds, columns_of};
use crate::error::StoreError;
use doorlist_core::domain::DomainId;
use doorlist_core::list::AddressId;
use doorlist_core::time::Timestamp;

/// What is set for an account; `None`: the default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountSettings {
    /// A number that is kept for those who ask for it.
    pub priority: Option<i64>,
    /// Is told what its domain is told.
    pub use_domain_notifications: Option<bool>,
    /// The password, as argon2id keeps it.
    pub password: Option<String>,
    /// The largest message that is taken for it, in octets.
    pub message_max: Option<u64>,
}

/// What of it is to be changed; `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountSettingsPatch {
    pub priority: Option<i64>,
    pub use_domain_notifications: Option<bool>,
    pub password: Option<String>,
    /// See there; `Some(None)`: no limit of its own.
    pub message_max: Option<Option<u64>>,
    /// Of its mail policy; kept for those who ask for them.
    pub policy_priority: Option<i64>,
    pub use_domain_policy: Option<bool>,
}

columns_of! { AccountSettings { priority, use_domain_notifications, password, message_max } }

impl Tenants {
    pub async fn account_settings(&self, id: AddressId) -> Result<AccountSettings, StoreError> {
        const SQL: &str = "
            SELECT priority, use_domain_notifications, password, message_max FROM account_setting WHERE address_id = $1";
        Ok((&self.db).value(SQL, &binds![id]).await?.unwrap_or_default())
    }

    /// Changes what is set for an account. Mail is judged anew only where its limit is another than before.
    ///
    /// # Errors
    /// When the store fails, or the account is gone.
    pub async fn put_account_settings(
        &self,
        id: AddressId,
        patch: &AccountSettingsPatch,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        // What is not given is not touched: somebody else may be writing it.
        const SQL: &str = "
            INSERT INTO account_setting (address_id, priority, use_domain_notifications, password, message_max, updated,
                                         policy_priority, use_domain_policy)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            ON CONFLICT (address_id) DO UPDATE SET priority = COALESCE(excluded.priority, account_setting.priority),
                use_domain_notifications =
                    COALESCE(excluded.use_domain_notifications, account_setting.use_domain_notifications),
                password = COALESCE(excluded.password, account_setting.password),
                message_max = CASE WHEN $9 THEN excluded.message_max ELSE account_setting.message_max END,
                policy_priority = COALESCE(excluded.policy_priority, account_setting.policy_priority),
                use_domain_policy = COALESCE(excluded.use_domain_policy, account_setting.use_domain_policy),
                updated = excluded.updated";
        let is_policy = match patch.message_max {
            Some(message_max) => self.account_settings(id).await?.message_max != message_max,
            None => false,
        };
        let mut tx = if is_policy { self.db.begin_policy().await? } else { self.db.begin().await? };
        let AccountSettingsPatch { priority, use_domain_notifications: notified, password, .. } = patch;
        let (password, message_max) = (password.as_deref(), patch.message_max.flatten().map(u64::cast_signed));
        let policy = (patch.policy_priority, patch.use_domain_policy);
        tx.execute(SQL, &binds![id, *priority, *notified, password, message_max, now, policy.0, policy.1, is_policy])
            .await?;
        if is_policy {
            return self.commit_policy(tx).await;
        }
        tx.commit().await
    }

    /// Sets the priority of a domain's mail policy, by which no mail is judged.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn put_policy_priority(&self, id: DomainId, priority: i64, now: Timestamp) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE domain SET policy_priority = $2, updated = $3 WHERE id = $1";
        let mut tx = self.db.begin().await?;
        tx.execute(SQL, &binds![id, priority, now]).await?;
        tx.commit().await
    }
}
