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
struct UnlistedLine<'a> {
    #[serde(flatten)]
    recipient: &'a UnlistedRecipient,
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
    let separators = target.ask(DomainShow { name: report.domain.clone() }).await?.sub_addressing;
    for recipient in &report.recipients {
        // A sub-address is accepted with its base.
        let base = base_of(&recipient.address, separators);
        let (add, alias) = (add(&base), alias(&base));
        if out.is_json() {
            out.object(&UnlistedLine { recipient, add, alias })?;
            continue;
        }
        out.line(&line(recipient))?;
        if base != recipient.address {
            out.line(&format!("  is a sub-address of {base}, which is not on the list"))?;
        }
        out.line(&format!("  {add}"))?;
        out.line(&format!("  {alias}"))?;
    }
    out.flush()?;
    let (domain, days) = (&report.domain, print::counted(days.into(), "day"));
    if report.total == 0 {
        say!("no recipient that is not on the list of {domain} was deferred or refused in the last {days}");
    } else {
        let recipients = print::counted(report.total, "recipient");
        say!("{recipients} of {domain} not on the list, deferred or refused in the last {days}");
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

/// `info@example.test: 12 times, last 2026-11-29 22:04 UTC, from elsewhere.test and 3 more`
pub(super) fn line(recipient: &UnlistedRecipient) -> String {
    let name = |domain: &String| if domain.is_empty() { "<>".to_owned() } else { domain.clone() };
    let senders: Vec<String> = recipient.sender_domains.iter().map(name).collect();
    let more = recipient.sender_domains_total.saturating_sub(senders.len() as u64);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let (times, last) = (print::counted(recipient.times, "time"), print::minute(recipient.last));
    format!("{}: {times}, last {last}, from {}{more}", recipient.address, senders.join(", "))
}

/// The address without its tags.
fn base_of(address: &Address, separators: SubAddressing) -> Address {
    let base = address.local().bases(separators).last().map(LocalPart::from_canonical);
    Address::new(base.unwrap_or_else(|| address.local().clone()), address.domain().clone())
}

fn add(address: &Address) -> String {
    format!("doorlist account add {}", shell_word(&address.to_string()))
}

fn alias(address: &Address) -> String {
    let (local, domain) = (address.local().to_string(), address.domain());
    format!("doorlist alias add ACCOUNT@{domain} {}", shell_word(&local))
}
