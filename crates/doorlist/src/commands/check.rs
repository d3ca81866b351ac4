//! `doorlist check`.

use super::print;
use crate::command_target::{CommandTarget, unexpected};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use doorlist_actions::{Check, CheckReport, MissingClaim, Response};
use doorlist_core::policy::Verdict;
use doorlist_smtp::reply::Reply;

/// Prints the decision; the exit code is the verdict.
pub(super) async fn check(
    target: &mut CommandTarget,
    out: &mut Output,
    address: &str,
    from: Option<&str>,
) -> Result<Exit, Failure> {
    let response = target.respond(Check { address: address.to_owned(), from: from.map(str::to_owned) }.into()).await?;
    let exit = Exit::of_action(response.exit_code());
    let Response::Checked(report) = response else { return Err(unexpected(&response)) };
    if out.is_json() {
        out.object(&report)?;
    } else {
        text(out, &report)?;
    }
    Ok(exit)
}

fn text(out: &mut Output, report: &CheckReport) -> Result<(), Failure> {
    let verdict = match report.decision.verdict {
        Verdict::Accept => "accepted",
        Verdict::Reject => "refused",
        Verdict::Defer => "deferred",
    };
    let reply = String::from_utf8_lossy(Reply::to_rcpt(&report.decision).line()).trim_end().to_owned();
    out.line(&format!("{}: {verdict}: {reply}", report.address))?;
    out.line(&format!("  why      {}", report.sentence))?;
    if let Some(entry) = &report.entry {
        out.line(&format!("  entry    {}, {}", entry.address, print::what_it_is(entry)))?;
    }
    for missing in &report.missing {
        out.line(&format!("  missing  {}", missing_text(missing, report)))?;
    }
    if let Some(domain) = &report.domain {
        out.line(&format!("  domain   {domain}"))?;
    }
    Ok(())
}

/// `from directory:office since 2026-11-22T...; accepted until 2026-11-29T...`
fn missing_text(missing: &MissingClaim, report: &CheckReport) -> String {
    let claims = report.entry.as_ref().map_or(0, |entry| entry.record.claims.len());
    let (source, since) = (&missing.source, print::time(missing.since));
    if claims > report.missing.len() {
        return format!("from {source} since {since}; another source still has it");
    }
    format!("from {source} since {since}; accepted until {}, unless it comes back", print::time(missing.until))
}
