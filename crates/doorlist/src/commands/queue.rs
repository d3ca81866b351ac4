//! `doorlist queue ...`

use super::print;
use crate::cli::queue::QueueCommand;
use crate::command_target::CommandTarget;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use doorlist_actions::{
    QueueEntry, QueueFilter, QueueList, QueueMove, QueueOrder, QueueSelection, QueueShow, QueueState,
};
use doorlist_core::queue_id::QueueId;

/// Messages that are asked for at a time.
const PAGE: u32 = 1_000;
/// Recipients of a message that the list names.
const RECIPIENTS_NAMED_MAX: usize = 3;

pub(super) async fn queue(target: &mut CommandTarget, out: &mut Output, what: &QueueCommand) -> Result<Exit, Failure> {
    let (order, selection) = match what {
        QueueCommand::List => return list(target, out).await,
        QueueCommand::Show { id } => return show(target, out, *id).await,
        QueueCommand::Retry { id: Some(id), .. } => (QueueOrder::Retry, QueueSelection::Message(*id)),
        QueueCommand::Retry { domain: Some(domain), .. } => (QueueOrder::Retry, QueueSelection::Domain(domain.clone())),
        QueueCommand::Retry { .. } => return Err(Failure::because(Exit::USAGE, "give a queue ID or --domain NAME")),
        QueueCommand::Hold { id } => (QueueOrder::Hold, QueueSelection::Message(*id)),
        QueueCommand::Release { id } => (QueueOrder::Release, QueueSelection::Message(*id)),
        QueueCommand::Delete { id } => (QueueOrder::Delete, QueueSelection::Message(*id)),
    };
    let done = target.ask(QueueMove { order, selection }).await?;
    out.entry(&serde_json::json!({ "messages": done }), || {
        format!("{done} message{}: {}", if done == 1 { "" } else { "s" }, done_text(order))
    })?;
    Ok(Exit::DONE)
}

fn done_text(order: QueueOrder) -> &'static str {
    match order {
        QueueOrder::Retry => "scheduled for immediate delivery",
        QueueOrder::Hold => "on hold until released",
        QueueOrder::Release => "released",
        QueueOrder::Delete => "deleted",
    }
}

async fn list(target: &mut CommandTarget, out: &mut Output) -> Result<Exit, Failure> {
    let mut filter = QueueFilter { domain: None, after: None, limit: PAGE };
    let mut total: usize = 0;
    loop {
        let entries = target.ask(QueueList { filter: filter.clone() }).await?;
        total += entries.len();
        for entry in &entries {
            out.entry(entry, || line(entry))?;
        }
        match entries.last() {
            Some(last) if entries.len() >= PAGE as usize => filter.after = Some(last.id),
            _ => break,
        }
    }
    if !out.is_json() {
        say!("{total} message{} in the queue", if total == 1 { "" } else { "s" });
    }
    Ok(Exit::DONE)
}

fn line(entry: &QueueEntry) -> String {
    let waiting: Vec<_> =
        entry.recipients.iter().filter(|recipient| recipient.state != QueueState::Delivered).collect();
    let names: Vec<_> = waiting.iter().take(RECIPIENTS_NAMED_MAX).map(|recipient| recipient.address.as_str()).collect();
    let more = waiting.len().saturating_sub(RECIPIENTS_NAMED_MAX);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let reply = waiting.iter().find_map(|recipient| recipient.reply.as_deref());
    let reply = reply.map(|reply| format!(" ({reply})")).unwrap_or_default();
    let size = entry.size;
    let (id, at) = (entry.id, print::time(entry.received_at));
    format!("{id}  {size:>9}  {at}  {} -> {}{more}: {}{reply}", sender(entry), names.join(", "), standing(entry))
}

fn sender(entry: &QueueEntry) -> String {
    format!("<{}>", entry.sender)
}

fn standing(entry: &QueueEntry) -> String {
    let failed = entry.recipients.iter().all(|r| matches!(r.state, QueueState::Failed | QueueState::Delivered));
    match entry.next_attempt {
        _ if entry.hold => "on hold".to_owned(),
        _ if failed => "failed, kept in the queue".to_owned(),
        None => "queued".to_owned(),
        Some(at) => format!("attempt {} at {}", entry.attempts + 1, print::time(at)),
    }
}

async fn show(target: &mut CommandTarget, out: &mut Output, id: QueueId) -> Result<Exit, Failure> {
    let entry = target.ask(QueueShow { id }).await?;
    if out.is_json() {
        out.object(&entry)?;
        return Ok(Exit::DONE);
    }
    out.line(&format!("{}: {}", entry.id, standing(&entry)))?;
    out.line(&format!("  from      {}", sender(&entry)))?;
    out.line(&format!("  accepted  {}", print::time(entry.received_at)))?;
    out.line(&format!("  size      {}", entry.size))?;
    out.line(&format!("  attempts  {}", entry.attempts))?;
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
