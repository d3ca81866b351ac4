//! Domains and domain aliases.

use super::{Desk, DeskError, Editable};
use doorlist_core::access::CustomerId;
use doorlist_core::address::DomainName;
use doorlist_core::change::{Change, DomainChange, MailServer};
use doorlist_core::domain::{DomainId, Mode, SOFT_PERIOD};
use doorlist_store::tenants::{DomainAliasColumn, DomainAliasRow, DomainRow, Placed, Value};

/// A domain that is wanted.
#[derive(Clone, Debug)]
pub struct NewDomain {
    /// Its name.
    pub name: DomainName,
    /// Whose it is.
    pub customer: CustomerId,
    /// What is set beside.
    pub patch: DomainPatch,
}

/// What is to be changed; `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DomainPatch {
    /// Another customer's from now on.
    pub customer: Option<CustomerId>,
    /// Served at all.
    pub active: Option<bool>,
    /// "Accept mail only for mailboxes in this list".
    pub enforce: Option<bool>,
    /// TCP port of its servers.
    pub delivery_port: Option<u16>,
    /// Deliveries wait.
    pub hold: Option<bool>,
    /// The largest message that is taken for it, in octets.
    pub message_max: Option<Option<u64>>,
}

impl Desk {
    /// A new domain, without servers yet.
    ///
    /// # Errors
    /// When the caller may not, the name is taken, or not proven to be the customer's.
    pub async fn create_domain(&self, new: &NewDomain) -> Result<Placed<DomainRow>, DeskError> {
        let customer = self.customer_to_change(new.customer).await?;
        let name = &new.name;
        self.free_and_proven(name, new.customer, "Domain").await?;
        let customer = customer.row().name.clone();
        let summary = format!("domain {name} added for customer {customer}");
        let mut changes = vec![DomainChange::Add { customer, servers: Vec::new() }];
        changes.extend(self.changes(&new.patch, None, &[]).await?);
        self.apply(on(name, changes), summary).await?;
        self.office.tenants.forget_claim(name, new.customer).await?;
        self.view().domain_of_name(name).await?.ok_or(DeskError::NotFound)
    }

    /// Settings of a domain, all or none of them.
    ///
    /// # Errors
    /// When one of them cannot be, or the caller may not give the domain to that customer.
    pub async fn update_domain(&self, domain: &Editable<DomainRow>, patch: &DomainPatch) -> Result<(), DeskError> {
        let row = domain.row();
        let is_others = patch.customer.is_some_and(|customer| customer != row.customer);
        if is_others || patch.active.is_some_and(|active| active != row.active) {
            self.may_change(&domain.lineage().parent())?;
        }
        let summary = format!("settings of domain {}", row.name);
        for tried in 1.. {
            let base = self.base().await?;
            let details = self.office.domain_show(&row.name).await?;
            let changes = on(&row.name, self.changes(patch, Some(row), &details.servers).await?);
            if self.apply_on(base, changes, &summary, tried).await?.is_some() {
                break;
            }
        }
        Ok(())
    }

    /// The changes that lead there from what the domain is.
    async fn changes(
        &self,
        patch: &DomainPatch,
        now: Option<&DomainRow>,
        servers: &[MailServer],
    ) -> Result<Vec<DomainChange>, DeskError> {
        let mut changes = Vec::new();
        if let Some(customer) = patch.customer.filter(|customer| now.is_some_and(|row| row.customer != *customer)) {
            changes.push(DomainChange::Customer(self.customer_to_change(customer).await?.row().name.clone()));
        }
        changes.extend(patch.active.map(DomainChange::Active));
        changes.extend(patch.hold.map(DomainChange::Hold));
        changes.extend(patch.message_max.map(DomainChange::MessageMax));
        let is_enforced = now.is_some_and(|row| matches!(row.mode, Mode::Enforce { .. }));
        match patch.enforce {
            // Softly: for three days a sender comes again, and one addition loses nothing.
            Some(true) if !is_enforced => {
                let soft_until = Some((self.office.clock)() + SOFT_PERIOD);
                changes.push(DomainChange::Mode(Mode::Enforce { soft_until }));
            }
            Some(false) if is_enforced => changes.push(DomainChange::Mode(Mode::SettingUp)),
            _ => {}
        }
        if let Some(port) = patch.delivery_port.filter(|port| now.is_none_or(|row| row.delivery_port != *port)) {
            if port == 0 {
                return Err(DeskError::invalid("deliveryport", "a port is a number from 1 to 65535"));
            }
            changes.push(DomainChange::DeliveryPort(port));
            if !servers.is_empty() {
                // At another port another service answers: where nobody with a stronger word named it, it must not be.
                let named_by = |server: &MailServer| match server.port == port {
                    true => server.named_by,
                    false => server.named_by.min(self.names_as()),
                };
                let moved =
                    servers.iter().map(|server| MailServer { port, named_by: named_by(server), ..server.clone() });
                changes.push(DomainChange::Servers(moved.collect()));
            }
        }
        Ok(changes)
    }

