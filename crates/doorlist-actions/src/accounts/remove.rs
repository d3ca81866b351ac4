//! Removing accounts and aliases by hand: each with its aliases, and refused until it is added again.

use super::show::account_details;
use super::{check_count, check_field, named};
use crate::action::{Action, Reach};
use crate::actions::{Actions, Editable};
use crate::error::{ActionError, ErrorKind};
use doorlist_core::address::Address;
use doorlist_core::change::Change;
use doorlist_core::list::{AddressId, EntryKind, Standing};
use doorlist_store::recipients::Applied;
use doorlist_store::tenants::AccountRow;
use serde::{Deserialize, Serialize};

/// Removes accounts and their aliases by hand: a veto stays.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AccountRemove {
    /// 1 to [`ADDRESSES_MAX`](super::ADDRESSES_MAX), none of them an alias.
    pub addresses: Vec<Address>,
}

impl Action for AccountRemove {
    type Answer = Applied;

    fn reach(&self) -> Reach {
        Reach::addresses(&self.addresses, false)
    }

    async fn run(self, actions: &Actions) -> Result<Applied, ActionError> {
        Removed::Accounts.must_be(actions, &self.addresses).await?;
        remove(actions, Removed::Accounts, self.addresses).await
    }
}

impl Actions {
    /// Removes an account with its aliases.
    pub async fn remove_account(&self, account: &Editable<AccountRow>) -> Result<(), ActionError> {
        remove(self, Removed::Accounts, vec![account.row().address()]).await.map(drop)
    }

    /// Removes accounts as one change; those that the caller cannot see are skipped. How many went.
    ///
    /// # Errors
    /// When they are none or too many, or the caller may not change one of them: then none goes.
    pub async fn mass_delete(&self, ids: &[AddressId]) -> Result<u64, ActionError> {
        check_field("id__in", ids.len())?;
        let accounts = self.view().accounts_by_id(ids).await?;
        for account in &accounts {
            self.may_change(&account.lineage.parent())?;
        }
        if accounts.is_empty() {
            return Err(ActionError::Bad("none of these email accounts exists; nothing was changed".to_owned()));
        }
        let addresses: Vec<Address> = accounts.iter().map(|account| account.row.address()).collect();
        let count = addresses.len() as u64;
        remove(self, Removed::Accounts, addresses).await?;
        Ok(count)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Removed {
    Accounts,
    Aliases,
}

impl Removed {
    fn word(self) -> &'static str {
        match self {
            Removed::Accounts => "account",
            Removed::Aliases => "alias",
        }
    }

    /// Refuses before anything is done if one of them is not listed, or is of the other kind.
    pub(crate) async fn must_be(self, actions: &Actions, addresses: &[Address]) -> Result<(), ActionError> {
        check_count(addresses.len())?;
        for address in addresses {
            let record = account_details(actions, address).await?.entry.record;
            if record.standing == Standing::Vetoed {
                let message = format!("{address} was removed by a person already; nothing was changed");
                return Err(ActionError::new(ErrorKind::NotFound, message));
            }
            let is = if record.kind == EntryKind::Alias { Removed::Aliases } else { Removed::Accounts };
            if is != self {
                let word = is.word();
                let message = format!("{address} is an {word}; use `{word} remove`. Nothing was changed");
                return Err(ActionError::new(ErrorKind::Refused, message));
            }
        }
        Ok(())
    }
}

/// Vetoes addresses, as one change.
pub(crate) async fn remove(actions: &Actions, what: Removed, addresses: Vec<Address>) -> Result<Applied, ActionError> {
    let summary = format!("{} removed: {}", what.word(), named(&addresses));
    actions.apply(addresses.into_iter().map(|address| Change::Veto { address }).collect(), summary).await
}
