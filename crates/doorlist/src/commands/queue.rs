//! `doorlist queue ...`

use super::{confirm, print};
use crate::cli::queue::{QueueChoice, QueueCommand, QueueConditions};
use crate::command_target::CommandTarget;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use doorlist_actions::{
    AGES_MINUTES, DomainList, QueueAges, QueueEntry, QueueFilter, QueueList, QueueMatch, QueueMove, QueueOrder,
    QueueSelection, QueueShape, QueueShow, QueueState, QueueSummary,
};
use doorlist_core::queue_id::QueueId;
use std::collections::BTreeSet;

/// Messages that are asked for at a time.
const PAGE: u32 = 1_000;
/// Recipients of a message that the list names.
const RECIPIENTS_NAMED_MAX: usize = 3;

pub(super) async fn queue(target: &mut CommandTarget, out: &mut Output, what: &QueueCommand) -> Result<Exit, Failure> {
    match what {
        QueueCommand::List { which } => list(target, out, which).await,
        QueueCommand::Summary => summary(target, out).await,
        QueueCommand::Show { id } => show(target, out, *id).await,
        QueueCommand::Retry(choice) => order(target, out, QueueOrder::Retry, choice).await,
        QueueCommand::Hold(choice) => order(target, out, QueueOrder::Hold, choice).await,
        QueueCommand::Release(choice) => order(target, out, QueueOrder::Release, choice).await,
        QueueCommand::Delete(choice) => order(target, out, QueueOrder::Delete, choice).await,
    }
}

async fn order(
    target: &mut CommandTarget,
    out: &mut Output,
    order: QueueOrder,
    choice: &QueueChoice,
) -> Result<Exit, Failure> {
    let selection = match choice.id {
        Some(id) => QueueSelection::Message(id),
        None => {
            let (domain, matching) = (choice.which.domain.clone(), conditions(&choice.which));
            QueueSelection::Matching { domain, matching }
        }
    };
    // To try again changes nothing that could not be had back.
    if choice.id.is_none() && !choice.yes && order != QueueOrder::Retry {
        let count = count(target, &choice.which).await?;
        confirm::messages(&format!("{}: {}", print::counted(count, "message"), asked_text(order)))?;
    }
    let done = target.ask(QueueMove { order, selection }).await?;
    out.entry(&serde_json::json!({ "messages": done }), || {
        format!("{}: {}", print::counted(done, "message"), done_text(order))
    })?;
    Ok(Exit::DONE)
}

fn conditions(which: &QueueConditions) -> QueueMatch {
    QueueMatch {
        recipient: which.to.clone(),
        before: which.older.map(|older| crate::command_target::clock()() - older),
        reason: which.reason.clone(),
    }
}

async fn count(target: &mut CommandTarget, which: &QueueConditions) -> Result<u64, Failure> {
    let mut count = 0;
    pages(target, which, |entries| {
        count += entries.len() as u64;
        Ok(())
    })
    .await?;
    Ok(count)
}

/// Asks for the messages that meet these conditions, a page at a time.
async fn pages(
    target: &mut CommandTarget,
    which: &QueueConditions,
    mut look: impl FnMut(&[QueueEntry]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut filter = QueueFilter { domain: which.domain.clone(), after: None, limit: PAGE };
    let matching = conditions(which);
    loop {
        let entries = target.ask(QueueList { filter: filter.clone(), matching: matching.clone() }).await?;
        look(&entries)?;
        match entries.last() {
            Some(last) if entries.len() >= PAGE as usize => filter.after = Some(last.id),
            _ => return Ok(()),
        }
    }
}

fn asked_text(order: QueueOrder) -> &'static str {
    match order {
        QueueOrder::Retry => "deliver them now",
        QueueOrder::Hold => "hold them until they are released",
        QueueOrder::Release => "release them for delivery",
        QueueOrder::Delete => "delete them for good, without a bounce",
    }
}

fn done_text(order: QueueOrder) -> &'static str {
    match order {
        QueueOrder::Retry => "scheduled for immediate delivery",
        QueueOrder::Hold => "on hold until released",
        QueueOrder::Release => "released",
        QueueOrder::Delete => "deleted",
    }
}

async fn list(target: &mut CommandTarget, out: &mut Output, which: &QueueConditions) -> Result<Exit, Failure> {
    let mut total = 0;
    let held = held_domains(target).await?;
    pages(target, which, |entries| {
        total += entries.len() as u64;
        for entry in entries {
            out.entry(entry, || line(entry, &held))?;
        }
        Ok(())
    })
    .await?;
    if !out.is_json() {
        let is_all = which.domain.is_none() && conditions(which) == QueueMatch::default();
        say!("{} {}", print::counted(total, "message"), if is_all { "in the queue" } else { "found in the queue" });
    }
    Ok(Exit::DONE)
}

