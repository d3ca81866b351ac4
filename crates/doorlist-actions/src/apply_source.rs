//! The one way from what a source says to the list: a plan, the guard against a list that shrinks, limits, and only then
//! the change. Files, directories and pushed data all come through here. Must not know how a source is read.

use crate::actions::Actions;
use crate::error::{ActionError, ErrorKind};
use crate::imports::DEFAULT_SOURCE;
use doorlist_core::address::DomainName;
use doorlist_core::change::{Actor, PlanId, Source};
use doorlist_core::shrink_guard::{self, OperationLimits, Operations, WINDOW};
use doorlist_core::source_rows::NormalizedRows;
use doorlist_core::time::Timestamp;
use doorlist_store::recipients::{
    Applied, ApplyError, Coverage, EXAMPLES_LIMIT, EXAMPLES_MAX, PlanRow, Planned, Shrunken, SourcePlan,
};
use doorlist_store::source_book::{RunOutcome, RunRecord};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The list may move between plan and change; so often the plan is made again.
const TRIES: usize = 5;
/// Characters of a reason that a person gives.
pub(crate) const REASON_MAX: usize = 200;

/// What a source says, and what may come of it.
pub(crate) struct SourceInput<'a> {
    pub(crate) domain: &'a DomainName,
    pub(crate) source: &'a Source,
    pub(crate) coverage: Coverage<'a>,
    pub(crate) file: Option<&'a str>,
    /// It takes nothing away that came from another file under the same source name.
    pub(crate) only_own_file: bool,
    /// Rows that a plan shows that is thrown away; of others [`EXAMPLES_MAX`], the rest can be read from the store.
    pub(crate) examples_max: usize,
    /// The line in the change log.
    pub(crate) summary: &'a str,
    pub(crate) limits: OperationLimits,
    /// What its maker tells whoever looks at the plan: JSON.
    pub(crate) report: &'a str,
    pub(crate) then: Then<'a>,
}

/// What is done with the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then<'a> {
    /// It is shown and thrown away.
    Show,
    /// It waits for a person.
    Wait,
    /// It is applied, unless a limit stops it.
    Apply,
    /// It is applied over the limits, for this reason.
    Override(&'a str),
}

impl<'a> Then<'a> {
    /// What a request means by `apply` and `reason`.
    pub(crate) fn of(apply: bool, reason: Option<&'a str>) -> Self {
        match (reason, apply) {
            (_, false) => Then::Show,
            (None, true) => Then::Apply,
            (Some(reason), true) => Then::Override(reason),
        }
    }
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanReport {
    /// What was (or would be) done.
    pub applied: Applied,
    /// It is on the list now.
    pub written: bool,
    /// The plan, if it waits for a person.
    pub plan: Option<PlanId>,
    /// Why it waits: the limit that stopped it, or would stop it.
    pub held: Option<String>,
    /// Its counts by kind.
    pub operations: Operations,
    /// What the source loses.
    pub shrinking: Shrunken,
    /// Its first rows in the order of [`doorlist_core::list_change::RowChange`], some of each.
    pub rows: Vec<PlanRow>,
}

impl PlanReport {
    /// 0 written, or nothing to do; 2 something would change; 4 a limit stops it.
    pub fn exit_code(&self) -> u8 {
        match (&self.held, self.written) {
            (Some(_), false) => 4,
            (_, false) if self.applied.changes_something() => 2,
            _ => 0,
        }
    }
}

/// What becomes of a plan.
enum Settled {
    /// It waits, or there is nothing to do.
    Ended(PlanReport),
    /// It is taken over, and then reported so.
    ToApply(PlanId, PlanReport),
}

impl Actions {
    /// Plans, guards, and applies. An earlier plan of the source that still waits ends with it, if all of the source was
    /// read.
    pub(crate) async fn apply_source(
        &self,
        input: &SourceInput<'_>,
        list: NormalizedRows,
        actor: &Actor,
    ) -> Result<PlanReport, ActionError> {
        let began = self.now();
        let report = self.plan_and_apply(input, list, actor).await?;
        if report.written && input.coverage == Coverage::Whole {
            // What was written is on the list either way; the next reading ends the plan if the store is away now.
            let _ = self.services.recipients.overtake_plans(input.domain, input.source, began).await;
        }
        Ok(report)
    }

    /// The list is let go before the plan is taken over: no other is made of it then.
    async fn plan_and_apply(
        &self,
        input: &SourceInput<'_>,
        list: NormalizedRows,
        actor: &Actor,
    ) -> Result<PlanReport, ActionError> {
        let stage = (input.then != Then::Show).then_some(input.summary);
        let mut tries = 1;
        let (id, report, begun) = loop {
            let planned = self.plan(input, &list, actor, stage).await?;
            if input.only_own_file && !planned.other_files.is_empty() {
                if let Some(id) = planned.id {
                    self.throw_away(id).await;
                }
                return Err(of_other_files(input.source, &planned.other_files));
            }
            let held = self.stopped_by(input, &planned).await?;
            let (id, report) = match self.settle_plan(input, planned, held).await? {
                Settled::Ended(report) => return Ok(report),
                Settled::ToApply(id, report) => (id, report),
            };
            match self.services.recipients.begin_plan(id, actor).await {
                Ok(begun) => break (id, report, begun),
                Err(error) => {
                    self.throw_away(id).await;
                    match error {
                        ApplyError::Moved { .. } if tries < TRIES => tries += 1,
                        error => return Err(error.into()),
                    }
                }
            }
        };
        drop(list);
        match self.services.recipients.finish_plan(begun, &summary(input)).await {
            Ok(applied) => Ok(PlanReport { applied, written: true, ..report }),
            Err(error) => {
                self.throw_away(id).await;
                Err(error.into())
            }
        }
    }

