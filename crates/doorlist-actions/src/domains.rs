//! Actions on domains. Must not know how domains are stored, nor how the setup text is printed.

use crate::error::{ActionError, ErrorKind};
use crate::office::Office;
use crate::request::ModeWish;
use crate::response::DomainAdded;
use crate::server_setup::ServerSetup;
use doorlist_core::address::DomainName;
use doorlist_core::change::{Actor, Change, DomainChange, MailServer, NamedBy, Via};
use doorlist_core::domain::{Mode, SOFT_PERIOD, SubAddressing};
use doorlist_store::directory::{Applied, DomainDetails, Refusal};

/// Settings of a domain that are to be changed; `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct DomainSettings {
    pub(crate) servers: Option<Vec<MailServer>>,
    pub(crate) plus: Option<bool>,
    pub(crate) minus: Option<bool>,
    pub(crate) accept_abuse: Option<bool>,
}

impl Office {
    /// Adds a domain; its mode is *setting up* until somebody enforces its list.
    pub(crate) async fn domain_add(
        &self,
        name: DomainName,
        servers: Vec<MailServer>,
        customer: Option<String>,
        actor: &Actor,
    ) -> Result<DomainAdded, ActionError> {
        needs_servers(&name, &servers)?;
        let servers = named_by(actor, servers);
        let setup = ServerSetup::of(&name, &servers);
        let customer = customer.unwrap_or_else(|| name.to_string());
        let summary = format!("domain {name} added for customer {customer}");
        let change = DomainChange::Add { customer, servers };
        let applied = self.apply(vec![Change::Domain { name, change }], summary, actor).await?;
        Ok(DomainAdded { applied, setup })
    }

    pub(crate) async fn domain_show(&self, name: &DomainName) -> Result<DomainDetails, ActionError> {
        let details = self.directory.domain(name).await?;
        details.ok_or_else(|| Refusal::UnknownDomain { name: name.clone() }.into())
    }

    pub(crate) async fn domain_remove(&self, name: DomainName, actor: &Actor) -> Result<Applied, ActionError> {
        let summary = format!("domain {name} removed with its recipients");
        self.change_domain(name, DomainChange::Remove, summary, actor).await
    }

    /// Enforces a list, softly at first. An empty list would refuse everybody: then the name must be typed once more.
    pub(crate) async fn domain_mode(
        &self,
        name: DomainName,
        wish: ModeWish,
        now: bool,
        confirmed: Option<DomainName>,
        actor: &Actor,
    ) -> Result<Applied, ActionError> {
        if wish != ModeWish::Enforce {
            return Err(not_yet(wish));
        }
        let counts = self.domain_show(&name).await?.summary.counts;
        let empty = counts.mailboxes + counts.aliases + counts.lists == 0;
        if empty && confirmed.as_ref() != Some(&name) {
            let message = format!(
                "the list of {name} is empty: enforcing it would reject all mail except for postmaster. Nothing was \
                 changed. Add or import accounts first, or confirm with the domain's name"
            );
            return Err(ActionError::new(ErrorKind::Unconfirmed, message));
        }
        let soft_until = (!now).then(|| (self.clock)() + SOFT_PERIOD);
        let how = if now { "without temporary rejection" } else { "with temporary rejection for 72 hours" };
        let summary = format!("domain {name} enforces its list, {how}");
        self.change_domain(name, DomainChange::Mode(Mode::Enforce { soft_until }), summary, actor).await
    }

