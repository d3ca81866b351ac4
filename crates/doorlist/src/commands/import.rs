//! `doorlist import`: what a file would change, or changes.

use super::{confirm, input::Input, plan_text, print, progress};
use crate::cli::import::{Import, ImportRequestCommand};
use crate::command_target::{CommandTarget, unexpected};
use crate::exit::{Exit, Failure, OrExit};
use crate::output::Output;
use anyhow::Context;
use doorlist_actions::{self as actions, FileReading, ImportFile, ImportReport, Response};
use doorlist_core::source_rows::RowProblem;
use doorlist_store::recipients::{EXAMPLES_LIMIT, EXAMPLES_MAX};
use std::io::Write;

/// Maximum rows in the text output; the rest is counted. JSON has all.
const ROWS_SHOWN_MAX: usize = 20;

/// Plans or applies the import.
pub(super) async fn import(
    target: &mut CommandTarget,
    out: &mut Output,
    what: &Import,
    input: Input,
) -> Result<Exit, Failure> {
    if let Some(ImportRequestCommand::Request { domain, source, days }) = &what.request {
        let request = actions::ImportRequest { domain: domain.clone(), source: source.clone(), days: *days };
        return link(target, out, request).await;
    }
    let (Some(domain), Some(file)) = (&what.domain, &what.file) else { return Ok(Exit::USAGE) };
    let from_stdin = file.as_os_str() == "-";
    let request = ImportFile {
        domain: domain.clone(),
        source: what.source.clone(),
        name: (!from_stdin).then(|| file.file_name().unwrap_or_default().to_string_lossy().into_owned()),
        file: input.file.into(),
        format: what.format.clone(),
        columns: what.map.clone(),
        mirror: what.mirror,
        clean: what.clean,
        examples_max: if what.all || out.is_json() { EXAMPLES_LIMIT } else { EXAMPLES_MAX },
        apply: what.apply,
        reason: what.over.reason.clone(),
    };
    if what.apply && what.mirror && !what.yes {
        confirm_removals(target, &request).await?;
    }
    let response = read_file(target, request).await?;
    let exit = Exit::of_action(response.exit_code());
    let Response::Import(mut report) = response else { return Err(unexpected(&response)) };
    if let (Some(mut rejected), Some(path)) = (input.rejected, &what.rejected) {
        rejected
            .set_len(0)
            .and_then(|()| rejected.write_all(report.reading.rejected.as_bytes()))
            .with_context(|| format!("cannot write the skipped rows to {}", path.display()))
            .or_exit(Exit::CANNOT_CREATE)?;
    }
    if out.is_json() {
        plan_text::rows(target, out, &report.plan, true).await?;
        report.plan.rows.clear();
        out.object(&report)?;
        return Ok(exit);
    }
    read_text(what, &report.reading);
    plan_text::rows(target, out, &report.plan, what.all).await?;
    outcome_text(out, what, &report)?;
    Ok(exit)
}

/// Has the file read, and shows how long it takes.
async fn read_file(target: &mut CommandTarget, request: ImportFile) -> Result<Response, Failure> {
    progress::respond(target, "reading and comparing", Box::new(request)).await
}

/// Asks if the file would take more than one address off the list, unless a limit stops that anyway.
async fn confirm_removals(target: &mut CommandTarget, request: &ImportFile) -> Result<(), Failure> {
    let dry_run = ImportFile { apply: false, ..request.clone() };
    let Response::Import(ImportReport { plan, .. }) = read_file(target, dry_run).await? else { return Ok(()) };
    let is_stopped = plan.held.is_some() && request.reason.is_none();
    if plan.applied.removed <= 1 || is_stopped {
        return Ok(());
    }
    let (removed, domain) = (print::counted(plan.applied.removed, "address"), &request.domain);
    confirm::removal(&format!("this import removes {removed} of {domain} that the file does not have"), false)
}

async fn link(target: &mut CommandTarget, out: &mut Output, request: actions::ImportRequest) -> Result<Exit, Failure> {
    let made = target.ask(request).await?;
    if out.is_json() {
        out.object(&made)?;
        return Ok(Exit::DONE);
    }
    match &made.url {
        Some(url) => out.line(url)?,
        None => out.line(&format!("/upload/{}", made.token))?,
    }
    say!("accepts one file for {} until {}; the link is not shown again", made.domain, print::time(made.expires));
    if made.url.is_none() {
        say!("set web.url to print complete links");
    }
    say!("`plan list` shows the uploaded file");
    Ok(Exit::DONE)
}

fn read_text(what: &Import, reading: &FileReading) {
    how_read(reading);
    problems(&reading.problems, reading.problems_total, "bad values");
    problems(&reading.conflicts, reading.conflicts_total, "contradictions");
    if reading.problems_total > 0 && what.rejected.is_none() {
        say!("--rejected FILE writes the rows with a bad value to a file, so you can correct and import them");
    }
}

fn outcome_text(out: &mut Output, what: &Import, report: &ImportReport) -> Result<(), Failure> {
    let (plan, reading) = (&report.plan, &report.reading);
    let domain = what.domain.as_ref().map(ToString::to_string).unwrap_or_default();
    let mut line = match plan.written {
        true => format!("imported into {domain}: {}", print::counts_of(&plan.applied)),
        false => format!("plan for {domain}: {}", plan_text::would(&plan.applied)),
    };
    for (count, text, end) in [(reading.repeated, "duplicate", ""), (reading.problems_total, "bad value", " skipped")] {
        if count > 0 {
            line.push_str(&format!("; {}{end}", print::counted(count, text)));
        }
    }
    out.line(&line)?;
    // What follows on stderr is about it.
    out.flush()?;
    print::notes(&plan.applied);
    match (&plan.held, plan.plan, plan.written) {
        (Some(held), Some(id), _) => {
            say!("stopped: {held}\nnothing was written; the import is pending as plan {0} (`plan show {0}`)", id.0);
        }
        (Some(held), None, false) => {
            say!("a limit would stop the import: {held}\nto import it anyway: --apply --override-limit --reason TEXT");
        }
        (None, _, false) if plan.applied.changes_something() => {
            say!("dry run, nothing was written: add --apply to import");
        }
        _ => {}
    }
    print::change_and_undo(&plan.applied);
    Ok(())
}

fn how_read(reading: &FileReading) {
    if !reading.format.is_empty() {
        say!("format: {}", reading.format);
    }
    for detail in &reading.details {
        say!("  {detail}");
    }
    for (what, count) in &reading.skipped {
        say!("skipped: {what}: {count}");
    }
    for (domain, count) in reading.other_domains.iter().take(ROWS_SHOWN_MAX) {
        say!("other domain: {domain} {count}");
    }
    let hidden = reading.other_domains.len().saturating_sub(ROWS_SHOWN_MAX);
    if hidden > 0 {
        say!("and {hidden} more other domains (--json shows them)");
    }
    for note in &reading.notes {
        say!("note: {note}");
    }
}

fn problems(problems: &[RowProblem], total: u64, what: &str) {
    for row in problems.iter().take(ROWS_SHOWN_MAX) {
        let column = row.column.as_ref().map(|column| format!(", {column}")).unwrap_or_default();
        say!("{}{column}: {}: {}", row.place, row.value, row.why);
    }
    let hidden = total.saturating_sub(ROWS_SHOWN_MAX as u64);
    if hidden > 0 {
        say!("and {hidden} more {what} (--json shows them)");
    }
}