    /// What was staged; if the store is away, it is swept later.
    async fn throw_away(&self, id: PlanId) {
        let _ = self.services.recipients.discard_plan(id).await;
    }

    async fn plan(
        &self,
        input: &SourceInput<'_>,
        list: &NormalizedRows,
        actor: &Actor,
        stage: Option<&str>,
    ) -> Result<Planned, ApplyError> {
        let SourceInput { domain, source, coverage, file, .. } = *input;
        let examples_max = if stage.is_none() { input.examples_max.min(EXAMPLES_LIMIT) } else { EXAMPLES_MAX };
        let plan = SourcePlan { domain, source, list, coverage, file, examples_max };
        let progress = &self.caller().progress;
        self.services.recipients.plan_source_counting(&plan, actor, stage, self.now(), progress).await
    }

    /// The limit that a plan exceeds, as a sentence.
    async fn stopped_by(&self, input: &SourceInput<'_>, planned: &Planned) -> Result<Option<String>, ActionError> {
        let now = self.now();
        let earlier = self.services.book.losses(input.source, input.domain, now - WINDOW).await?;
        if let Err(shrunk) = shrink_guard::check(planned.shrinking.into(), &earlier, now) {
            return Ok(Some(shrunk.to_string()));
        }
        Ok(input.limits.check(&planned.operations).err().map(|over| over.to_string()))
    }

    async fn settle_plan(
        &self,
        input: &SourceInput<'_>,
        planned: Planned,
        held: Option<String>,
    ) -> Result<Settled, ApplyError> {
        let report = |written, plan, held| PlanReport {
            applied: planned.applied.clone(),
            written,
            plan,
            held,
            operations: planned.operations,
            shrinking: planned.shrinking,
            rows: planned.examples.clone(),
        };
        let Some(id) = planned.id else {
            let written = input.then != Then::Show && !planned.applied.changes_something();
            return Ok(Settled::Ended(report(written, None, held.filter(|_| input.then == Then::Show))));
        };
        let waits = match (input.then, &held) {
            (Then::Override(_), _) => planned.shrinking.size > 0 && planned.shrinking.lost >= planned.shrinking.size,
            (Then::Apply, None) => false,
            _ => true,
        };
        if waits {
            self.services.recipients.supersede_plans(id).await?;
            self.services.recipients.annotate_plan(id, held.as_deref(), input.report).await?;
            return Ok(Settled::Ended(report(false, Some(id), held)));
        }
        self.services.recipients.annotate_plan(id, None, input.report).await?;
        Ok(Settled::ToApply(id, report(false, None, None)))
    }

    /// Notes what came of reading a source, for people and for the guard.
    pub(crate) async fn note_run(
        &self,
        input: &SourceInput<'_>,
        began: Timestamp,
        came: &PlanReport,
        report: String,
    ) -> Result<RunOutcome, ActionError> {
        let outcome = match (came.written, came.applied.change_id) {
            (true, Some(_)) => RunOutcome::Applied,
            (true, None) => RunOutcome::Same,
            (false, _) => RunOutcome::Held,
        };
        let lost = if outcome == RunOutcome::Applied { came.shrinking.lost } else { 0 };
        let run = RunRecord {
            id: 0,
            source: input.source.to_string(),
            domain: input.domain.clone(),
            began,
            ended: self.now(),
            outcome,
            lost,
            size: came.shrinking.size,
            plan: came.plan,
            change_id: came.applied.change_id,
            report,
        };
        self.services.book.add_run(&run).await?;
        Ok(outcome)
    }
}

/// A mirror would remove what other files brought.
fn of_other_files(source: &Source, files: &BTreeSet<String>) -> ActionError {
    let files = files.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    let message = format!(
        "addresses that are not in this file came under the same source name ({source}) from {files}; a mirror would \
         remove them. Nothing was changed. Give this file a source name of its own with --source NAME, or --source {DEFAULT_SOURCE} \
         if it replaces them all"
    );
    ActionError::new(ErrorKind::Unconfirmed, message)
}

fn summary(input: &SourceInput<'_>) -> String {
    match input.then {
        Then::Override(reason) => format!("{} (over the limits: {reason})", input.summary),
        _ => input.summary.to_owned(),
    }
}

/// A reason stands in the change log.
pub(crate) fn check_reason(reason: &str) -> Result<(), ActionError> {
    let fits =
        !reason.trim().is_empty() && reason.chars().count() <= REASON_MAX && !reason.chars().any(char::is_control);
    if fits {
        return Ok(());
    }
    let message = format!("the reason for the override must have 1 to {REASON_MAX} characters");
    Err(ActionError::new(ErrorKind::Usage, message))
}
