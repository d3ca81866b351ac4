//! `doorlist check`.

use super::print;
use crate::cli::CheckArgs;
use crate::command_target::CommandTarget;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use doorlist_actions::{Check, CheckReport, MissingClaim, exit_code};
use doorlist_core::policy::Verdict;
use doorlist_smtp::reply::Reply;

/// Prints each decision; the exit code is the worst verdict.
pub(super) async fn check(target: &mut CommandTarget, out: &mut Output, what: &CheckArgs) -> Result<Exit, Failure> {
    let (mut worst, mut wrong) = (Verdict::Accept, None);
    for address in &what.addresses {
        let report = match target.ask(Check { address: address.clone(), from: what.from.clone() }).await {
            Ok(report) => report,
            // The others are checked all the same.
            Err(failure) if failure.exit == Exit::USAGE && what.addresses.len() > 1 => {
                out.flush()?;
                say!("doorlist: {failure}");
                wrong = Some(failure.exit);
                continue;
            }
            Err(failure) => return Err(failure),
        };
        worst = worse(worst, report.decision.verdict);
        if out.is_json() {
            out.object(&report)?;
        } else {
            text(out, &report)?;
        }
    }
    Ok(wrong.unwrap_or(Exit::of_action(exit_code(worst))))
}

/// A refusal is for good, a deferral is not.
fn worse(one: Verdict, other: Verdict) -> Verdict {
    match (one, other) {
        (Verdict::Reject, _) | (_, Verdict::Reject) => Verdict::Reject,
        (Verdict::Defer, _) | (_, Verdict::Defer) => Verdict::Defer,
        _ => Verdict::Accept,
    }
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
    if let Some(near) = &report.near {
        out.line(&format!("  near     did you mean {near}?"))?;
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
