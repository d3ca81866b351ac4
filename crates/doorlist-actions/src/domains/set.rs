//! Settings of a domain, the same for every surface: all that are given, or none.

use super::{needs_servers, on};
use crate::action::{Action, Reach};
use crate::actions::{Actions, Editable};
use crate::error::ActionError;
use doorlist_core::access::CustomerId;
use doorlist_core::address::DomainName;
use doorlist_core::change::{DomainChange, MailServer};
use doorlist_core::domain::{BounceAddresses, Mode, SOFT_PERIOD, SubAddressing};
use doorlist_core::mail_policy::SpamTreatment;
use doorlist_store::recipients::{Applied, DomainDetails};
use doorlist_store::tenants::DomainRow;
use serde::{Deserialize, Deserializer, Serialize};
use std::time::Duration;

/// Settings of a domain that are to be changed; `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DomainPatch {
    /// Another customer's from now on.
    pub customer: Option<CustomerId>,
    /// `false`: all mail for the domain is rejected.
    pub active: Option<bool>,
    /// "Accept mail only for mailboxes in this list".
    pub enforcement: Option<Enforcement>,
    /// Where its mail goes: all of its servers. Mail that waits goes to them.
    pub servers: Option<Vec<MailServer>>,
    /// TCP port of its servers.
    pub delivery_port: Option<u16>,
    /// Accept mail, but do not deliver it.
    pub hold: Option<bool>,
    /// The largest message that is taken for it, in octets; `Some(None)` for the limit of the gateway.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    pub message_max: Option<Option<u64>>,
    /// What becomes of spam.
    pub spam: Option<SpamTreatment>,
    /// Whether `user+tag` follows `user`.
    pub plus: Option<bool>,
    /// Whether `user-tag` follows `user`.
    pub minus: Option<bool>,
    /// Whether `abuse@` is always accepted.
    pub accept_abuse: Option<bool>,
    /// Whether bounces to signed senders (BATV) follow the address that was signed.
    pub batv: Option<bool>,
    /// Whether bounces to rewritten senders (SRS) are accepted.
    pub srs: Option<bool>,
    /// Whether it goes back to mode monitor by itself when authenticated senders with a good record are refused.
    pub fall_back: Option<bool>,
}

/// How a list is enforced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Enforcement {
    /// Not at all: the domain's server is asked for unlisted recipients. While its trial runs the list grows from mail, as
    /// before.
    Off,
    /// The same, and the list does not grow.
    Monitor,
    /// The list grows from mail, for so many days from now on.
    Learn(u16),
    /// Unlisted recipients are rejected temporarily for [`SOFT_PERIOD`], so that one addition loses nothing.
    Soft,
    /// Unlisted recipients are rejected from now on.
    Full,
}

/// Changes settings of a domain; what is not given stays.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DomainSet {
    pub name: DomainName,
    /// What is to be changed.
    #[serde(flatten)]
    pub patch: DomainPatch,
}

impl Action for DomainSet {
    type Answer = Applied;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    async fn run(self, actions: &Actions) -> Result<Applied, ActionError> {
        if let Some(servers) = &self.patch.servers {
            needs_servers(&self.name, servers)?;
        }
        actions.set_domain(&self.name, &self.patch).await
    }
}

/// A change, and how the change log names it.
type NamedChange = (DomainChange, String);

impl Actions {
    /// Settings of a domain, all or none of them.
    ///
    /// # Errors
    /// When one of them cannot be, or the caller may not give the domain to that customer.
    pub async fn update_domain(&self, domain: &Editable<DomainRow>, patch: &DomainPatch) -> Result<(), ActionError> {
        let row = domain.row();
        // A client that sends the whole object back changes only what differs.
        let patch = DomainPatch {
            customer: patch.customer.filter(|customer| *customer != row.customer),
            delivery_port: patch.delivery_port.filter(|port| *port != row.delivery_port),
            ..patch.clone()
        };
        if patch.customer.is_some() || patch.active.is_some_and(|active| active != row.active) {
            self.may_change(&domain.lineage().parent())?;
        }
        self.set_domain(&row.name, &patch).await.map(drop)
    }

