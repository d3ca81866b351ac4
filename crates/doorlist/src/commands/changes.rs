//! `doorlist changes ...`

use super::{confirm, plan_text, print, progress, row_text};
use crate::cli::changes::Changes;
use crate::command_target::CommandTarget;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use doorlist_actions::{ChangePage, ChangesList, ChangesShow, ChangesUndo};
use doorlist_core::address::DomainName;
use doorlist_core::change::Via;
use doorlist_store::recipients::{ChangeEntry, ChangeRow};

/// Entries or rows that are asked for at a time.
const PAGE: u32 = 1_000;

pub(super) async fn changes(target: &mut CommandTarget, out: &mut Output, what: &Changes) -> Result<Exit, Failure> {
    match what {
        Changes::List { domain } => list(target, out, domain.as_ref()).await,
        Changes::Show { id } => show(target, out, *id).await,
        Changes::Undo { id, yes } => undo(target, out, *id, *yes).await,
    }
}

async fn undo(target: &mut CommandTarget, out: &mut Output, id: u64, yes: bool) -> Result<Exit, Failure> {
    if !yes {
        let ChangePage { entry, .. } = target.ask(ChangesShow { id, after: None, limit: 1 }).await?;
        if entry.added > 1 {
            let added = print::counted(entry.added, "address");
            let what = format!("change {id} added {added}, which its undo takes off the list again");
            confirm::removal(&what, yes)?;
        }
    }
    let applied = progress::ask(target, "undoing", ChangesUndo { id }).await?;
    plan_text::what_went(target, out, &applied).await?;
    print::applied(out, &applied)?;
    Ok(Exit::DONE)
}

async fn list(target: &mut CommandTarget, out: &mut Output, domain: Option<&DomainName>) -> Result<Exit, Failure> {
    let (mut before, mut is_empty) = (None, true);
    loop {
        let entries = target.ask(ChangesList { domain: domain.cloned(), before, limit: PAGE }).await?;
        for entry in &entries {
            out.entry(entry, || line(entry))?;
        }
        is_empty &= entries.is_empty();
        match entries.last() {
            Some(last) if entries.len() >= PAGE as usize => before = Some(last.id),
            _ => break,
        }
    }
    if is_empty {
        say!("no changes");
    }
    Ok(Exit::DONE)
}

fn line(entry: &ChangeEntry) -> String {
    let via = match entry.actor.via {
        Via::Command => "command",
        Via::Import => "import",
        Via::Sync => "sync",
        Via::Push => "push",
        Via::Api => "api",
        Via::Learning => "learning",
        Via::System => "system",
    };
    let gone = if entry.rows_gone { "; its rows were removed" } else { "" };
    let counts = format!("+{} ~{} -{}{gone}", entry.added, entry.changed, entry.removed);
    format!("{:>6}  {}  {} by {via}: {} ({counts})", entry.id, print::time(entry.time), entry.actor.name, entry.summary)
}

async fn show(target: &mut CommandTarget, out: &mut Output, id: u64) -> Result<Exit, Failure> {
    let (mut after, mut first) = (None, true);
    loop {
        let ChangePage { entry, rows, next } = target.ask(ChangesShow { id, after, limit: PAGE }).await?;
        if first && !out.is_json() {
            out.line(&line(&entry))?;
        }
        for row in &rows {
            out.entry(row, || row_text(row))?;
        }
        (after, first) = (next, false);
        if after.is_none() {
            return Ok(Exit::DONE);
        }
    }
}

pub(super) fn row_text(row: &ChangeRow) -> String {
    match row {
        ChangeRow::Address { address, before, after, .. } => {
            row_text::row_text(address, before.as_ref(), after.as_ref())
        }
        ChangeRow::Domain { name, before, after } => {
            let sign = match (before, after) {
                (None, _) => '+',
                (_, None) => '-',
                _ => '~',
            };
            let mode = after.as_ref().map(|after| format!(": {}", after.mode.word())).unwrap_or_default();
            let moved = match (before, after) {
                (Some(before), Some(after)) if before.customer != after.customer => {
                    format!(", customer {} -> {}", before.customer, after.customer)
                }
                _ => String::new(),
            };
            format!("  {sign} domain {name}{mode}{moved}")
        }
    }
}