    /// Changes settings together, or none of them. Mail that waits goes to the new servers.
    pub(crate) async fn domain_set(
        &self,
        name: DomainName,
        wanted: DomainSettings,
        actor: &Actor,
    ) -> Result<Applied, ActionError> {
        let mut changes = Vec::new();
        let mut words = Vec::new();
        if wanted.plus.is_some() || wanted.minus.is_some() {
            let now = self.domain_show(&name).await?.sub_addressing;
            let wanted =
                SubAddressing { plus: wanted.plus.unwrap_or(now.plus), minus: wanted.minus.unwrap_or(now.minus) };
            words.push(format!("user+tag {}, user-tag {}", on_off(wanted.plus), on_off(wanted.minus)));
            changes.push(DomainChange::SubAddressing(wanted));
        }
        if let Some(accepted) = wanted.accept_abuse {
            words.push(format!("abuse@ {}", if accepted { "always accepted" } else { "as the list says" }));
            changes.push(DomainChange::AcceptAbuse(accepted));
        }
        if let Some(servers) = wanted.servers {
            needs_servers(&name, &servers)?;
            let hosts: Vec<&str> = servers.iter().map(|server| server.host.as_str()).collect();
            words.push(format!("mail goes to {}", hosts.join(", ")));
            changes.push(DomainChange::Servers(named_by(actor, servers)));
        }
        let summary = format!("domain {name}: {}", words.join("; "));
        let changes = changes.into_iter().map(|change| Change::Domain { name: name.clone(), change });
        self.apply(changes.collect(), summary, actor).await
    }

    pub(crate) async fn domain_hold(
        &self,
        name: DomainName,
        hold: bool,
        actor: &Actor,
    ) -> Result<Applied, ActionError> {
        let summary = format!("deliveries of domain {name} {}", if hold { "on hold" } else { "released" });
        self.change_domain(name, DomainChange::Hold(hold), summary, actor).await
    }

    pub(crate) async fn domain_active(
        &self,
        name: DomainName,
        active: bool,
        actor: &Actor,
    ) -> Result<Applied, ActionError> {
        let summary = format!("domain {name} {}", if active { "activated" } else { "deactivated" });
        self.change_domain(name, DomainChange::Active(active), summary, actor).await
    }

    pub(crate) async fn domain_alias_add(
        &self,
        name: DomainName,
        alias: DomainName,
        actor: &Actor,
    ) -> Result<Applied, ActionError> {
        let summary = format!("domain alias {alias} of {name} added");
        self.change_domain(name, DomainChange::AddAlias(alias), summary, actor).await
    }

    /// The alias alone is enough to find its domain.
    pub(crate) async fn domain_alias_remove(&self, alias: DomainName, actor: &Actor) -> Result<Applied, ActionError> {
        let name = self.domain_show(&alias).await?.summary.name;
        if name == alias {
            let message = format!("{alias} is a domain, not an alias; use `domain remove`");
            return Err(ActionError::new(ErrorKind::Refused, message));
        }
        let summary = format!("domain alias {alias} of {name} removed");
        self.change_domain(name, DomainChange::RemoveAlias(alias), summary, actor).await
    }

    async fn change_domain(
        &self,
        name: DomainName,
        change: DomainChange,
        summary: String,
        actor: &Actor,
    ) -> Result<Applied, ActionError> {
        self.apply(vec![Change::Domain { name, change }], summary, actor).await
    }
}

/// By command a domain is never without servers: mail must have somewhere to go.
fn needs_servers(name: &DomainName, servers: &[MailServer]) -> Result<(), ActionError> {
    if servers.is_empty() {
        return Err(ActionError::new(ErrorKind::Usage, format!("{name} needs at least one mail server")));
    }
    Ok(())
}

/// Whatever a request says of itself, who it comes from decides; those of other surfaces go through a desk.
fn named_by(actor: &Actor, mut servers: Vec<MailServer>) -> Vec<MailServer> {
    let by = if actor.via == Via::Command { NamedBy::Machine } else { NamedBy::Tenant };
    servers.iter_mut().for_each(|server| server.named_by = by);
    servers
}

fn on_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

fn not_yet(wish: ModeWish) -> ActionError {
    let mode = if wish == ModeWish::Learn { "learn" } else { "monitor" };
    let message = format!(
        "mode {mode} is not available in this version. Nothing was changed: until its list is enforced, a domain \
         defers unlisted recipients and loses no mail"
    );
    ActionError::new(ErrorKind::Unavailable, message)
}
