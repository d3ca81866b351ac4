//! `doorlist sync ...`: tests and runs syncs.

use super::{plan_text, print, progress};
use crate::cli::sync::Sync;
use crate::command_target::{CommandTarget, unexpected};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use doorlist_actions::{
    Request, Response, SyncHistory, SyncPreview, SyncReport, SyncRun, SyncTest, TestReport, UNPAGED,
};
use doorlist_store::recipients::{EXAMPLES_LIMIT, EXAMPLES_MAX};
use doorlist_store::source_book::RunRecord;

/// Readings that are asked for at a time.
const PAGE: u32 = 100;
/// Problems that a person reads.
const PROBLEMS_SHOWN_MAX: usize = 20;

pub(super) async fn sync(target: &mut CommandTarget, out: &mut Output, what: &Sync) -> Result<Exit, Failure> {
    let request: Request = match what {
        Sync::Test { name } => SyncTest { name: name.clone() }.into(),
        Sync::Preview { name, all } => {
            let examples_max = if *all || out.is_json() { EXAMPLES_LIMIT } else { EXAMPLES_MAX };
            SyncPreview { name: name.clone(), examples_max }.into()
        }
        Sync::Run { name, changes, over, .. } => {
            SyncRun { name: name.clone(), reason: over.reason.clone(), changes: *changes }.into()
        }
        Sync::History { name } => return history(target, out, name).await,
    };
    let all = matches!(what, Sync::Preview { all: true, .. } | Sync::Run { all: true, .. });
    let response = progress::respond(target, "reading", request).await?;
    let exit = Exit::of_action(response.exit_code());
    match response {
        Response::SyncTested(report) if out.is_json() => out.object(&report)?,
        Response::SyncTested(report) => tested(out, &report)?,
        Response::Synced(mut report) if out.is_json() => {
            if let Some(plan) = &mut report.plan {
                plan_text::rows(target, out, plan, true).await?;
                plan.rows.clear();
            }
            out.object(&*report)?;
        }
        Response::Synced(report) => {
            synced(&report);
            if let Some(plan) = &report.plan {
                plan_text::rows(target, out, plan, all).await?;
                print::notes(&plan.applied);
            }
            out.line(&line(&report))?;
        }
        other => return Err(unexpected(&other)),
    }
    Ok(exit)
}

fn tested(out: &mut Output, report: &TestReport) -> Result<(), Failure> {
    for step in &report.steps {
        let word = if step.ok { "ok" } else { "FAILED" };
        let server = step.server.as_ref().map(|server| format!("{server}: ")).unwrap_or_default();
        out.line(&format!("{word:<7} {:<8} {server}{} ({} ms)", step.stage, step.detail, step.millis))?;
    }
    if let Some(certificate) = &report.certificate {
        out.line(&format!("certificate {certificate}"))?;
    }
    if let Some(sha256) = &report.certificate_sha256 {
        out.line(&format!("to trust only this certificate: --pin {sha256}"))?;
    }
    for entry in &report.first {
        out.line(&format!("  {entry}"))?;
    }
    Ok(())
}

fn synced(report: &SyncReport) {
    let what = if report.whole { "full read" } else { "read changes" };
    if !report.server.is_empty() {
        say!(
            "{what} from {}: {} entries, {} addresses of {}",
            report.server,
            report.entries,
            report.addresses,
            report.domain
        );
    }
    if report.unpaged {
        say!("{UNPAGED}");
    }
    for (what, count) in &report.skipped {
        say!("skipped: {what}: {count}");
    }
    for problem in report.problems.iter().take(PROBLEMS_SHOWN_MAX) {
        say!("{}: {}: {}", problem.place, problem.value, problem.why);
    }
    if report.references > 0 {
        say!("{} referrals to other servers were not followed", report.references);
    }
}

fn line(report: &SyncReport) -> String {
    let [added, changed, removed, missing] = report.counts;
    let why = report.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    format!(
        "{} {} +{added} ~{changed} -{removed}, {missing} newly missing, {} ms{why}",
        report.source,
        report.outcome.word(),
        report.millis
    )
}

async fn history(target: &mut CommandTarget, out: &mut Output, name: &str) -> Result<Exit, Failure> {
    let mut before = None;
    loop {
        let request = SyncHistory { name: name.to_owned(), before, limit: PAGE };
        let runs = target.ask(request).await?;
        for run in &runs {
            out.entry(run, || run_line(run))?;
        }
        match runs.last() {
            Some(last) if runs.len() >= PAGE as usize => before = Some(last.id),
            _ => return Ok(Exit::DONE),
        }
    }
}

fn run_line(run: &RunRecord) -> String {
    let report: Option<SyncReport> = serde_json::from_str(&run.report).ok();
    let told = report.as_ref().map_or_else(|| run.outcome.word().to_owned(), line);
    let change = run.change_id.map(|id| format!(", change {id}")).unwrap_or_default();
    format!("{}  {told}{change}", print::time(run.began))
}
