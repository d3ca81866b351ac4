//! Looking at domains.

use crate::action::{Action, Reach};
use crate::actions::Actions;
use crate::error::ActionError;
use doorlist_core::address::DomainName;
use doorlist_store::recipients::{DomainDetails, DomainSummary};
use serde::{Deserialize, Serialize};

/// Lists all domains by name.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DomainList;

impl Action for DomainList {
    type Answer = Vec<DomainSummary>;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    async fn run(self, actions: &Actions) -> Result<Vec<DomainSummary>, ActionError> {
        Ok(actions.services.recipients.domains().await?)
    }
}

/// Shows a domain with its settings and counts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DomainShow {
    /// Its name, or a domain alias.
    pub name: DomainName,
}

impl Action for DomainShow {
    type Answer = DomainDetails;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    async fn run(self, actions: &Actions) -> Result<DomainDetails, ActionError> {
        actions.services.domain_details(&self.name).await
    }
}
