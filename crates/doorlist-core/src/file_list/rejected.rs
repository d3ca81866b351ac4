//! The skipped rows of a file as CSV, to be corrected and imported again.

use super::columns::{ColumnContent, ColumnTaken};
use super::shape::TableLayout;
use super::values::is_formula;
use super::{FileList, MASKED, boxed_tables, encoding, secrets, table};
use crate::source_rows::RowProblem;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Bytes of rejected rows; what comes behind is named by line only.
const BYTES_MAX: usize = 64 * 1024 * 1024;

/// Characters of a row that could not be cut into cells.
const BAD_SHOWN_MAX: usize = 4096;

/// The rejected rows: the columns of the file and one more, `error`. Cells are safe to open in a spreadsheet; the importer
/// takes their guards off again. Passwords are masked.
pub fn rejected(bytes: &[u8], list: &FileList) -> String {
    if list.recognised.table.is_none() {
        return of_values(&list.problems);
    }
    let (_, text) = encoding::decode(bytes);
    of_text(&boxed_tables::unboxed(&text), list)
}

/// The rejected rows of a table.
pub(super) fn of_text(text: &str, list: &FileList) -> String {
    let Some(table) = &list.recognised.table else { return String::new() };
    let faults = by_line(&list.problems);
    let mut out = String::new();
    for column in &table.columns {
        cell(&column.name, &mut out);
        out.push(',');
    }
    out.push_str("\"error\"\r\n");
    let mut records = table::records(text, table);
    let mut cells = Vec::new();
    while let Some(record) = records.next_into(&mut cells) {
        let line = match &record {
            Ok(line) => *line,
            Err(bad) => {
                let shown = if table.head_line.is_none() { MASKED } else { bad.text };
                cells = vec![Cow::Owned(shown.chars().take(BAD_SHOWN_MAX).collect())];
                bad.line
            }
        };
        let Some(why) = faults.get(&line) else { continue };
        if out.len() > BYTES_MAX {
            break;
        }
        let is_whole = record.is_ok()
            && cells.get(table.columns.len()..).is_none_or(|more| more.iter().all(|cell| cell.trim().is_empty()));
        row(table, &cells, is_whole, &mut out);
        cell(why, &mut out);
        out.push_str("\r\n");
    }
    out
}

/// The cells of one row, at least one for each column. Where they are too many, any of them may be the password, and they
/// stay too many: a shifted row must not be taken as it is.
fn row(table: &TableLayout, cells: &[Cow<'_, str>], is_whole: bool, out: &mut String) {
    let columns = &table.columns[..];
    let has_password = columns.iter().any(|column| column.field == ColumnContent::Password);
    let count = if is_whole { columns.len() } else { columns.len().max(cells.len()) };
    for at in 0..count {
        let is_password = columns.get(at).is_some_and(|column| column.field == ColumnContent::Password);
        match cells.get(at).map_or("", AsRef::as_ref) {
            "" => cell("", out),
            _ if has_password && (!is_whole || is_password) => cell(MASKED, out),
            // What a column without a name holds, nobody knows.
            text if table.head_line.is_none() && is_unread(columns, at) && !text.contains('@') => cell("", out),
            text if secrets::has_value(text) => cell(MASKED, out),
            text => cell(text, out),
        }
        out.push(',');
    }
}

fn is_unread(columns: &[ColumnTaken], at: usize) -> bool {
    columns.get(at).is_none_or(|column| column.field == ColumnContent::Ignore)
}

/// Files without columns: the values.
fn of_values(problems: &[RowProblem]) -> String {
    let mut out = String::from("\"address\",\"error\"\r\n");
    for problem in problems {
        cell(&problem.value, &mut out);
        out.push(',');
        cell(&format!("{}: {}", problem.place, problem.why), &mut out);
        out.push_str("\r\n");
    }
    out
}

/// What is wrong with each line, and where that is.
fn by_line(problems: &[RowProblem]) -> BTreeMap<u32, String> {
    let mut faults: BTreeMap<u32, String> = BTreeMap::new();
    for problem in problems {
        let Some(line) = line_of(&problem.place) else { continue };
        let column = problem.column.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
        let fault = format!("{column}{}", problem.why);
        let all = faults.entry(line).and_modify(|all| all.push_str("; "));
        all.or_insert_with(|| format!("{}: ", problem.place)).push_str(&fault);
    }
    faults
}

/// The line of the text. An item stands in one, below the head.
fn line_of(place: &str) -> Option<u32> {
    let item = || place.strip_prefix("item ")?.parse::<u32>().ok()?.checked_add(1);
    place.strip_prefix("line ").and_then(|line| line.parse().ok()).or_else(item)
}

/// A quoted cell, with an apostrophe where a spreadsheet would see a formula.
fn cell(text: &str, out: &mut String) {
    out.push('"');
    if is_formula(text) {
        out.push('\'');
    }
    for c in text.chars() {
        if c == '"' {
            out.push('"');
        }
        out.push(c);
    }
    out.push('"');
}
