//! `doorlist audit ...`

mod exported;

use super::print;
use crate::cli::audit::AuditCommand;
use crate::command_target::CommandTarget;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use doorlist_actions::{
    AuditHeadShow, AuditList, AuditPlace, AuditRecord, AuditRow, AuditVerdict, AuditVerify, HeadFinding,
};
use exported::Exported;
use std::path::PathBuf;

pub(super) async fn audit(target: &mut CommandTarget, out: &mut Output, what: &AuditCommand) -> Result<Exit, Failure> {
    match what {
        AuditCommand::List { limit, before } => list(target, out, *before, *limit).await,
        AuditCommand::Head => {
            let head = target.ask(AuditHeadShow).await?;
            out.entry(&head, || head.head.clone())?;
            Ok(Exit::DONE)
        }
        AuditCommand::Verify { head, files } => verify(target, out, head.as_deref(), files).await,
    }
}

async fn list(
    target: &mut CommandTarget,
    out: &mut Output,
    before: Option<AuditPlace>,
    limit: u32,
) -> Result<Exit, Failure> {
    let rows = target.ask(AuditList { before, limit }).await?;
    for row in rows {
        out.entry(&row, || line(&row))?;
    }
    Ok(Exit::DONE)
}

async fn verify(
    target: &mut CommandTarget,
    out: &mut Output,
    head: Option<&str>,
    files: &[PathBuf],
) -> Result<Exit, Failure> {
    let mut verdict = target.ask(AuditVerify { head: head.map(str::to_owned) }).await?;
    let mut faults = Vec::new();
    if !files.is_empty() {
        let mut exported = Exported::read(files, verdict.node)?;
        faults = exported.check(target, &verdict).await?;
        if verdict.head == Some(HeadFinding::TakenOut)
            && let Some(head) = head
            && faults.is_empty()
        {
            verdict.head = Some(exported.finding(head));
        }
    }
    faults.extend(faults_of(&verdict));
    if faults.is_empty() {
        say!("{}", praise(&verdict));
    }
    for fault in &faults {
        say!("{fault}");
    }
    if out.is_json() {
        out.object(&verdict)?;
    }
    Ok(if faults.is_empty() { Exit::DONE } else { Exit::FAILURE })
}

fn praise(verdict: &AuditVerdict) -> String {
    let mut text = format!("all {} entries verified", verdict.lines);
    if verdict.start.number > 0 {
        text.push_str(&format!("; the server removed entries up to {}", verdict.start.number));
    }
    match verdict.keyed_from {
        Some(from) if from > verdict.start.number + 1 => {
            text.push_str(&format!("; entries before {from} verified only since sealing with a key began"));
        }
        _ => {}
    }
    if verdict.head == Some(HeadFinding::Holds) {
        text.push_str("; head verified");
    }
    text
}

fn faults_of(verdict: &AuditVerdict) -> Vec<String> {
    let mut faults = Vec::new();
    match verdict.broken_at {
        Some(at) => faults.push(format!(
            "the chain of {} entries is broken at entry {at}: this entry or an earlier one was changed, inserted or \
             removed",
            verdict.lines
        )),
        None if verdict.lines > 0 && verdict.keyed_from.is_none() => faults.push(format!(
            "none of {} entries is sealed with the secret key, so anyone who can write the store may have forged \
             them: either no server ran since the upgrade, or the chain was replaced",
            verdict.lines
        )),
        None => {}
    }
    let head = match &verdict.head {
        None | Some(HeadFinding::Holds) => return faults,
        Some(HeadFinding::NotOurs) => "the head was made with another secret key, or was changed".to_owned(),
        Some(HeadFinding::OfNode(node)) => {
            format!("the head belongs to node {node}, this audit log to node {}", verdict.node)
        }
        Some(HeadFinding::CutAt(line)) => format!("the chain was truncated: it ends at entry {line}, before the head"),
        Some(HeadFinding::Replaced) => {
            "the chain was replaced: it has another entry at the number of the head".to_owned()
        }
        Some(HeadFinding::TakenOut) => {
            "the entry of the head is no longer in the store; name the exported files that may have it".to_owned()
        }
    };
    faults.push(head);
    faults
}

fn line(row: &AuditRow) -> String {
    let (place, time) = (format!("{}/{}", row.place.node, row.place.number), print::time(row.record.time()));
    let event = match &row.record {
        AuditRecord::Note(note) => return format!("{place:>8}  {time}  {}", note.note),
        AuditRecord::Request(event) => event,
    };
    let login = event.login.as_deref().unwrap_or("-");
    let key = event.key.as_deref().map_or_else(String::new, |key| format!(" ({key}...)"));
    let (method, path) = (&event.method, &event.path);
    format!("{place:>8}  {time}  {login}{key} from {}: {method} {path} -> {}", event.client, event.status)
}
