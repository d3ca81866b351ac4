//! `doorlist domain preview`: who would have been refused had the list been enforced, in groups; whoever looks real or is
//! undecided by name, with the commands that put it on the list.

use super::unlisted::{line_with_commands, senders};
use crate::command_target::CommandTarget;
use crate::commands::print;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use doorlist_actions::{DomainPreview, DomainShow, PreviewReport, PreviewedRecipient};
use doorlist_core::address::DomainName;
use doorlist_core::preview::{MessageCounts, PreviewGroup};
use serde::Serialize;

/// The groups as they are shown, with what each means.
const GROUPS: [(PreviewGroup, &str, &str); 5] = [
    (PreviewGroup::LooksReal, "looks real", "the domain's server took mail for them that is neither spam nor a virus"),
    (PreviewGroup::Undecided, "undecided", "nobody knows whether they exist"),
    (PreviewGroup::SpamOnly, "spam only", "all their messages were spam or viruses"),
    (PreviewGroup::Guessing, "guessing", "only sources asked for them that guess addresses"),
    (PreviewGroup::RefusedAnyway, "refused anyway", "the domain's server or a person refuses them in every mode"),
];

/// The first line of the answer as JSON; the recipients follow.
#[derive(Serialize)]
struct PreviewSummary<'a> {
    domain: &'a DomainName,
    since: doorlist_core::time::Timestamp,
    looks_real: u64,
    undecided: u64,
    spam_only: u64,
    guessing: u64,
    refused_anyway: u64,
    /// Attempts in floods, of which only the count was kept.
    unnamed: u64,
}

pub(super) async fn preview(
    target: &mut CommandTarget,
    out: &mut Output,
    name: DomainName,
    days: u16,
) -> Result<Exit, Failure> {
    let report = target.ask(DomainPreview { name, days }).await?;
    if out.is_json() {
        out.object(&summary(&report))?;
    } else {
        out.line(&format!(
            "{}: the last {} with its list enforced",
            report.domain,
            print::counted(days.into(), "day")
        ))?;
        counts(&report).try_for_each(|line| out.line(&line))?;
    }
    let separators = target.ask(DomainShow { name: report.domain.clone() }).await?.separators();
    for recipient in &report.recipients {
        line_with_commands(out, recipient, &line(recipient), &recipient.address, separators)?;
    }
    out.flush()?;
    rest(&report);
    Ok(Exit::DONE)
}

fn summary(report: &PreviewReport) -> PreviewSummary<'_> {
    PreviewSummary {
        domain: &report.domain,
        since: report.since,
        looks_real: report.count(PreviewGroup::LooksReal),
        undecided: report.count(PreviewGroup::Undecided),
        spam_only: report.count(PreviewGroup::SpamOnly),
        guessing: report.count(PreviewGroup::Guessing),
        refused_anyway: report.count(PreviewGroup::RefusedAnyway),
        unnamed: report.unnamed,
    }
}

fn counts(report: &PreviewReport) -> impl Iterator<Item = String> {
    GROUPS.iter().map(|(group, word, meaning)| {
        format!("  {word:<15}{:<16} {meaning}", print::counted(report.count(*group), "recipient"))
    })
}

/// What is behind the names.
fn rest(report: &PreviewReport) {
    let named = report.count(PreviewGroup::LooksReal) + report.count(PreviewGroup::Undecided);
    let hidden = named.saturating_sub(report.recipients.len() as u64);
    if hidden > 0 {
        say!("{hidden} more are not shown; shorten the time with --days");
    }
    if report.unnamed > 0 {
        say!("and {} in floods, of which only the number was kept", print::counted(report.unnamed, "attempt"));
    }
    if named == 0 {
        say!("no recipient that looks real or is undecided would have been refused");
    } else {
        say!("recipients that are left off the list are refused when it is enforced");
    }
}

/// `info@example.test: looks real: 12 messages delivered (9 clean), last 2026-11-29 22:04 UTC, from elsewhere.test`
pub(super) fn line(recipient: &PreviewedRecipient) -> String {
    let PreviewedRecipient { group, address, history, sender_domains, listed_mail, listed_clean_mail } = recipient;
    let word = GROUPS.iter().find(|(of, ..)| of == group).map_or("", |(_, word, _)| word);
    let mut evidence = Vec::new();
    if let Some(day) = listed_mail {
        let clean = listed_clean_mail.map_or_else(String::new, |day| format!(", clean mail on {}", print::day(day)));
        evidence.push(format!("was on the list, and got mail on {}{clean}", print::day(*day)));
    }
    evidence.extend(messages(history.taken, "delivered"));
    if history.taken.good() == 0 {
        evidence.extend(messages(history.received, "received"));
    }
    if history.times() > 0 {
        evidence.push(format!("asked for {}", print::counted(history.times(), "time")));
        evidence.push(format!("last {}", print::minute(history.last)));
    }
    if !sender_domains.is_empty() {
        evidence.push(format!("from {}", senders(sender_domains)));
    }
    format!("{address}: {word}: {}", evidence.join(", "))
}

fn messages(counts: MessageCounts, what: &str) -> Option<String> {
    let all = u64::from(counts.good()) + u64::from(counts.bad);
    let clean = if counts.clean > 0 { format!(" ({} clean)", counts.clean) } else { String::new() };
    (all > 0).then(|| format!("{} {what}{clean}", print::counted(all, "message")))
}
