//! Settings of a domain, by command and over the API: all that are given, or none.

use super::mode::enforce;
use super::{needs_servers, on};
use crate::action::{Action, Reach};
use crate::actions::{Actions, Editable};
use crate::error::ActionError;
use doorlist_core::access::CustomerId;
use doorlist_core::address::DomainName;
use doorlist_core::change::{DomainChange, MailServer};
use doorlist_core::domain::{Mode, SubAddressing};
use doorlist_store::recipients::Applied;
use doorlist_store::tenants::DomainRow;
use serde::{Deserialize, Serialize};

/// Changes settings of a domain; what is not given stays.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DomainSet {
    pub name: DomainName,
    /// Where its mail goes: all of its servers. Mail that waits goes to them.
    pub servers: Option<Vec<MailServer>>,
    /// Whether `user+tag` follows `user`.
    pub plus: Option<bool>,
    /// Whether `user-tag` follows `user`.
    pub minus: Option<bool>,
    /// Whether `abuse@` is always accepted.
    pub accept_abuse: Option<bool>,
}

impl Action for DomainSet {
    type Answer = Applied;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    async fn run(self, actions: &Actions) -> Result<Applied, ActionError> {
        let name = self.name;
        let mut changes = Vec::new();
        let mut words = Vec::new();
        if self.plus.is_some() || self.minus.is_some() {
            let now = actions.services.domain_details(&name).await?.sub_addressing;
            let wanted = SubAddressing { plus: self.plus.unwrap_or(now.plus), minus: self.minus.unwrap_or(now.minus) };
            words.push(format!("user+tag {}, user-tag {}", on_off(wanted.plus), on_off(wanted.minus)));
            changes.push(DomainChange::SubAddressing(wanted));
        }
        if let Some(accepted) = self.accept_abuse {
            words.push(format!("abuse@ {}", if accepted { "always accepted" } else { "as the list says" }));
            changes.push(DomainChange::AcceptAbuse(accepted));
        }
        if let Some(servers) = self.servers {
            needs_servers(&name, &servers)?;
            let hosts: Vec<&str> = servers.iter().map(|server| server.host.as_str()).collect();
            words.push(format!("mail goes to {}", hosts.join(", ")));
            changes.push(DomainChange::Servers(actions.named_by_caller(servers)));
        }
        let summary = format!("domain {name}: {}", words.join("; "));
        actions.apply(on(&name, changes), summary).await
    }
}

/// Holds the deliveries of a domain, or releases them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DomainHold {
    pub name: DomainName,
    pub hold: bool,
}

impl Action for DomainHold {
    type Answer = Applied;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    async fn run(self, actions: &Actions) -> Result<Applied, ActionError> {
        let Self { name, hold } = self;
        let summary = format!("deliveries of domain {name} {}", if hold { "on hold" } else { "released" });
        actions.change_domain(&name, DomainChange::Hold(hold), summary).await
    }
}

/// Activates a domain, or deactivates it: then all its mail is refused.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DomainActive {
    pub name: DomainName,
    pub active: bool,
}

impl Action for DomainActive {
    type Answer = Applied;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    async fn run(self, actions: &Actions) -> Result<Applied, ActionError> {
        let Self { name, active } = self;
        let summary = format!("domain {name} {}", if active { "activated" } else { "deactivated" });
        actions.change_domain(&name, DomainChange::Active(active), summary).await
    }
}

/// What is to be changed; `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DomainPatch {
    /// Another customer's from now on.
    pub customer: Option<CustomerId>,
    /// `false`: all mail for the domain is rejected.
    pub active: Option<bool>,
    /// "Accept mail only for mailboxes in this list".
    pub enforce: Option<bool>,
    /// TCP port of its servers.
    pub delivery_port: Option<u16>,
    /// Accept mail, but do not deliver it.
    pub hold: Option<bool>,
    /// The largest message that is taken for it, in octets.
    pub message_max: Option<Option<u64>>,
}

impl Actions {
    /// Settings of a domain, all or none of them.
    ///
    /// # Errors
    /// When one of them cannot be, or the caller may not give the domain to that customer.
    pub async fn update_domain(&self, domain: &Editable<DomainRow>, patch: &DomainPatch) -> Result<(), ActionError> {
        let row = domain.row();
        let is_others = patch.customer.is_some_and(|customer| customer != row.customer);
        if is_others || patch.active.is_some_and(|active| active != row.active) {
            self.may_change(&domain.lineage().parent())?;
        }
        let summary = format!("settings of domain {}", row.name);
        for tried in 1.. {
            let base = self.base().await?;
            let details = self.services.domain_details(&row.name).await?;
            let changes = on(&row.name, self.changes(patch, Some(row), &details.servers).await?);
            if self.apply_on(base, changes, &summary, tried).await?.is_some() {
                break;
            }
        }
        Ok(())
    }

    /// The changes that lead there from what the domain is.
    pub(super) async fn changes(
        &self,
        patch: &DomainPatch,
        now: Option<&DomainRow>,
        servers: &[MailServer],
    ) -> Result<Vec<DomainChange>, ActionError> {
        let mut changes = Vec::new();
        if let Some(customer) = patch.customer.filter(|customer| now.is_some_and(|row| row.customer != *customer)) {
            changes.push(DomainChange::Customer(self.customer_to_change(customer).await?.row().name.clone()));
        }
        changes.extend(patch.active.map(DomainChange::Active));
        changes.extend(patch.hold.map(DomainChange::Hold));
        changes.extend(patch.message_max.map(DomainChange::MessageMax));
        let is_enforced = now.is_some_and(|row| matches!(row.mode, Mode::Enforce { .. }));
        match patch.enforce {
            Some(true) if !is_enforced => changes.push(enforce(self, true)),
            Some(false) if is_enforced => changes.push(DomainChange::Mode(Mode::SettingUp)),
            _ => {}
        }
        if let Some(port) = patch.delivery_port.filter(|port| now.is_none_or(|row| row.delivery_port != *port)) {
            if port == 0 {
                return Err(ActionError::invalid("deliveryport", "a port is a number from 1 to 65535"));
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
}

fn on_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}
