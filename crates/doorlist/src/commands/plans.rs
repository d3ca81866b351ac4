//! `doorlist plan ...`: pending plans.

use super::{changes, print};
use crate::cli::sources::PlanCommand;
use crate::command_target::CommandTarget;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use doorlist_actions::{PlanApply, PlanDiscard, PlanList, PlanPage, PlanShow};
use doorlist_core::address::DomainName;
use doorlist_core::change::PlanId;
use doorlist_store::recipients::{PlanEntry, PlanState};

/// Plans or rows that are asked for at a time.
const PAGE: u32 = 1_000;

pub(super) async fn plan(target: &mut CommandTarget, out: &mut Output, what: &PlanCommand) -> Result<Exit, Failure> {
    match what {
        PlanCommand::List { domain } => list(target, out, domain.as_ref()).await,
        PlanCommand::Show { id } => show(target, out, PlanId(*id)).await,
        PlanCommand::Apply { id, over } => {
            let request = PlanApply { id: PlanId(*id), reason: over.reason.clone() };
            print::applied(out, &target.ask(request).await?)?;
            Ok(Exit::DONE)
        }
        PlanCommand::Discard { id } => {
            let id = target.ask(PlanDiscard { id: PlanId(*id) }).await?;
            out.entry(&id, || format!("plan {} discarded; nothing was changed", id.0))?;
            Ok(Exit::DONE)
        }
    }
}

async fn list(target: &mut CommandTarget, out: &mut Output, domain: Option<&DomainName>) -> Result<Exit, Failure> {
    let mut before = None;
    loop {
        let plans = target.ask(PlanList { domain: domain.cloned(), before, limit: PAGE }).await?;
        for plan in &plans {
            out.entry(plan, || line(plan))?;
        }
        match plans.last() {
            Some(last) if plans.len() >= PAGE as usize => before = Some(last.id),
            _ => return Ok(Exit::DONE),
        }
    }
}

fn line(plan: &PlanEntry) -> String {
    let applied = &plan.planned.applied;
    let state = match (plan.state, &plan.held) {
        (PlanState::Waiting, Some(held)) => format!("pending: {held}"),
        (PlanState::Waiting, None) => "pending".to_owned(),
        (PlanState::Applied, _) => plan.change_id.map_or("applied".to_owned(), |id| format!("applied as change {id}")),
        (PlanState::Discarded, _) => "discarded".to_owned(),
    };
    let counts = format!("+{} ~{} -{}", applied.added, applied.changed, applied.removed);
    format!("{:>6}  {}  {}: {} ({counts}) {state}", plan.id.0, print::time(plan.made), plan.actor.name, plan.summary)
}

async fn show(target: &mut CommandTarget, out: &mut Output, id: PlanId) -> Result<Exit, Failure> {
    let (mut after, mut first) = (None, true);
    loop {
        let PlanPage { entry, rows, next } = target.ask(PlanShow { id, after, limit: PAGE }).await?;
        if first && !out.is_json() {
            out.line(&line(&entry))?;
            print::notes(&entry.planned.applied);
        }
        for row in &rows {
            out.entry(row, || changes::row_text(row))?;
        }
        (after, first) = (next, false);
        if after.is_none() {
            return Ok(Exit::DONE);
        }
    }
}
