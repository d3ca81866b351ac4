//! `doorlist domain unlisted`: recipients that are not on the list, and the commands that put them there.

use crate::command_target::CommandTarget;
use crate::commands::print;
use crate::commands::shell_word::shell_word;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use doorlist_actions::{DomainShow, DomainUnlisted, UNLISTED_MAX, UnlistedRecipient};
use doorlist_core::address::{Address, DomainName, LocalPart};
use doorlist_core::domain::SubAddressing;
use serde::Serialize;

/// A recipient with the commands for it, as JSON.
#[derive(Serialize)]
struct LineWithCommands<'a, R> {
    #[serde(flatten)]
    recipient: &'a R,
    /// Adds it as an account of its own; of a sub-address, its base.
    add: String,
    /// Adds it as an alias; `ACCOUNT` is to be replaced.
    alias: String,
}

pub(super) async fn unlisted(
    target: &mut CommandTarget,
    out: &mut Output,
    name: DomainName,
    days: u16,
) -> Result<Exit, Failure> {
    let report = target.ask(DomainUnlisted { name, days, limit: UNLISTED_MAX }).await?;
    let separators = target.ask(DomainShow { name: report.domain.clone() }).await?.separators();
    for recipient in &report.recipients {
        line_with_commands(out, recipient, &line(recipient), &recipient.address, separators)?;
    }
    out.flush()?;
    let (domain, days) = (&report.domain, print::counted(days.into(), "day"));
    if report.total == 0 {
        say!("no recipient that is not on the list of {domain} was asked for in the last {days}");
    } else {
        let recipients = print::counted(report.total, "recipient");
        say!("{recipients} of {domain} not on the list, asked for in the last {days}");
    }
    let hidden = report.total.saturating_sub(report.recipients.len() as u64);
    if hidden > 0 {
        say!("the {hidden} least asked for are not shown; shorten the time with --days");
    }
    if report.unnamed > 0 {
        say!("and {} in floods, of which only the number was kept", print::counted(report.unnamed, "attempt"));
    }
    Ok(Exit::DONE)
}

/// `info@example.test: 12 times, last 2026-11-29 22:04 UTC, from elsewhere.test`
fn line(recipient: &UnlistedRecipient) -> String {
    let (times, last) = (print::counted(recipient.times, "time"), print::minute(recipient.last));
    format!("{}: {times}, last {last}, from {}", recipient.address, senders(&recipient.sender_domains))
}

/// A recipient with the commands that put it on the list: as JSON, or as a line of text and a line for each.
pub(super) fn line_with_commands(
    out: &mut Output,
    recipient: &impl Serialize,
    line: &str,
    address: &Address,
    separators: SubAddressing,
) -> Result<(), Failure> {
    let (add, alias, base) = commands_of(address, separators);
    if out.is_json() {
        return Ok(out.object(&LineWithCommands { recipient, add, alias })?);
    }
    out.line(line)?;
    if let Some(base) = base {
        out.line(&format!("  is a sub-address of {base}, which is not on the list"))?;
    }
    out.line(&format!("  {add}"))?;
    Ok(out.line(&format!("  {alias}"))?)
}

/// Domains of senders with commas between them.
pub(super) fn senders(domains: &[String]) -> String {
    let names: Vec<&str> = domains.iter().map(|domain| if domain.is_empty() { "<>" } else { domain }).collect();
    names.join(", ")
}

/// The commands that put an address on the list, as an account or as an alias. A sub-address is accepted with its base: the
/// commands are for that, which comes third.
pub(super) fn commands_of(address: &Address, separators: SubAddressing) -> (String, String, Option<Address>) {
    let base = address.local().bases(separators).last().map(LocalPart::from_canonical);
    let base = base.map(|local| Address::new(local, address.domain().clone()));
    let on_list = base.as_ref().unwrap_or(address);
    let (local, domain) = (on_list.local().to_string(), on_list.domain());
    let add = format!("doorlist account add {}", shell_word(&on_list.to_string()));
    let alias = format!("doorlist alias add ACCOUNT@{domain} {}", shell_word(&local));
    (add, alias, base)
}
