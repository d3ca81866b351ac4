//! The state of this Doorlist on one screen: domains by mode, queue, sources, plans that wait, attacks.

use crate::action::{Action, Reach};
use crate::actions::Actions;
use crate::error::ActionError;
use crate::queue::{QueueState, pages};
use doorlist_core::address::DomainName;
use doorlist_core::domain::Mode;
use doorlist_core::time::Timestamp;
use doorlist_store::recipients::DomainSummary;
use serde::{Deserialize, Serialize};

/// Names in each list of an answer.
const NAMED_MAX: usize = 20;

/// Shows the state of this Doorlist.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Status;

/// The state of this Doorlist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusReport {
    pub version: String,
    /// `None`: no server is running.
    pub server: Option<ServerStatus>,
    pub domains: DomainStatus,
    pub queue: QueueStatus,
    pub sources: SourceStatus,
    pub plans_waiting: u64,
}

/// The server that is running.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerStatus {
    pub started: Timestamp,
    pub uptime_seconds: u64,
    /// Sources that are flagged for guessing now.
    pub sources_flagged: u64,
}

/// Domains by mode and switches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainStatus {
    pub total: u64,
    /// In their trial: the list grows from mail.
    #[serde(default)]
    pub learn: u64,
    pub monitor: u64,
    /// Enforced, with 450 for unlisted recipients for now.
    pub enforce_soft: u64,
    pub enforce: u64,
    pub inactive: u64,
    pub hold: u64,
    /// Addresses on all lists.
    pub addresses: u64,
    /// Enforced domains without an address, twenty of them at most.
    pub enforced_empty: Vec<DomainName>,
}

/// Messages that wait for delivery.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueStatus {
    pub messages: u64,
    /// Tried, and to be tried again.
    pub deferred: u64,
    pub held: u64,
    /// Given up and kept.
    pub failed: u64,
    pub oldest: Option<Timestamp>,
}

/// Sources of the lists' recipients.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceStatus {
    pub total: u64,
    pub failing: Vec<FailingSource>,
}

/// A source whose last reading failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailingSource {
    pub name: String,
    pub domain: DomainName,
    pub since: Timestamp,
    pub why: String,
}

impl Action for Status {
    type Answer = StatusReport;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    fn is_heavy(&self) -> bool {
        true
    }

    async fn run(self, actions: &Actions) -> Result<StatusReport, ActionError> {
        let (services, now) = (&actions.services, actions.now());
        let server = services.server.as_ref().map(|server| ServerStatus {
            started: server.started(),
            uptime_seconds: now.since(server.started()).as_secs(),
            sources_flagged: server.sources_flagged(),
        });
        let mut domains = DomainStatus::default();
        for domain in &services.recipients.domains().await? {
            domains.count(domain, now);
        }
        Ok(StatusReport {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            server,
            domains,
            queue: queue(actions).await?,
            sources: sources(actions).await?,
            plans_waiting: services.recipients.plans_waiting().await?,
        })
    }
}

impl DomainStatus {
    fn count(&mut self, domain: &DomainSummary, now: Timestamp) {
        self.total += 1;
        self.addresses += domain.counts.listed();
        self.inactive += u64::from(!domain.active);
        self.hold += u64::from(domain.hold);
        let of_mode = match domain.mode {
            Mode::Learn { .. } => &mut self.learn,
            Mode::Monitor => &mut self.monitor,
            mode if mode.is_soft(now) => &mut self.enforce_soft,
            Mode::Enforce { .. } => &mut self.enforce,
        };
        *of_mode += 1;
        if matches!(domain.mode, Mode::Enforce { empty: true, .. }) && self.enforced_empty.len() < NAMED_MAX {
            self.enforced_empty.push(domain.name.clone());
        }
    }
}

async fn queue(actions: &Actions) -> Result<QueueStatus, ActionError> {
    let mut status = QueueStatus::default();
    pages(actions, None, |entries| {
        for entry in entries {
            status.messages += 1;
            status.oldest = status.oldest.or(Some(entry.received_at));
            let failed = entry.recipients.iter().all(|r| matches!(r.state, QueueState::Failed | QueueState::Delivered));
            let is_deferred = entry.recipients.iter().any(|r| r.state == QueueState::Deferred);
            let counted = match entry.hold {
                true => &mut status.held,
                false if failed => &mut status.failed,
                // Its server may be left alone for a while, so that it was deferred without a try of its own.
                false if entry.attempts > 0 || is_deferred => &mut status.deferred,
                false => continue,
            };
            *counted += 1;
        }
    })
    .await?;
    Ok(status)
}

async fn sources(actions: &Actions) -> Result<SourceStatus, ActionError> {
    let mut status = SourceStatus::default();
    for source in actions.services.book.connections().await? {
        status.total += 1;
        if let Some(since) = source.health.failing_since
            && status.failing.len() < NAMED_MAX
        {
            let why = source.health.why.unwrap_or_default();
            status.failing.push(FailingSource { name: source.name, domain: source.domain, since, why });
        }
    }
    Ok(status)
}
