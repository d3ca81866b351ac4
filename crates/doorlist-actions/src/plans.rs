//! Plans that wait for a person: listed, shown, applied, discarded. Must not know how plans are made or kept.

use crate::action::{Action, Reach};
use crate::actions::Actions;
use crate::apply_source::check_reason;
use crate::error::{ActionError, ErrorKind};
use crate::services::Services;
use doorlist_core::address::DomainName;
use doorlist_core::change::{Change, PlanId, Source};
use doorlist_core::time::Timestamp;
use doorlist_store::recipients::{Applied, ChangeRow, PAGE_MAX, PlanEntry, PlanState, Refusal};
use doorlist_store::source_book::{RunOutcome, RunRecord};
use serde::{Deserialize, Serialize};

/// Lists plans of what the caller sees, newest first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PlanList {
    /// Of one domain alone.
    pub domain: Option<DomainName>,
    /// Older than this one.
    pub before: Option<PlanId>,
    /// Plans of the page, at most [`PAGE_MAX`].
    pub limit: u32,
}

impl Action for PlanList {
    type Answer = Vec<PlanEntry>;

    fn reach(&self) -> Reach {
        Reach::look_at(self.domain.as_ref())
    }

    async fn run(self, actions: &Actions) -> Result<Vec<PlanEntry>, ActionError> {
        let limit = self.limit.clamp(1, PAGE_MAX);
        Ok(actions.view().plans(self.domain.as_ref(), self.before, limit).await?)
    }
}

/// Shows a plan with its rows, a page at a time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PlanShow {
    pub id: PlanId,
    pub after: Option<u64>,
    /// Rows of the page, at most [`PAGE_MAX`].
    pub limit: u32,
}

/// A plan, and a page of its rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanPage {
    pub entry: PlanEntry,
    /// This page of its rows.
    pub rows: Vec<ChangeRow>,
    /// Where the next page begins; `None`: this was the last.
    pub next: Option<u64>,
}

impl Action for PlanShow {
    type Answer = PlanPage;

    fn reach(&self) -> Reach {
        Reach::Plan { id: self.id, looks: true }
    }

    async fn run(self, actions: &Actions) -> Result<PlanPage, ActionError> {
        let Self { id, after, limit } = self;
        let entry = plan_entry(&actions.services, id).await?;
        let (rows, next) = actions.services.recipients.plan_rows(id, after, limit.clamp(1, PAGE_MAX)).await?;
        Ok(PlanPage { entry, rows, next })
    }
}

/// Applies a plan that waits. One that a limit stopped needs a reason.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PlanApply {
    pub id: PlanId,
    /// Why the limit that stopped it is overridden.
    pub reason: Option<String>,
}

impl Action for PlanApply {
    type Answer = Applied;

    fn reach(&self) -> Reach {
        Reach::Plan { id: self.id, looks: false }
    }

    fn is_heavy(&self) -> bool {
        true
    }

    async fn run(self, actions: &Actions) -> Result<Applied, ActionError> {
        let id = self.id;
        let entry = plan_entry(&actions.services, id).await?;
        // What is done has no limit to override.
        if entry.state != PlanState::Waiting {
            let state = if entry.state == PlanState::Applied { "applied" } else { "discarded" };
            return Err(Refusal::PlanIsDone { id, state: state.to_owned() }.into());
        }
        actions.may_move_domains(actions.services.recipients.plan_gives_domains(id).await?)?;
        let mut summary = entry.summary.clone();
        match (&entry.held, self.reason.as_deref()) {
            (Some(held), None) => {
                let message =
                    format!("plan {} is pending: {held}; to apply it, give --override-limit and --reason", id.0);
                return Err(ActionError::new(ErrorKind::Unconfirmed, message));
            }
            (_, Some(reason)) => {
                check_reason(reason)?;
                summary = format!("{summary} (over the limits: {reason})");
            }
            (None, None) => {}
        }
        let began = actions.now();
        let applied = actions.apply(vec![Change::Plan { id }], summary).await?;
        note_run(&actions.services, entry, began, &applied).await?;
        Ok(applied)
    }
}

/// Discards a plan that waits.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PlanDiscard {
    pub id: PlanId,
}

impl Action for PlanDiscard {
    type Answer = PlanId;

    fn reach(&self) -> Reach {
        Reach::Plan { id: self.id, looks: false }
    }

    async fn run(self, actions: &Actions) -> Result<PlanId, ActionError> {
        actions.services.recipients.discard_plan(self.id).await?;
        Ok(self.id)
    }
}

async fn plan_entry(services: &Services, id: PlanId) -> Result<PlanEntry, ActionError> {
    Ok(services.recipients.plan_entry(id).await?.ok_or(Refusal::NoSuchPlan { id })?)
}

/// The history of the plan's source says what came of it.
async fn note_run(
    services: &Services,
    entry: PlanEntry,
    began: Timestamp,
    applied: &Applied,
) -> Result<(), ActionError> {
    let (Some(_), Ok(domain)) = (Source::parse(&entry.source), entry.domain.parse()) else { return Ok(()) };
    let run = RunRecord {
        id: 0,
        source: entry.source,
        domain,
        began,
        ended: services.now(),
        outcome: RunOutcome::Applied,
        lost: entry.planned.shrinking.lost,
        size: entry.planned.shrinking.size,
        plan: Some(entry.id),
        change_id: applied.change_id,
        report: entry.report,
    };
    Ok(services.book.add_run(&run).await?)
}
