//! `doorlist domain completeness`: how much of the clean mail went to listed addresses, and who got the rest.

use super::unlisted::{commands_of, senders};
use crate::command_target::CommandTarget;
use crate::commands::print;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use doorlist_actions::{CompletenessReport, DomainCompleteness, DomainShow};
use doorlist_core::address::DomainName;

pub(super) async fn completeness(
    target: &mut CommandTarget,
    out: &mut Output,
    name: DomainName,
    days: u16,
) -> Result<Exit, Failure> {
    let report = target.ask(DomainCompleteness { name, days }).await?;
    if out.is_json() {
        out.object(&report)?;
        return Ok(Exit::DONE);
    }
    out.line(&sentence(&report, days))?;
    let separators = target.ask(DomainShow { name: report.domain.clone() }).await?.separators();
    for recipient in &report.missing {
        let (clean, last) = (print::counted(recipient.clean, "clean message"), print::minute(recipient.last));
        let (add, alias, _) = commands_of(&recipient.address, separators);
        let from = senders(&recipient.sender_domains);
        out.line(&format!("{}: {clean}, last {last}, from {from}", recipient.address))?;
        out.line(&format!("  {add}"))?;
        out.line(&format!("  {alias}"))?;
    }
    out.flush()?;
    let hidden = report.missing_total.saturating_sub(report.missing.len() as u64);
    if hidden > 0 {
        say!("{hidden} more are not shown; shorten the time with --days");
    }
    Ok(Exit::DONE)
}

/// `99.2 % of the clean mail of the last 14 days went to listed addresses; 9 addresses explain the rest`
fn sentence(report: &CompletenessReport, days: u16) -> String {
    let CompletenessReport { domain, completeness, missing_total, unnamed, .. } = report;
    let days = print::counted(days.into(), "day");
    if completeness.clean == 0 {
        return format!("{domain}: no clean mail came in the last {days}");
    }
    let rest = match (missing_total, unnamed) {
        (0, 0) => String::new(),
        (1, 0) => "; 1 address explains the rest".to_owned(),
        (_, 0) => format!("; {missing_total} addresses explain the rest"),
        (_, more) => {
            let more = print::counted(*more, "message");
            format!("; {missing_total} addresses and {more} to addresses that were not kept explain the rest")
        }
    };
    format!("{domain}: {completeness} of the clean mail of the last {days} went to listed addresses{rest}")
}
