//! Removing a domain with its list; that can be undone for 30 days.

use crate::action::{Action, Reach};
use crate::actions::{Actions, Editable};
use crate::error::ActionError;
use doorlist_core::address::DomainName;
use doorlist_core::change::{Change, DomainChange};
use doorlist_store::recipients::Applied;
use doorlist_store::tenants::DomainRow;
use serde::{Deserialize, Serialize};

/// Removes a domain, its list and its domain aliases.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DomainRemove {
    pub name: DomainName,
}

impl Action for DomainRemove {
    type Answer = Applied;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    fn is_heavy(&self) -> bool {
        true
    }

    async fn run(self, actions: &Actions) -> Result<Applied, ActionError> {
        remove(actions, &self.name, "its recipients").await
    }
}

impl Actions {
    pub async fn remove_domain(&self, domain: &Editable<DomainRow>) -> Result<(), ActionError> {
        remove(self, &domain.row().name, "its recipients").await.map(drop)
    }
}

/// All of them in one change.
pub(crate) async fn remove_all(
    actions: &Actions,
    names: Vec<DomainName>,
    summary: String,
) -> Result<Applied, ActionError> {
    let removals = names.into_iter().map(|name| Change::Domain { name, change: DomainChange::Remove }).collect();
    actions.apply(removals, summary).await
}

/// `with`: what it goes with, for the change log.
async fn remove(actions: &Actions, name: &DomainName, with: &str) -> Result<Applied, ActionError> {
    actions.change_domain(name, DomainChange::Remove, format!("domain {name} removed with {with}")).await
}
