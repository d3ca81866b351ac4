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
use doorlist_store::source_book::{RunOutcome, RunRecord};

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
            if let Some(plan) = &report.plan {
                out.flush()?;
                print::change_and_undo(&plan.applied);
            }
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
            "{what} from {}: {}, {} of {}",
            report.server,
            print::counted(report.entries, "entry"),
            print::counted(report.addresses, "address"),
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
        say!("not followed: {} to other servers", print::counted(report.references, "referral"));
    }
}

fn line(report: &SyncReport) -> String {
    let [added, changed, removed, missing] = report.counts;
    let why = report.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    let (source, outcome, millis) = (&report.source, outcome(report), report.millis);
    let end = if is_preview(report) { "; preview, nothing was written" } else { "" };
    format!("{source} {outcome} +{added} ~{changed} -{removed}, {missing} newly missing, {millis} ms{why}{end}")
}

/// A plan that was neither applied nor kept was made to be looked at.
fn is_preview(report: &SyncReport) -> bool {
    report.plan.as_ref().is_some_and(|plan| !plan.written && plan.plan.is_none())
}

fn outcome(report: &SyncReport) -> &'static str {
    match (report.outcome, is_preview(report)) {
        (RunOutcome::Applied, true) => "would apply",
        (RunOutcome::Held, true) => "would hold",
        (outcome, _) => outcome.word(),
    }
}

async fn history(target: &mut CommandTarget, out: &mut Output, name: &str) -> Result<Exit, Failure> {
    let (mut before, mut is_empty) = (None, true);
    loop {
        let request = SyncHistory { name: name.to_owned(), before, limit: PAGE };
        let runs = target.ask(request).await?;
        for run in &runs {
            out.entry(run, || run_line(run))?;
        }
        is_empty &= runs.is_empty();
        match runs.last() {
            Some(last) if runs.len() >= PAGE as usize => before = Some(last.id),
            _ => break,
        }
    }
    if is_empty {
        say!("{name} has not been synced");
    }
    Ok(Exit::DONE)
}

fn run_line(run: &RunRecord) -> String {
    let report: Option<SyncReport> = serde_json::from_str(&run.report).ok();
    let told = report.as_ref().map_or_else(|| run.outcome.word().to_owned(), line);
    let change = run.change_id.map(|id| format!(", change {id}")).unwrap_or_default();
    format!("{}  {told}{change}", print::time(run.began))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn a_preview_says_that_it_wrote_nothing() {
        let told = |outcome: &str, plan: serde_json::Value| {
            let report = json!({
                "source": "office", "domain": "example.test", "began": 0, "millis": 17, "outcome": outcome, "why": null,
                "whole": true, "server": "ldaps://ldap.example.test", "entries": 8, "addresses": 8, "skipped": [],
                "problems": [], "problems_total": 0, "references": 0, "reference_urls": [], "counts": [7, 1, 0, 0],
                "plan": plan,
            });
            line(&serde_json::from_value(report).unwrap())
        };
        let plan = |written: bool, plan: Option<u32>| {
            json!({
                "applied": doorlist_store::recipients::Applied::default(), "written": written, "plan": plan, "held": null,
                "operations": {"accounts_add": 0, "accounts_delete": 0, "aliases_add": 0, "aliases_delete": 0},
                "shrinking": {"size": 0, "lost": 0}, "rows": [],
            })
        };
        let counts = "+7 ~1 -0, 0 newly missing, 17 ms";
        let end = "; preview, nothing was written";
        assert_eq!(told("applied", plan(false, None)), format!("office would apply {counts}{end}"));
        assert_eq!(told("held", plan(false, None)), format!("office would hold {counts}{end}"));
        assert_eq!(told("applied", plan(true, None)), format!("office applied {counts}"));
        assert_eq!(told("held", plan(false, Some(3))), format!("office held {counts}"));
        assert_eq!(told("applied", json!(null)), format!("office applied {counts}"), "in the history");
    }
}
