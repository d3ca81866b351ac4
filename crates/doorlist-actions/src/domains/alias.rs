//! Domain aliases: further names with the same list and servers.

use super::on;
use crate::action::{Action, Reach};
use crate::actions::{Actions, Editable};
use crate::error::{ActionError, ErrorKind};
use doorlist_core::address::DomainName;
use doorlist_core::change::DomainChange;
use doorlist_core::domain::DomainId;
use doorlist_store::recipients::Applied;
use doorlist_store::tenants::{DomainAliasColumn, DomainAliasRow, Placed, QueryValue};
use serde::{Deserialize, Serialize};

/// Adds a domain alias.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DomainAliasAdd {
    pub name: DomainName,
    pub alias: DomainName,
}

impl Action for DomainAliasAdd {
    type Answer = Applied;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    async fn run(self, actions: &Actions) -> Result<Applied, ActionError> {
        let Self { name, alias } = self;
        let of = actions.services.domain_details(&name).await?.summary.name;
        if of == alias && of != name {
            let message = format!("{name} is an alias of {alias} already: the domain comes first, then its new alias");
            return Err(ActionError::new(ErrorKind::Refused, message));
        }
        add(actions, &name, &alias, true).await
    }
}

/// Removes a domain alias.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DomainAliasRemove {
    /// The further name; it alone is enough to find its domain.
    pub alias: DomainName,
}

impl Action for DomainAliasRemove {
    type Answer = Applied;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    async fn run(self, actions: &Actions) -> Result<Applied, ActionError> {
        let alias = self.alias;
        let name = actions.services.domain_details(&alias).await?.summary.name;
        if name == alias {
            let message = format!("{alias} is a domain, not an alias; use `domain remove`");
            return Err(ActionError::new(ErrorKind::Refused, message));
        }
        remove(actions, &name, &alias).await
    }
}

impl Actions {
    /// Another name of a domain.
    ///
    /// # Errors
    /// When the caller may not, the name is taken, or not verified as the customer's.
    pub async fn create_domain_alias(
        &self,
        domain: DomainId,
        name: &DomainName,
        active: bool,
    ) -> Result<Placed<DomainAliasRow>, ActionError> {
        let domain = self.domain_to_change(domain).await?;
        self.must_be_free_and_verified(name, domain.row().customer, "Domain alias").await?;
        let of = &domain.row().name;
        let wanted = (name, domain.row().customer);
        match add(self, of, name, active).await {
            Ok(applied) if applied.change_id.is_some() => {}
            // Somebody gave it to this very domain a moment ago.
            Ok(_) => return Err(ActionError::invalid("name", "Domain alias with this Name already exists.")),
            Err(refused) => return Err(self.or_is_taken(refused, wanted, "Domain alias").await),
        }
        self.services.tenants.forget_verification(name, domain.row().customer).await?;
        self.alias_of_name(name).await
    }

    async fn alias_of_name(&self, name: &DomainName) -> Result<Placed<DomainAliasRow>, ActionError> {
        let query = crate::tenants::page().with(DomainAliasColumn::Name, QueryValue::Text(name.to_string()));
        self.view().domain_aliases(&query).await?.rows.pop().ok_or(ActionError::NotFound)
    }

    /// A domain alias is served, or not; it may get another name, or lead to another domain of the caller's.
    ///
    /// # Errors
    /// When the name is taken or the caller may not change the other domain.
    pub async fn update_domain_alias(
        &self,
        alias: &Editable<DomainAliasRow>,
        domain: DomainId,
        name: &DomainName,
        active: bool,
    ) -> Result<Placed<DomainAliasRow>, ActionError> {
        let row = alias.row();
        if row.name == *name && row.domain == domain {
            let change = DomainChange::AliasActive { name: name.clone(), active };
            let summary = format!("domain alias {name} {}", if active { "activated" } else { "deactivated" });
            self.apply(on(&row.domain_name, vec![change]), summary).await?;
            return self.alias_of_name(name).await;
        }
        let target = self.domain_to_change(domain).await?;
        if row.name != *name {
            self.must_be_free_and_verified(name, target.row().customer, "Domain alias").await?;
        }
        let mut changes = on(&row.domain_name, vec![DomainChange::RemoveAlias(row.name.clone())]);
        changes.extend(on(&target.row().name, vec![DomainChange::AddAlias(name.clone())]));
        if !active {
            changes.extend(on(&target.row().name, vec![DomainChange::AliasActive { name: name.clone(), active }]));
        }
        let summary =
            format!("domain alias {} of {} is {name} of {} now", row.name, row.domain_name, target.row().name);
        if let Err(refused) = self.apply(changes, summary).await {
            return Err(self.or_is_taken(refused, (name, target.row().customer), "Domain alias").await);
        }
        // For the list it is another name; for those who look after it, it is the same object.
        self.services.tenants.keep_domain_alias(name, row.id, row.created).await?;
        self.alias_of_name(name).await
    }

    /// Removes a domain alias.
    pub async fn remove_domain_alias(&self, alias: &Editable<DomainAliasRow>) -> Result<(), ActionError> {
        let DomainAliasRow { name, domain_name, .. } = alias.row();
        remove(self, domain_name, name).await.map(drop)
    }
}

async fn add(actions: &Actions, of: &DomainName, name: &DomainName, active: bool) -> Result<Applied, ActionError> {
    let mut changes = vec![DomainChange::AddAlias(name.clone())];
    if !active {
        changes.push(DomainChange::AliasActive { name: name.clone(), active });
    }
    actions.apply(on(of, changes), format!("domain alias {name} of {of} added")).await
}

async fn remove(actions: &Actions, of: &DomainName, name: &DomainName) -> Result<Applied, ActionError> {
    let summary = format!("domain alias {name} of {of} removed");
    actions.change_domain(of, DomainChange::RemoveAlias(name.clone()), summary).await
}
