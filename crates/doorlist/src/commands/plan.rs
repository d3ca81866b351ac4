//! `doorlist plan ...`: pending plans.

use super::plan_text::{self, PlanText, Tense};
use super::{changes, confirm, print, progress};
use crate::cli::plan::PlanCommand;
use crate::command_target::CommandTarget;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use doorlist_actions::{PlanApply, PlanDiscard, PlanList, PlanPage, PlanShow};
use doorlist_core::address::DomainName;
use doorlist_core::change::PlanId;
use doorlist_store::recipients::{ChangeRow, PlanEntry, PlanState};

/// Plans or rows that are asked for at a time.
const PAGE: u32 = 1_000;

pub(super) async fn plan(target: &mut CommandTarget, out: &mut Output, what: &PlanCommand) -> Result<Exit, Failure> {
    match what {
        PlanCommand::List { domain } => list(target, out, domain.as_ref()).await,
        PlanCommand::Show { id, all } => show(target, out, PlanId(*id), *all).await,
        PlanCommand::Apply { id, yes, over } => {
            if !yes {
                let PlanPage { entry, .. } = target.ask(PlanShow { id: PlanId(*id), after: None, limit: 1 }).await?;
                confirm_removal(&entry)?;
            }
            let request = PlanApply { id: PlanId(*id), reason: over.reason.clone() };
            let applied = progress::ask(target, "applying", request).await?;
            plan_text::what_went(target, out, &applied).await?;
            print::applied(out, &applied)?;
            Ok(Exit::DONE)
        }
        PlanCommand::Discard { id } => {
            let id = target.ask(PlanDiscard { id: PlanId(*id) }).await?;
            out.entry(&id, || format!("plan {} discarded; nothing was changed", id.0))?;
            Ok(Exit::DONE)
        }
    }
}

/// Asks if the plan waits and takes more than one address off the list.
fn confirm_removal(plan: &PlanEntry) -> Result<(), Failure> {
    let removed = plan.planned.applied.removed;
    if removed <= 1 || plan.state != PlanState::Waiting {
        return Ok(());
    }
    let removed = print::counted(removed, "address");
    confirm::removal(&format!("plan {} removes {removed} of {}", plan.id.0, plan.domain), false)
}

async fn list(target: &mut CommandTarget, out: &mut Output, domain: Option<&DomainName>) -> Result<Exit, Failure> {
    let mut before = None;
    let mut is_empty = true;
    loop {
        let plans = target.ask(PlanList { domain: domain.cloned(), before, limit: PAGE }).await?;
        for plan in &plans {
            out.entry(plan, || line(plan))?;
        }
        is_empty &= plans.is_empty();
        match plans.last() {
            Some(last) if plans.len() >= PAGE as usize => before = Some(last.id),
            _ => break,
        }
    }
    if is_empty {
        say!("no plans");
    }
    Ok(Exit::DONE)
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

/// Says how a pending plan is decided.
fn next_step(plan: &PlanEntry) {
    if plan.state == PlanState::Waiting {
        let over = if plan.held.is_some() { " --override-limit --reason TEXT" } else { "" };
        say!(
            "apply it with `doorlist plan apply {0}{over}`, or discard it with `doorlist plan discard {0}`",
            plan.id.0
        );
    }
}

async fn show(target: &mut CommandTarget, out: &mut Output, id: PlanId, all: bool) -> Result<Exit, Failure> {
    let PlanPage { entry, mut rows, mut next } = target.ask(PlanShow { id, after: None, limit: PAGE }).await?;
    let applied = &entry.planned.applied;
    if !out.is_json() {
        out.line(&line(&entry))?;
        print::notes(applied);
    }
    let tense = if entry.state == PlanState::Applied { Tense::Did } else { Tense::Would };
    let mut text = PlanText::new(applied, tense, (!all).then_some("--all shows them"));
    loop {
        for row in &rows {
            match row {
                _ if out.is_json() => out.object(row)?,
                ChangeRow::Address { address, before, after, .. } if all => {
                    text.row(out, address, before.as_ref(), after.as_ref())?;
                }
                ChangeRow::Address { .. } => {}
                ChangeRow::Domain { .. } => out.line(&changes::row_text(row))?,
            }
        }
        let Some(after) = next.filter(|_| all || out.is_json()) else { break };
        PlanPage { rows, next, .. } = target.ask(PlanShow { id, after: Some(after), limit: PAGE }).await?;
    }
    if !all && !out.is_json() {
        // Some of each kind, where the first rows of a long plan are of one.
        for row in &entry.planned.examples {
            text.row(out, &row.address, row.before.as_ref(), row.after.as_ref())?;
        }
    }
    if !out.is_json() {
        text.finish(out)?;
        let counts = match tense {
            Tense::Would => plan_text::would(applied),
            Tense::Did => print::counts_of(applied),
        };
        out.line(&format!("plan {} for {}: {counts}", id.0, entry.domain))?;
        out.flush()?;
        next_step(&entry);
    }
    Ok(Exit::DONE)
}
