//! `doorlist import` and `doorlist export`.

use super::{print, unexpected};
use crate::cli::Command;
use crate::cli::list::{Export, ExportFormat as Word, Import, ImportFormat};
use crate::door::Door;
use crate::exit::{Exit, Failure, OrExit};
use crate::out::Out;
use anyhow::Context;
use doorlist_actions::{ExportFormat, ImportReport, Request, Response};
use doorlist_core::plain_list::FILE_BYTES_MAX;
use std::io::Read;

/// Bad rows that a person reads; the rest is counted, and all stand in the JSON form.
const ROWS_SHOWN_MAX: usize = 20;

/// The file of `import`. One octet above the limit is read, so that the action sees that it is too large.
pub(crate) fn read_input(command: &Command) -> Result<Option<Vec<u8>>, Failure> {
    let Command::Import(import) = command else { return Ok(None) };
    let mut bytes = Vec::new();
    let limit = FILE_BYTES_MAX as u64 + 1;
    let read = if import.file.as_os_str() == "-" {
        std::io::stdin().lock().take(limit).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(&import.file).and_then(|file| file.take(limit).read_to_end(&mut bytes))
    };
    read.with_context(|| format!("{} cannot be read", import.file.display())).or_exit(Exit::NO_INPUT)?;
    Ok(Some(bytes))
}

/// Plans the import, or writes it.
pub(super) async fn import(door: &mut Door, out: &mut Out, what: &Import, bytes: Vec<u8>) -> Result<Exit, Failure> {
    let ImportFormat::Plain = what.format;
    let request = Request::Import {
        domain: what.domain.clone(),
        source: what.source.clone(),
        file: bytes.into(),
        apply: what.apply,
        base: None,
    };
    let response = door.ask(request).await?;
    let exit = Exit::of_action(response.exit_code());
    let Response::Import(report) = response else { return Err(unexpected(&response)) };
    if out.is_json() {
        out.object(&report)?;
    } else {
        text(out, what, &report)?;
    }
    Ok(exit)
}

fn text(out: &mut Out, what: &Import, report: &ImportReport) -> Result<(), Failure> {
    for row in report.errors.iter().take(ROWS_SHOWN_MAX) {
        eprintln!("line {}: {}: {}", row.line, row.value, row.why);
    }
    let hidden = report.errors_total.saturating_sub(ROWS_SHOWN_MAX as u64);
    if hidden > 0 {
        eprintln!("and {hidden} more bad lines (--json shows them)");
    }
    let mut counts = print::counts_of(&report.applied);
    for (count, text) in [(report.repeated, "named again"), (report.errors_total, "bad lines left out")] {
        if count > 0 {
            counts.push_str(&format!(", {count} {text}"));
        }
    }
    let verb = if report.written { "imported into" } else { "plan for" };
    out.line(&format!("{verb} {}: {counts}", what.domain))?;
    print::notes(&report.applied);
    if !report.written && report.applied.changes_something() {
        eprintln!("nothing is written yet: add --apply to write it");
    }
    Ok(())
}

/// Writes the list to stdout, page by page.
pub(super) async fn export(door: &mut Door, out: &mut Out, what: &Export) -> Result<Exit, Failure> {
    let format = match what.format {
        _ if out.is_json() => ExportFormat::Json,
        Word::Csv => ExportFormat::Csv,
        Word::Postfix => ExportFormat::Postfix,
        Word::Json => ExportFormat::Json,
    };
    let mut after = None;
    loop {
        match door.ask(Request::Export { domain: what.domain.clone(), format, after }).await? {
            Response::Export(page) => {
                out.raw(&page.text)?;
                after = page.next;
            }
            other => return Err(unexpected(&other)),
        }
        if after.is_none() {
            return Ok(Exit::DONE);
        }
    }
}
