//! What is set for an account over the API: its local part, whether it takes mail, its password, and what others ask for.

use super::add::must_be_free;
use super::structure;
use crate::actions::{Actions, Editable};
use crate::error::{ActionError, ErrorKind};
use crate::sources::Password;
use doorlist_core::access::{KeyLimits, KeyTerms};
use doorlist_core::address::{Address, LocalPart};
use doorlist_core::change::{Change, Source};
use doorlist_core::domain::DomainId;
use doorlist_store::tenants::{AccountRow, AccountSettingsPatch};

/// Characters of a password.
const PASSWORD_MIN: usize = 8;
const PASSWORD_MAX: usize = 200;

/// What is to be changed; `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct AccountPatch {
    /// Another local part: the account stays the same one.
    pub local: Option<LocalPart>,
    /// It is a distribution list.
    pub is_list: Option<bool>,
    pub active: Option<bool>,
    /// A number that is kept for those who ask for it.
    pub priority: Option<i64>,
    /// Is told what its domain is told.
    pub use_domain_notifications: Option<bool>,
    pub password: Option<Password>,
    /// The largest message that is taken for it, in octets.
    pub message_max: Option<Option<u64>>,
    /// Of its mail policy; kept for those who ask for them.
    pub policy_priority: Option<i64>,
    pub use_domain_policy: Option<bool>,
}

impl Actions {
    /// What an account is, and what is set for it.
    ///
    /// # Errors
    /// When one of it cannot be. An account's own key changes its priority, password and notifications alone.
    pub async fn update_account(
        &self,
        account: &Editable<AccountRow>,
        patch: &AccountPatch,
    ) -> Result<(), ActionError> {
        let row = account.row();
        let mut changes = Vec::new();
        let mut address = row.address();
        if let Some(to) = patch.local.clone().filter(|local| *local != row.local) {
            must_be_free(self, &Address::new(to.clone(), row.domain_name.clone())).await?;
            changes.push(Change::Rename { address: address.clone(), to: to.clone() });
            address = Address::new(to, row.domain_name.clone());
        }
        if let Some(is_list) = patch.is_list.filter(|is_list| *is_list != row.is_list) {
            let (address, structure) = (address.clone(), structure(is_list));
            changes.push(Change::Claim { address, structure, source: Source::Api });
        }
        if let Some(active) = patch.active.filter(|active| *active != row.active) {
            changes.push(Change::SetActive { address: address.clone(), active });
        }
        let is_more = !changes.is_empty() || patch.message_max.is_some_and(|max| max != row.message_max);
        if is_more {
            self.may_change(&account.lineage().parent())?;
        }
        let password = self.checked_password(patch.password.as_ref(), row.domain).await?;
        if !changes.is_empty() {
            self.apply(changes, format!("account changed: {} is {address} now", row.address())).await?;
        }
        self.put_settings(row, patch, password).await
    }

    pub(super) async fn put_settings(
        &self,
        row: &AccountRow,
        patch: &AccountPatch,
        password: Option<String>,
    ) -> Result<(), ActionError> {
        let settings = AccountSettingsPatch {
            priority: patch.priority,
            use_domain_notifications: patch.use_domain_notifications,
            password,
            message_max: patch.message_max,
            policy_priority: patch.policy_priority,
            use_domain_policy: patch.use_domain_policy,
        };
        if settings == AccountSettingsPatch::default() {
            return Ok(());
        }
        self.services.tenants.put_account_settings(row.id, &settings, self.now()).await?;
        Ok(())
    }

    /// A password of an account is good for ever, from everywhere, for what is in its domain.
    pub(super) async fn checked_password(
        &self,
        password: Option<&Password>,
        domain: DomainId,
    ) -> Result<Option<String>, ActionError> {
        let Some(password) = password else { return Ok(None) };
        let limits = KeyLimits { domains: Some(vec![domain]), ..KeyLimits::default() };
        self.may_make(&KeyTerms { limits, expires: None })?;
        if !(PASSWORD_MIN..=PASSWORD_MAX).contains(&password.text().chars().count()) {
            let message = format!("a password has {PASSWORD_MIN} to {PASSWORD_MAX} characters");
            return Err(ActionError::invalid("password", message));
        }
        match self.services.hashed(password.clone()).await {
            Err(error) if error.kind() == ErrorKind::Usage => Err(ActionError::Bad(error.to_string())),
            other => Ok(Some(other?)),
        }
    }
}
