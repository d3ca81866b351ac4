//! Listing accounts: as claims of a person (a command) or of the API. An address that was vetoed before is freed.

use super::settings::AccountPatch;
use super::{check_count, check_field, named, no_catch_all, structure};
use crate::action::{Action, Reach};
use crate::actions::Actions;
use crate::error::ActionError;
use doorlist_core::address::{Address, LocalPart};
use doorlist_core::change::{Change, Source, Structure};
use doorlist_core::domain::DomainId;
use doorlist_core::list::Standing;
use doorlist_store::recipients::Applied;
use doorlist_store::tenants::{AccountRow, Placed};
use serde::{Deserialize, Serialize};

/// Lists accounts by hand.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AccountAdd {
    /// From 1 to [`ADDRESSES_MAX`](super::ADDRESSES_MAX) of them.
    pub addresses: Vec<Address>,
    /// List them as distribution lists.
    pub list: bool,
}

impl Action for AccountAdd {
    type Answer = Applied;

    fn reach(&self) -> Reach {
        Reach::addresses(&self.addresses, false)
    }

    async fn run(self, actions: &Actions) -> Result<Applied, ActionError> {
        check_count(self.addresses.len())?;
        no_catch_all(self.addresses.iter().map(Address::local))?;
        add(actions, self.addresses, &structure(self.list), &Source::Hand, true).await
    }
}

/// An account that is wanted over the API.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// The number of its domain.
    pub domain: DomainId,
    pub local: LocalPart,
    /// What is set beside.
    pub patch: AccountPatch,
}

/// What became of many accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BulkAdded {
    /// New on the list.
    pub added: u64,
    pub already_listed: u64,
}

impl Actions {
    /// Adds an account that must be new.
    ///
    /// # Errors
    /// [`ActionError::Forbidden`]; [`ActionError::Invalid`] when the address is listed.
    pub async fn create_account(&self, new: &NewAccount) -> Result<Placed<AccountRow>, ActionError> {
        let domain = self.domain_to_change(new.domain).await?;
        let address = Address::new(new.local.clone(), domain.row().name.clone());
        must_be_free(self, &address).await?;
        let password = self.checked_password(new.patch.password.as_ref(), new.domain).await?;
        let structure = structure(new.patch.is_list.unwrap_or(false));
        let active = new.patch.active != Some(false);
        match add(self, vec![address.clone()], &structure, &Source::Api, active).await {
            Ok(applied) if applied.added > 0 => {}
            Ok(_) => return Err(duplicate(None)),
            // Whoever comes second, by however little, is told what those are told who come later.
            Err(refused) => return Err(must_be_free(self, &address).await.err().unwrap_or(refused)),
        }
        let made = self.view().account_of(&address).await?.ok_or(ActionError::NotFound)?;
        self.put_settings(&made.row, &new.patch, password).await?;
        self.view().account(made.row.id).await?.ok_or(ActionError::NotFound)
    }

    /// Adds accounts of a domain as one change, which `changes undo` takes back as a whole; addresses that are listed stay
    /// as they are.
    ///
    /// # Errors
    /// [`ActionError::Forbidden`]; [`ActionError::Invalid`] when they are none or too many.
    pub async fn mass_add(&self, domain: DomainId, locals: &[LocalPart]) -> Result<BulkAdded, ActionError> {
        check_field("localparts", locals.len())?;
        let domain = self.domain_to_change(domain).await?;
        let name = &domain.row().name;
        // What somebody calls an alias stays one: only names that are not there are added.
        let listed = self.services.recipients.listed_among(name, locals).await?;
        let new = locals.iter().filter(|local| !listed.contains(*local));
        let new: Vec<Address> = new.map(|local| Address::new(local.clone(), name.clone())).collect();
        let all = locals.len() as u64;
        if new.is_empty() {
            return Ok(BulkAdded { added: 0, already_listed: all });
        }
        let added = add(self, new, &Structure::Mailbox, &Source::Api, true).await?.added;
        Ok(BulkAdded { added, already_listed: all.saturating_sub(added) })
    }
}

async fn add(
    actions: &Actions,
    addresses: Vec<Address>,
    structure: &Structure,
    source: &Source,
    active: bool,
) -> Result<Applied, ActionError> {
    let what = if *structure == Structure::DistributionList { "distribution list" } else { "account" };
    let summary = format!("{what} added: {}", named(&addresses));
    let mut changes = Vec::with_capacity(addresses.len());
    for address in addresses {
        let (structure, source) = (structure.clone(), source.clone());
        changes.push(Change::Claim { address: address.clone(), structure, source });
        if !active {
            changes.push(Change::SetActive { address, active });
        }
    }
    actions.apply(changes, summary).await
}

/// Refuses an address that is listed as anything.
pub(super) async fn must_be_free(actions: &Actions, address: &Address) -> Result<(), ActionError> {
    match actions.services.recipients.account(address).await? {
        Some(found) if found.entry.record.standing != Standing::Vetoed => {
            Err(duplicate(found.entry.record.account.as_ref()))
        }
        _ => Ok(()),
    }
}

fn duplicate(alias_of: Option<&LocalPart>) -> ActionError {
    let is_alias = alias_of.map(|account| format!(" It is an alias of {account}."));
    let message = "Email account with this Localpart and Domain already exists.".to_owned();
    ActionError::invalid("", message + &is_alias.unwrap_or_default())
}
