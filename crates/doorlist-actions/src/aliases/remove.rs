//! Removing aliases by hand: refused until they are added again.

use crate::accounts::{Removed, remove};
use crate::action::{Action, Reach};
use crate::actions::{Actions, Editable};
use crate::error::ActionError;
use doorlist_core::address::Address;
use doorlist_store::recipients::Applied;
use doorlist_store::tenants::AliasRow;
use serde::{Deserialize, Serialize};

/// Removes aliases by hand: a veto stays.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AliasRemove {
    /// 1 to [`ADDRESSES_MAX`](crate::ADDRESSES_MAX), each of them an alias.
    pub addresses: Vec<Address>,
}

impl Action for AliasRemove {
    type Answer = Applied;

    fn reach(&self) -> Reach {
        Reach::addresses(&self.addresses, false)
    }

    async fn run(self, actions: &Actions) -> Result<Applied, ActionError> {
        Removed::Aliases.must_be(actions, &self.addresses).await?;
        remove(actions, Removed::Aliases, self.addresses).await
    }
}

impl Actions {
    pub async fn remove_alias(&self, alias: &Editable<AliasRow>) -> Result<(), ActionError> {
        let address = Address::new(alias.row().local.clone(), alias.row().domain_name.clone());
        remove(self, Removed::Aliases, vec![address]).await.map(drop)
    }
}
