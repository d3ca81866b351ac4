//! Aliases that get another local part or lead to another account, and accounts that become aliases: every address stays
//! accepted at every moment.

use super::add::duplicate;
use crate::accounts::check_field;
use crate::actions::{Actions, Editable};
use crate::error::ActionError;
use doorlist_core::address::{Address, LocalPart};
use doorlist_core::change::{Change, Source};
use doorlist_core::list::{AddressId, Standing};
use doorlist_store::tenants::{AccountRow, AliasRow, Placed};

impl Actions {
    /// An alias gets another local part, or leads to another account of its domain.
    ///
    /// # Errors
    /// When that address is listed already, or the account is of another domain.
    pub async fn update_alias(
        &self,
        alias: &Editable<AliasRow>,
        account: AddressId,
        local: &LocalPart,
    ) -> Result<Placed<AliasRow>, ActionError> {
        let row = alias.row();
        let target = self.account_to_alias(account).await?;
        if target.row().domain != row.domain {
            let message = "an alias leads to an account of its own domain";
            return Err(ActionError::invalid("email_account", message));
        }
        if *local == row.local && account == row.account {
            return self.view().alias(row.id).await?.ok_or(ActionError::NotFound);
        }
        let (from, to) = (
            Address::new(row.local.clone(), row.domain_name.clone()),
            Address::new(local.clone(), row.domain_name.clone()),
        );
        if from != to && self.is_listed(&to).await? {
            return Err(duplicate(local));
        }
        let mut changes = Vec::new();
        if from != to {
            changes.push(Change::Rename { address: from.clone(), to: local.clone() });
        }
        if account != row.account {
            let (address, to) = (to.clone(), target.row().local.clone());
            changes.push(Change::Reassign { address, to, source: Source::Api });
        }
        self.apply(changes, format!("alias {from} is {to} of {} now", target.row().address())).await?;
        self.alias_named(target.row(), local).await
    }

    async fn is_listed(&self, address: &Address) -> Result<bool, ActionError> {
        let found = self.services.recipients.account(address).await?;
        Ok(found.is_some_and(|found| found.entry.record.standing != Standing::Vetoed))
    }

    /// Accounts become aliases of another one, with their own aliases. Every address is accepted at every moment.
    ///
    /// # Errors
    /// When one of them is not an account of the same domain, or a directory says what it is: then none is changed.
    pub async fn users_to_alias(&self, to: &Editable<AccountRow>, accounts: &[AddressId]) -> Result<(), ActionError> {
        check_field("accounts", accounts.len())?;
        let found = self.view().accounts_by_id(accounts).await?;
        let target = to.row();
        for id in accounts {
            let Some(account) = found.iter().find(|account| account.row.id == *id) else {
                return Err(ActionError::invalid("accounts", format!("there is no email account {}", id.0)));
            };
            self.may_change(&account.lineage.parent())?;
            if account.row.domain != target.domain {
                let message = format!("{} is not of the domain {}", account.row.address(), target.domain_name);
                return Err(ActionError::invalid("accounts", message));
            }
        }
        let reassign = |account: &doorlist_store::tenants::Placed<AccountRow>| Change::Reassign {
            address: account.row.address(),
            to: target.local.clone(),
            source: Source::Api,
        };
        let summary = format!("{} accounts are aliases of {} now", found.len(), target.address());
        self.apply(found.iter().map(reassign).collect(), summary).await?;
        Ok(())
    }
}
