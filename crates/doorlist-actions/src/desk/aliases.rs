//! Further local parts of an account.

use super::{BULK_MAX, Desk, DeskError, Editable};
use doorlist_core::address::{Address, LocalPart};
use doorlist_core::change::{Change, Source, Structure};
use doorlist_core::list::{AddressId, Standing};
use doorlist_store::tenants::{AccountRow, AliasRow, Placed};

impl Desk {
    /// An account, for giving it aliases: who may change its domain may.
    ///
    /// # Errors
    /// When there is none, or the caller may not.
    pub async fn account_to_alias(&self, id: AddressId) -> Result<Editable<AccountRow>, DeskError> {
        let found = self.view().account(id).await?;
        let found = found.ok_or(DeskError::NoObject { noun: "email_account", id: id.0 })?;
        self.may_change(&found.lineage.parent())?;
        Ok(Editable(found))
    }

    /// One more local part of an account.
    ///
    /// # Errors
    /// When the address is listed already.
    pub async fn create_alias(&self, account: AddressId, local: &LocalPart) -> Result<Placed<AliasRow>, DeskError> {
        let account = self.account_to_alias(account).await?;
        let added = self.add_aliases(&account, std::slice::from_ref(local)).await?;
        if added == 0 {
            return Err(duplicate(local));
        }
        self.alias_named(account.row(), local).await
    }

    async fn alias_named(&self, account: &AccountRow, local: &LocalPart) -> Result<Placed<AliasRow>, DeskError> {
        let address = Address::new(local.clone(), account.domain_name.clone());
        let entry = self.office.directory.account(&address).await?.ok_or(DeskError::NotFound)?.entry;
        self.view().alias(entry.id).await?.ok_or(DeskError::NotFound)
    }

    /// Further local parts of an account; what is its alias already stays so. How many are new.
    ///
    /// # Errors
    /// When one of them is an address of another kind: then none is added.
    pub async fn add_aliases(&self, account: &Editable<AccountRow>, locals: &[LocalPart]) -> Result<u64, DeskError> {
        if locals.is_empty() || locals.len() > BULK_MAX {
            return Err(DeskError::invalid("aliases", format!("name 1 to {BULK_MAX} aliases")));
        }
        let row = account.row();
        let in_domain = |local: &LocalPart| Address::new(local.clone(), row.domain_name.clone());
        for local in locals {
            let Some(found) = self.office.directory.account(&in_domain(local)).await? else { continue };
            let record = found.entry.record;
            let is_its_own = record.account.as_ref() == Some(&row.local);
            if record.standing != Standing::Vetoed && !is_its_own {
                return Err(duplicate(local));
            }
        }
        let structure = Structure::AliasOf(row.local.clone());
        let claim =
            |local| Change::Claim { address: in_domain(local), structure: structure.clone(), source: Source::Api };
        let summary = format!("{} aliases of {} added", locals.len(), row.address());
        Ok(self.apply(locals.iter().map(claim).collect(), summary).await?.added)
    }

    /// An alias gets another local part, or leads to another account of its domain.
    ///
    /// # Errors
    /// When that address is listed already, or the account is of another domain.
    pub async fn update_alias(
        &self,
        alias: &Editable<AliasRow>,
        account: AddressId,
        local: &LocalPart,
    ) -> Result<Placed<AliasRow>, DeskError> {
        let row = alias.row();
        let target = self.account_to_alias(account).await?;
        if target.row().domain != row.domain {
            let message = "an alias leads to an account of its own domain";
            return Err(DeskError::invalid("email_account", message));
        }
        if *local == row.local && account == row.account {
            return self.view().alias(row.id).await?.ok_or(DeskError::NotFound);
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

    async fn is_listed(&self, address: &Address) -> Result<bool, DeskError> {
        let found = self.office.directory.account(address).await?;
        Ok(found.is_some_and(|found| found.entry.record.standing != Standing::Vetoed))
    }

    /// An alias goes, and stays refused until it is added again.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn remove_alias(&self, alias: &Editable<AliasRow>) -> Result<(), DeskError> {
        let address = Address::new(alias.row().local.clone(), alias.row().domain_name.clone());
        let summary = format!("alias removed: {address}");
        self.apply(vec![Change::Veto { address }], summary).await?;
        Ok(())
    }
}

fn duplicate(local: &LocalPart) -> DeskError {
    let message = format!("Localpart alias with this Localpart and Domain already exists: {local}");
    DeskError::invalid("localpart", message)
}
