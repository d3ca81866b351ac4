//! Confirming addresses that were learned from mail: a person's claim takes the place of the learned one.

use super::{check_count, named, show::account_details};
use crate::action::{Action, Reach};
use crate::actions::Actions;
use crate::error::{ActionError, ErrorKind};
use doorlist_core::address::Address;
use doorlist_core::change::{Change, Source};
use doorlist_store::recipients::Applied;
use serde::{Deserialize, Serialize};

/// Confirms addresses that were Auto-Added, as if a person had added them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AccountConfirm {
    /// 1 to [`ADDRESSES_MAX`](super::ADDRESSES_MAX), each of them on the list.
    pub addresses: Vec<Address>,
}

impl Action for AccountConfirm {
    type Answer = Applied;

    fn reach(&self) -> Reach {
        Reach::addresses(&self.addresses, false)
    }

    /// What others claim already needs no confirmation, and stays as it is.
    async fn run(self, actions: &Actions) -> Result<Applied, ActionError> {
        check_count(self.addresses.len())?;
        let mut changes = Vec::new();
        for address in &self.addresses {
            let record = account_details(actions, address).await?.entry.record;
            if record.veto.is_some() {
                let message = format!("{address} was removed by a person; `account add` adds it. Nothing was changed");
                return Err(ActionError::new(ErrorKind::NotFound, message));
            }
            let learned = record.claims.into_iter().find(|claim| claim.source == Source::Learned);
            changes.extend(learned.map(|claim| Change::Claim {
                address: address.clone(),
                structure: claim.structure,
                source: Source::Hand,
            }));
        }
        actions.apply(changes, format!("confirmed: {}", named(&self.addresses))).await
    }
}
