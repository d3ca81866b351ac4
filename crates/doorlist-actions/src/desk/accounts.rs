//! Email accounts, one at a time.

use super::{Desk, DeskError, Editable};
use crate::connections::Password;
use crate::error::ErrorKind;
use doorlist_core::access::{KeyLimits, KeyTerms};
use doorlist_core::address::{Address, LocalPart};
use doorlist_core::change::{Change, Source, Structure};
use doorlist_core::domain::DomainId;
use doorlist_core::list::Standing;
use doorlist_store::tenants::{AccountRow, AccountSettingsPatch, Placed};

/// Characters of a password.
const PASSWORD_MIN: usize = 8;
const PASSWORD_MAX: usize = 200;

/// An account that is wanted.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// Of which domain.
    pub domain: DomainId,
    /// Its local part.
    pub local: LocalPart,
    /// What is set beside.
    pub patch: AccountPatch,
}

/// What is to be changed; `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct AccountPatch {
    /// Another local part: the account stays the same one.
    pub local: Option<LocalPart>,
    /// It is a distribution list.
    pub is_list: Option<bool>,
    /// It takes mail.
    pub active: Option<bool>,
    /// A number that is kept for those who ask for it.
    pub priority: Option<i64>,
    /// Is told what its domain is told.
    pub use_domain_notifications: Option<bool>,
    /// A new password.
    pub password: Option<Password>,
    /// The largest message that is taken for it, in octets.
    pub message_max: Option<Option<u64>>,
}

impl Desk {
    /// A new account; an address that was removed before is freed.
    ///
    /// # Errors
    /// When the caller may not, or the address is listed already.
    pub async fn create_account(&self, new: &NewAccount) -> Result<Placed<AccountRow>, DeskError> {
        let domain = self.domain_to_change(new.domain).await?;
        let address = Address::new(new.local.clone(), domain.row().name.clone());
        if let Some(listed) = self.office.directory.account(&address).await?
            && listed.entry.record.standing != Standing::Vetoed
        {
            return Err(duplicate(listed.entry.record.account.as_ref()));
        }
        let password = self.hashed(new.patch.password.as_ref(), new.domain).await?;
        let structure = structure(new.patch.is_list.unwrap_or(false));
        let mut changes = vec![Change::Claim { address: address.clone(), structure, source: Source::Api }];
        if new.patch.active == Some(false) {
            changes.push(Change::SetActive { address: address.clone(), active: false });
        }
        let applied = self.apply(changes, format!("account added: {address}")).await?;
        if applied.added == 0 {
            return Err(duplicate(None));
        }
        let made = self.view().account_of(&address).await?.ok_or(DeskError::NotFound)?;
        self.put_settings(&made.row, &new.patch, password).await?;
        self.view().account(made.row.id).await?.ok_or(DeskError::NotFound)
    }

    /// What an account is, and what is set for it.
    ///
    /// # Errors
    /// When one of it cannot be. An account's own key changes its priority, password and notifications alone.
    pub async fn update_account(&self, account: &Editable<AccountRow>, patch: &AccountPatch) -> Result<(), DeskError> {
        let row = account.row();
        let mut changes = Vec::new();
        let mut address = row.address();
        if let Some(to) = patch.local.clone().filter(|local| *local != row.local) {
            if let Some(there) =
                self.office.directory.account(&Address::new(to.clone(), row.domain_name.clone())).await?
                && there.entry.record.standing != Standing::Vetoed
            {
                return Err(duplicate(there.entry.record.account.as_ref()));
            }
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
        let password = self.hashed(patch.password.as_ref(), row.domain).await?;
        if !changes.is_empty() {
            self.apply(changes, format!("account changed: {} is {address} now", row.address())).await?;
        }
        self.put_settings(row, patch, password).await
    }

    async fn put_settings(
        &self,
        row: &AccountRow,
        patch: &AccountPatch,
        password: Option<String>,
    ) -> Result<(), DeskError> {
        let asks = patch.priority.is_some() || patch.use_domain_notifications.is_some() || patch.message_max.is_some();
        if !asks && password.is_none() {
            return Ok(());
        }
        let settings = AccountSettingsPatch {
            priority: patch.priority,
            use_domain_notifications: patch.use_domain_notifications,
            password,
            message_max: patch.message_max,
        };
        self.office.tenants.put_account_settings(row.id, &settings, (self.office.clock)()).await?;
        Ok(())
    }

    /// A password of an account is good for ever, from everywhere, for what is in its domain.
    async fn hashed(&self, password: Option<&Password>, domain: DomainId) -> Result<Option<String>, DeskError> {
        let Some(password) = password else { return Ok(None) };
        let limits = KeyLimits { domains: Some(vec![domain]), ..KeyLimits::default() };
        self.may_make(&KeyTerms { limits, expires: None })?;
        if !(PASSWORD_MIN..=PASSWORD_MAX).contains(&password.text().chars().count()) {
            let message = format!("a password has {PASSWORD_MIN} to {PASSWORD_MAX} characters");
            return Err(DeskError::invalid("password", message));
        }
        match self.office.hashed(password.clone()).await {
            Err(error) if error.kind == ErrorKind::Usage => Err(DeskError::Bad(error.message)),
            other => Ok(Some(other?)),
        }
    }

    /// An account goes with its aliases, and stays refused until it is added again.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn remove_account(&self, account: &Editable<AccountRow>) -> Result<(), DeskError> {
        let address = account.row().address();
        let summary = format!("account removed: {address}");
        self.apply(vec![Change::Veto { address }], summary).await?;
        Ok(())
    }
}

fn structure(is_list: bool) -> Structure {
    if is_list { Structure::DistributionList } else { Structure::Mailbox }
}

fn duplicate(alias_of: Option<&LocalPart>) -> DeskError {
    let is_alias = alias_of.map(|account| format!(" It is an alias of {account}."));
    let message = "Email account with this Localpart and Domain already exists.".to_owned();
    DeskError::invalid("", message + &is_alias.unwrap_or_default())
}
