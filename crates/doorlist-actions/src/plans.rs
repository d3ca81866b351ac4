//! Plans that wait for a person, and taking back a change. Must not know how plans are made or kept.

use crate::error::{ActionError, ErrorKind};
use crate::guarded::check_reason;
use crate::office::Office;
use crate::response::Response;
use doorlist_core::address::DomainName;
use doorlist_core::change::Source;
use doorlist_core::change::{Actor, Change, ChangeSet, PlanId};
use doorlist_store::directory::{Applied, ApplyError, PAGE_MAX, PlanEntry, Refusal};
use doorlist_store::source_book::{RunOutcome, RunRecord};

/// The list may move while an undo is planned; so often it is planned again.
const TRIES: usize = 5;

impl Office {
    pub(crate) async fn plan_list(
        &self,
        domain: Option<&DomainName>,
        before: Option<PlanId>,
        limit: u32,
    ) -> Result<Vec<PlanEntry>, ActionError> {
        Ok(self.directory.plans(domain, before, limit.clamp(1, PAGE_MAX)).await?)
    }

    pub(crate) async fn plan_show(&self, id: PlanId, after: Option<u64>, limit: u32) -> Result<Response, ActionError> {
        let entry = self.plan_entry(id).await?;
        let (rows, next) = self.directory.plan_rows(id, after, limit.clamp(1, PAGE_MAX)).await?;
        Ok(Response::Plan { entry, rows, next })
    }

    async fn plan_entry(&self, id: PlanId) -> Result<PlanEntry, ActionError> {
        Ok(self.directory.plan_entry(id).await?.ok_or(Refusal::NoSuchPlan { id })?)
    }

    /// Applies a plan that waits. One that a limit stopped needs a reason.
    pub(crate) async fn plan_apply(
        &self,
        id: PlanId,
        reason: Option<&str>,
        actor: &Actor,
    ) -> Result<Applied, ActionError> {
        let entry = self.plan_entry(id).await?;
        let mut summary = entry.summary.clone();
        match (&entry.held, reason) {
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
        let began = (self.clock)();
        let set = ChangeSet { changes: vec![Change::Plan { id }], summary };
        let applied = self.directory.apply(&set, actor, None).await?;
        if let (Some(_), Ok(domain)) = (Source::parse(&entry.source), entry.domain.parse()) {
            let run = RunRecord {
                id: 0,
                source: entry.source,
                domain,
                began,
                ended: (self.clock)(),
                outcome: RunOutcome::Applied,
                lost: entry.planned.shrinking.lost,
                size: entry.planned.shrinking.size,
                plan: Some(id),
                change_id: applied.change_id,
                report: entry.report,
            };
            self.book.add_run(&run).await?;
        }
        Ok(applied)
    }

    pub(crate) async fn plan_discard(&self, id: PlanId) -> Result<(), ActionError> {
        Ok(self.directory.discard_plan(id).await?)
    }

    /// Takes a change back: what it did and nobody touched since.
    pub(crate) async fn changes_undo(&self, change: u64, actor: &Actor) -> Result<Applied, ActionError> {
        let Some(entry) = self.directory.change(change).await? else {
            return Err(Refusal::NoSuchChange { change }.into());
        };
        let summary = format!("change {change} undone: {}", entry.summary);
        let mut tries = 1;
        loop {
            let planned = self.directory.plan_undo(change, actor, Some(&summary)).await?;
            let Some(id) = planned.id else { return Ok(planned.applied) };
            let set = ChangeSet { changes: vec![Change::Plan { id }], summary: summary.clone() };
            match self.directory.apply(&set, actor, None).await {
                Ok(applied) => return Ok(applied),
                Err(error) => {
                    // Nobody else is to find it waiting.
                    self.directory.discard_plan(id).await?;
                    if !matches!(error, ApplyError::Moved { .. }) || tries == TRIES {
                        return Err(error.into());
                    }
                    tries += 1;
                }
            }
        }
    }
}
