//! Adding a domain. Its mode is *setting up* until somebody enforces its list.

use super::server_setup::ServerSetup;
use super::set::DomainPatch;
use super::{needs_servers, on};
use crate::action::{Action, Reach};
use crate::actions::Actions;
use crate::error::ActionError;
use doorlist_core::access::CustomerId;
use doorlist_core::address::DomainName;
use doorlist_core::change::{DomainChange, MailServer};
use doorlist_store::recipients::Applied;
use doorlist_store::tenants::{DomainRow, Placed};
use serde::{Deserialize, Serialize};

/// Adds a domain with its mail servers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DomainAdd {
    pub name: DomainName,
    /// Where its mail goes: at least one server.
    pub servers: Vec<MailServer>,
    /// The name of its customer; by default the domain's own name.
    pub customer: Option<String>,
}

/// A domain that was added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainAdded {
    pub applied: Applied,
    /// What its servers must allow and switch off.
    pub setup: ServerSetup,
}

impl Action for DomainAdd {
    type Answer = DomainAdded;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    async fn run(self, actions: &Actions) -> Result<DomainAdded, ActionError> {
        let Self { name, servers, customer } = self;
        needs_servers(&name, &servers)?;
        let servers = actions.named_by_caller(servers);
        let setup = ServerSetup::of(&name, &servers);
        let customer = customer.unwrap_or_else(|| name.to_string());
        let applied = add(actions, &name, customer, servers, Vec::new()).await?;
        Ok(DomainAdded { applied, setup })
    }
}

/// A domain that is wanted.
#[derive(Clone, Debug)]
pub struct NewDomain {
    pub name: DomainName,
    pub customer: CustomerId,
    /// What is set beside.
    pub patch: DomainPatch,
}

impl Actions {
    /// A new domain, without servers yet.
    ///
    /// # Errors
    /// When the caller may not, the name is taken, or not verified as the customer's.
    pub async fn create_domain(&self, new: &NewDomain) -> Result<Placed<DomainRow>, ActionError> {
        let customer = self.customer_to_change(new.customer).await?;
        let name = &new.name;
        self.must_be_free_and_verified(name, new.customer, "Domain").await?;
        let settings = self.changes(&new.patch, None).await?.into_iter().map(|(change, _)| change).collect();
        if let Err(refused) = add(self, name, customer.row().name.clone(), Vec::new(), settings).await {
            return Err(self.or_is_taken(refused, (name, new.customer), "Domain").await);
        }
        self.services.tenants.forget_verification(name, new.customer).await?;
        self.view().domain_of_name(name).await?.ok_or(ActionError::NotFound)
    }
}

async fn add(
    actions: &Actions,
    name: &DomainName,
    customer: String,
    servers: Vec<MailServer>,
    settings: Vec<DomainChange>,
) -> Result<Applied, ActionError> {
    let summary = format!("domain {name} added for customer {customer}");
    let mut changes = vec![DomainChange::Add { customer, servers }];
    changes.extend(settings);
    actions.apply(on(name, changes), summary).await
}
