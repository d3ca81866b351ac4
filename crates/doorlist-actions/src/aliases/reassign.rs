//! Accounts that become aliases of another account, and the way back: every address is accepted at every moment.

use crate::accounts::{check_count, named};
use crate::action::{Action, Reach};
use crate::actions::Actions;
use crate::error::{ActionError, ErrorKind};
use doorlist_core::address::Address;
use doorlist_core::change::{Change, Source};
use doorlist_store::recipients::Applied;
use serde::{Deserialize, Serialize};

/// Makes accounts, with their aliases, aliases of another account.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AliasReassign {
    /// 1 to [`ADDRESSES_MAX`](crate::ADDRESSES_MAX) accounts or aliases.
    pub addresses: Vec<Address>,
    /// The account that they belong to from now on, in the same domain.
    pub to: Address,
}

/// Makes aliases accounts of their own.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AliasPromote {
    /// 1 to [`ADDRESSES_MAX`](crate::ADDRESSES_MAX) aliases.
    pub addresses: Vec<Address>,
}

impl Action for AliasReassign {
    type Answer = Applied;

    fn reach(&self) -> Reach {
        Reach::addresses(self.addresses.iter().chain([&self.to]), false)
    }

    async fn run(self, actions: &Actions) -> Result<Applied, ActionError> {
        check_count(self.addresses.len())?;
        if let Some(other) = self.addresses.iter().find(|address| address.domain() != self.to.domain()) {
            let message = format!("{other} is not of the domain {}. Nothing was changed", self.to.domain());
            return Err(ActionError::new(ErrorKind::Usage, message));
        }
        let summary = format!("aliases of {} now: {}", self.to, named(&self.addresses));
        let to = self.to.local().clone();
        let change = |address| Change::Reassign { address, to: to.clone(), source: Source::Hand };
        actions.apply(self.addresses.into_iter().map(change).collect(), summary).await
    }
}

impl Action for AliasPromote {
    type Answer = Applied;

    fn reach(&self) -> Reach {
        Reach::addresses(&self.addresses, false)
    }

    async fn run(self, actions: &Actions) -> Result<Applied, ActionError> {
        check_count(self.addresses.len())?;
        let summary = format!("accounts of their own now: {}", named(&self.addresses));
        let change = |address| Change::Promote { address, source: Source::Hand };
        actions.apply(self.addresses.into_iter().map(change).collect(), summary).await
    }
}