    /// A domain goes with its list; that can be undone for 30 days.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn remove_domain(&self, domain: &Editable<DomainRow>) -> Result<(), DeskError> {
        let name = &domain.row().name;
        let summary = format!("domain {name} removed with its list");
        self.apply(on(name, vec![DomainChange::Remove]), summary).await?;
        Ok(())
    }

    /// The domain of this number, for changing what belongs to it.
    pub(super) async fn domain_to_change(&self, id: DomainId) -> Result<Editable<DomainRow>, DeskError> {
        let found = self.view().domain(id.0).await?;
        let found = found.ok_or(DeskError::NoObject { noun: "domain", id: id.0 })?;
        self.may_change(&found.lineage)?;
        Ok(Editable(found))
    }

    /// Another name of a domain.
    ///
    /// # Errors
    /// When the caller may not, the name is taken, or not proven to be the customer's.
    pub async fn create_domain_alias(
        &self,
        domain: DomainId,
        name: &DomainName,
        active: bool,
    ) -> Result<Placed<DomainAliasRow>, DeskError> {
        let domain = self.domain_to_change(domain).await?;
        self.free_and_proven(name, domain.row().customer, "Domain alias").await?;
        let of = &domain.row().name;
        let mut changes = vec![DomainChange::AddAlias(name.clone())];
        if !active {
            changes.push(DomainChange::AliasActive { name: name.clone(), active });
        }
        self.apply(on(of, changes), format!("domain alias {name} of {of} added")).await?;
        self.office.tenants.forget_claim(name, domain.row().customer).await?;
        self.alias_of_name(name).await
    }

    async fn alias_of_name(&self, name: &DomainName) -> Result<Placed<DomainAliasRow>, DeskError> {
        let query = super::tenants::page().with(DomainAliasColumn::Name, Value::Text(name.to_string()));
        self.view().domain_aliases(&query).await?.rows.pop().ok_or(DeskError::NotFound)
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
    ) -> Result<Placed<DomainAliasRow>, DeskError> {
        let row = alias.row();
        if row.name == *name && row.domain == domain {
            let change = DomainChange::AliasActive { name: name.clone(), active };
            let summary = format!("domain alias {name} {}", if active { "activated" } else { "deactivated" });
            self.apply(on(&row.domain_name, vec![change]), summary).await?;
            return self.alias_of_name(name).await;
        }
        let target = self.domain_to_change(domain).await?;
        if row.name != *name {
            self.free_and_proven(name, target.row().customer, "Domain alias").await?;
        }
        let mut changes = on(&row.domain_name, vec![DomainChange::RemoveAlias(row.name.clone())]);
        changes.extend(on(&target.row().name, vec![DomainChange::AddAlias(name.clone())]));
        if !active {
            changes.extend(on(&target.row().name, vec![DomainChange::AliasActive { name: name.clone(), active }]));
        }
        let summary =
            format!("domain alias {} of {} is {name} of {} now", row.name, row.domain_name, target.row().name);
        self.apply(changes, summary).await?;
        // For the list it is another name; for those who look after it, it is the same object.
        self.office.tenants.keep_domain_alias(name, row.id, row.created).await?;
        self.alias_of_name(name).await
    }

    /// A domain alias goes.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn remove_domain_alias(&self, alias: &Editable<DomainAliasRow>) -> Result<(), DeskError> {
        let DomainAliasRow { name, domain_name, .. } = alias.row();
        let summary = format!("domain alias {name} of {domain_name} removed");
        self.apply(on(domain_name, vec![DomainChange::RemoveAlias(name.clone())]), summary).await?;
        Ok(())
    }
}

pub(super) fn on(name: &DomainName, changes: Vec<DomainChange>) -> Vec<Change> {
    changes.into_iter().map(|change| Change::Domain { name: name.clone(), change }).collect()
}
