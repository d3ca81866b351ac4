//! Giving an account further local parts: as claims of a person (a command) or of the API.

use crate::accounts::{check_count, check_field, named, no_catch_all};
use crate::action::{Action, Reach};
use crate::actions::{Actions, Editable};
use crate::error::ActionError;
use doorlist_core::address::{Address, LocalPart};
use doorlist_core::change::{Change, Source, Structure};
use doorlist_core::list::{AddressId, Standing};
use doorlist_store::recipients::Applied;
use doorlist_store::tenants::{AccountRow, AliasRow, Placed};
use serde::{Deserialize, Serialize};

/// Adds aliases of an account by hand.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AliasAdd {
    pub account: Address,
    /// Its further local parts: 1 to [`ADDRESSES_MAX`](crate::ADDRESSES_MAX).
    pub locals: Vec<LocalPart>,
}

impl Action for AliasAdd {
    type Answer = Applied;

    fn reach(&self) -> Reach {
        Reach::addresses([&self.account], false)
    }

    async fn run(self, actions: &Actions) -> Result<Applied, ActionError> {
        check_count(self.locals.len())?;
        no_catch_all(&self.locals)?;
        add(actions, &self.account, &self.locals, &Source::Hand).await
    }
}

impl Actions {
    /// An account, for giving it aliases: who may change its domain may.
    ///
    /// # Errors
    /// When there is none, or the caller may not.
    pub async fn account_to_alias(&self, id: AddressId) -> Result<Editable<AccountRow>, ActionError> {
        let found = self.view().account(id).await?;
        let found = found.ok_or(ActionError::NoObject { resource: "email_account", id: id.0 })?;
        self.may_change(&found.lineage.parent())?;
        Ok(Editable(found))
    }

    /// One more local part of an account.
    ///
    /// # Errors
    /// When the address is listed already.
    pub async fn create_alias(&self, account: AddressId, local: &LocalPart) -> Result<Placed<AliasRow>, ActionError> {
        let account = self.account_to_alias(account).await?;
        let added = self.add_aliases(&account, std::slice::from_ref(local)).await?;
        if added == 0 {
            return Err(duplicate(local));
        }
        self.alias_named(account.row(), local).await
    }

    pub(super) async fn alias_named(
        &self,
        account: &AccountRow,
        local: &LocalPart,
    ) -> Result<Placed<AliasRow>, ActionError> {
        let address = Address::new(local.clone(), account.domain_name.clone());
        let entry = self.services.recipients.account(&address).await?.ok_or(ActionError::NotFound)?.entry;
        self.view().alias(entry.id).await?.ok_or(ActionError::NotFound)
    }

    /// Further local parts of an account; what is its alias already stays so. How many are new.
    ///
    /// # Errors
    /// When one of them is an address of another kind: then none is added.
    pub async fn add_aliases(&self, account: &Editable<AccountRow>, locals: &[LocalPart]) -> Result<u64, ActionError> {
        check_field("aliases", locals.len())?;
        let row = account.row();
        let in_domain = |local: &LocalPart| Address::new(local.clone(), row.domain_name.clone());
        for local in locals {
            let Some(found) = self.services.recipients.account(&in_domain(local)).await? else { continue };
            let record = found.entry.record;
            let is_its_own = record.account.as_ref() == Some(&row.local);
            if record.standing != Standing::Vetoed && !is_its_own {
                return Err(duplicate(local));
            }
        }
        Ok(add(self, &row.address(), locals, &Source::Api).await?.added)
    }
}

async fn add(
    actions: &Actions,
    account: &Address,
    locals: &[LocalPart],
    source: &Source,
) -> Result<Applied, ActionError> {
    let aliases: Vec<_> = locals.iter().map(|local| Address::new(local.clone(), account.domain().clone())).collect();
    let summary = format!("alias of {account} added: {}", named(&aliases));
    let structure = Structure::AliasOf(account.local().clone());
    let claim = |address| Change::Claim { address, structure: structure.clone(), source: source.clone() };
    actions.apply(aliases.into_iter().map(claim).collect(), summary).await
}

pub(super) fn duplicate(local: &LocalPart) -> ActionError {
    let message = format!("Localpart alias with this Localpart and Domain already exists: {local}");
    ActionError::invalid("localpart", message)
}