/// The queue as qshape shows it.
async fn summary(target: &mut CommandTarget, out: &mut Output) -> Result<Exit, Failure> {
    let shape = target.ask(QueueSummary).await?;
    if out.is_json() {
        for (domain, ages) in [("", &shape.total)].into_iter().chain(rows(&shape)) {
            let by_age: Vec<_> = age_names().zip(ages).collect();
            let domain = (!domain.is_empty()).then_some(domain);
            out.object(&serde_json::json!({ "domain": domain, "messages": sum(ages), "by_age_minutes": by_age }))?;
        }
        return Ok(Exit::DONE);
    }
    out.line(&row("", "T", age_names()))?;
    for (domain, ages) in [("TOTAL", &shape.total)].into_iter().chain(rows(&shape)) {
        out.line(&row(domain, &sum(ages).to_string(), ages.iter().map(u64::to_string)))?;
    }
    Ok(Exit::DONE)
}

fn rows(shape: &QueueShape) -> impl Iterator<Item = (&str, &QueueAges)> {
    shape.domains.iter().map(|(domain, ages)| (domain.as_str(), ages))
}

/// `5`, `10`, ... `1280+`: minutes.
fn age_names() -> impl Iterator<Item = String> {
    let above = AGES_MINUTES.last().map(|last| format!("{last}+"));
    AGES_MINUTES.iter().map(u32::to_string).chain(above)
}

fn sum(ages: &QueueAges) -> u64 {
    ages.iter().sum()
}

fn row(domain: &str, total: &str, ages: impl Iterator<Item = String>) -> String {
    ages.fold(format!("{domain:>32} {total:>6}"), |line, count| format!("{line} {count:>5}"))
}

/// Domains whose mail is held.
async fn held_domains(target: &mut CommandTarget) -> Result<BTreeSet<String>, Failure> {
    let domains = target.ask(DomainList).await?;
    Ok(domains.into_iter().filter(|domain| domain.hold).map(|domain| domain.name.to_string()).collect())
}

fn line(entry: &QueueEntry, held: &BTreeSet<String>) -> String {
    let waiting: Vec<_> =
        entry.recipients.iter().filter(|recipient| recipient.state != QueueState::Delivered).collect();
    let names: Vec<_> = waiting.iter().take(RECIPIENTS_NAMED_MAX).map(|recipient| recipient.address.as_str()).collect();
    let more = waiting.len().saturating_sub(RECIPIENTS_NAMED_MAX);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let reply = waiting.iter().find_map(|recipient| recipient.reply.as_deref());
    let reply = reply.map(|reply| format!(" ({reply})")).unwrap_or_default();
    let size = entry.size;
    let (id, at) = (entry.id, print::time(entry.received_at));
    format!("{id}  {size:>9}  {at}  {} -> {}{more}: {}{reply}", sender(entry), names.join(", "), standing(entry, held))
}

fn sender(entry: &QueueEntry) -> String {
    format!("<{}>", entry.sender)
}

fn standing(entry: &QueueEntry, held: &BTreeSet<String>) -> String {
    let is_held = |address: &str| address.rsplit_once('@').is_some_and(|(_, domain)| held.contains(domain));
    let failed = entry.recipients.iter().all(|r| matches!(r.state, QueueState::Failed | QueueState::Delivered));
    match entry.next_attempt {
        _ if entry.hold => "on hold".to_owned(),
        _ if failed => "failed, kept in the queue".to_owned(),
        None if entry.recipients.iter().any(|r| is_held(&r.address)) => "held with its domain".to_owned(),
        None => "queued".to_owned(),
        // Its server is left alone for a while, because of other messages.
        Some(at) if entry.attempts == 0 => format!("next try {}", print::time(at)),
        Some(at) => format!("next try {}, {} so far", print::time(at), print::counted(entry.attempts.into(), "try")),
    }
}

async fn show(target: &mut CommandTarget, out: &mut Output, id: QueueId) -> Result<Exit, Failure> {
    let entry = target.ask(QueueShow { id }).await?;
    if out.is_json() {
        out.object(&entry)?;
        return Ok(Exit::DONE);
    }
    let held = held_domains(target).await?;
    out.line(&format!("{}: {}", entry.id, standing(&entry, &held)))?;
    out.line(&format!("  from      {}", sender(&entry)))?;
    out.line(&format!("  accepted  {}", print::time(entry.received_at)))?;
    out.line(&format!("  size      {}", entry.size))?;
    out.line(&format!("  tries     {}", entry.attempts))?;
    for recipient in &entry.recipients {
        let state = match recipient.state {
            QueueState::Pending => "not tried yet",
            QueueState::Deferred => "deferred",
            QueueState::Delivered => "delivered",
            QueueState::Failed => "failed",
        };
        let reply = recipient.reply.as_ref().map(|reply| format!(": {reply}")).unwrap_or_default();
        out.line(&format!("  to        <{}> {state}{reply}", recipient.address))?;
    }
    Ok(Exit::DONE)
}