    /// The priority of a domain's mail policy. It is kept for those who ask for it, and is no part of the list.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn put_policy_priority(&self, domain: &Editable<DomainRow>, priority: i64) -> Result<(), ActionError> {
        Ok(self.services.tenants.put_policy_priority(domain.row().id, priority, self.now()).await?)
    }

    /// Every change of a domain's settings.
    pub(super) async fn set_domain(&self, name: &DomainName, patch: &DomainPatch) -> Result<Applied, ActionError> {
        let mut tried = 1;
        loop {
            let base = self.base().await?;
            let details = self.services.domain_details(name).await?;
            let (changes, words): (Vec<_>, Vec<_>) = self.changes(patch, Some(&details)).await?.into_iter().unzip();
            let summary = format!("domain {name}: {}", words.join("; "));
            if let Some(applied) = self.apply_on(base, on(name, changes), &summary, tried).await? {
                return Ok(applied);
            }
            tried += 1;
        }
    }

    /// The changes that a patch makes, of a domain as it is now or of one that is about to be added.
    pub(super) async fn changes(
        &self,
        patch: &DomainPatch,
        now: Option<&DomainDetails>,
    ) -> Result<Vec<NamedChange>, ActionError> {
        let mut changes: Vec<NamedChange> = Vec::new();
        if let (Some(customer), Some(now)) = (patch.customer, now) {
            let name = self.customer_to_change(customer).await?.row().name.clone();
            let words = format!("moved from customer {} to customer {name}", now.summary.customer);
            changes.push((DomainChange::Customer(name), words));
        }
        changes.extend(patch.active.map(active));
        changes.extend(patch.hold.map(hold));
        changes.extend(patch.message_max.map(message_max));
        changes.extend(patch.spam.map(spam));
        changes.extend(patch.enforcement.map(|wanted| self.mode(wanted, now)));
        if patch.plus.is_some() || patch.minus.is_some() {
            let now = now.map(|now| now.sub_addressing).unwrap_or_default();
            changes.push(sub_addressing(patch, now));
        }
        changes.extend(patch.accept_abuse.map(accept_abuse));
        if patch.batv.is_some() || patch.srs.is_some() {
            let now = now.map(|now| now.bounce_addresses).unwrap_or_default();
            changes.push(bounce_addresses(patch, now));
        }
        changes.extend(patch.fall_back.map(fall_back));
        if let Some(port) = patch.delivery_port {
            if port == 0 {
                return Err(ActionError::invalid("deliveryport", "a port is a number from 1 to 65535"));
            }
            changes.push((DomainChange::DeliveryPort(port), format!("delivery port {port}")));
            let servers = now.map(|now| self.moved_to(&now.servers, port)).filter(|servers| !servers.is_empty());
            changes.extend(servers.map(servers_named));
        }
        changes.extend(patch.servers.clone().map(|servers| servers_named(self.named_by_caller(servers))));
        Ok(changes)
    }

    fn mode(&self, wanted: Enforcement, before: Option<&DomainDetails>) -> NamedChange {
        let trial_end = before.and_then(|before| before.trial_end).filter(|end| self.now() < *end);
        let (mode, words) = match (wanted, trial_end) {
            (Enforcement::Off, Some(end)) => {
                (Mode::Learn { until: Some(end) }, "does not enforce its list, and learns")
            }
            (Enforcement::Off | Enforcement::Monitor, _) => (Mode::Monitor, "does not enforce its list"),
            (Enforcement::Learn(days), _) => {
                let term = Duration::from_hours(24 * u64::from(days));
                (Mode::Learn { until: Some(self.now() + term) }, "learns addresses from mail")
            }
            (Enforcement::Soft, _) => (
                Mode::enforce(Some(self.now() + SOFT_PERIOD)),
                "enforces its list, with temporary rejection for 72 hours",
            ),
            (Enforcement::Full, _) => (Mode::enforce(None), "enforces its list, without temporary rejection"),
        };
        (DomainChange::Mode(mode), words.to_owned())
    }

    /// These servers at another port. Another service answers there: where nobody with a stronger word named it, it must
    /// not be.
    fn moved_to(&self, servers: &[MailServer], port: u16) -> Vec<MailServer> {
        let named_by = |server: &MailServer| match server.port == port {
            true => server.named_by,
            false => server.named_by.min(self.names_as()),
        };
        servers.iter().map(|server| MailServer { port, named_by: named_by(server), ..server.clone() }).collect()
    }
}

fn active(active: bool) -> NamedChange {
    (DomainChange::Active(active), if active { "activated" } else { "deactivated" }.to_owned())
}

fn hold(hold: bool) -> NamedChange {
    (DomainChange::Hold(hold), if hold { "deliveries on hold" } else { "deliveries released" }.to_owned())
}

fn message_max(max: Option<u64>) -> NamedChange {
    let words = max.map_or("no message size limit of its own".to_owned(), |max| format!("messages up to {max} octets"));
    (DomainChange::MessageMax(max), words)
}

fn spam(treatment: SpamTreatment) -> NamedChange {
    let words = match treatment {
        SpamTreatment::Tag => "spam is tagged",
        SpamTreatment::Refuse => "spam is refused",
    };
    (DomainChange::Spam(treatment), words.to_owned())
}

fn sub_addressing(patch: &DomainPatch, now: SubAddressing) -> NamedChange {
    let wanted = SubAddressing { plus: patch.plus.unwrap_or(now.plus), minus: patch.minus.unwrap_or(now.minus) };
    let words = format!("user+tag {}, user-tag {}", on_off(wanted.plus), on_off(wanted.minus));
    (DomainChange::SubAddressing(wanted), words)
}

fn bounce_addresses(patch: &DomainPatch, now: BounceAddresses) -> NamedChange {
    let wanted = BounceAddresses { batv: patch.batv.unwrap_or(now.batv), srs: patch.srs.unwrap_or(now.srs) };
    let words = format!("bounces to signed senders {}, to rewritten ones {}", on_off(wanted.batv), on_off(wanted.srs));
    (DomainChange::BounceAddresses(wanted), words)
}

fn fall_back(on: bool) -> NamedChange {
    (DomainChange::FallBack(on), format!("automatic fall-back to mode monitor {}", on_off(on)))
}

fn on_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

fn accept_abuse(accepted: bool) -> NamedChange {
    let words = format!("abuse@ {}", if accepted { "always accepted" } else { "as the list says" });
    (DomainChange::AcceptAbuse(accepted), words)
}

fn servers_named(servers: Vec<MailServer>) -> NamedChange {
    let hosts: Vec<&str> = servers.iter().map(|server| server.host.as_str()).collect();
    let words = format!("mail goes to {}", hosts.join(", "));
    (DomainChange::Servers(servers), words)
}

/// A field that is there, though it may be null.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}
