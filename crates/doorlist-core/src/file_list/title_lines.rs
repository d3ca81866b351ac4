//! Lines above the head of a table: titles and dates of reports. They are told and not read.

use super::cells::Records;
use super::columns::ColumnContent;
use super::findings::{Findings, JudgedValue};
use super::heads;
use super::lines::Lines;
use super::notes::FileNote;
use super::sample::{DELIMITERS, Holds, RecordsStart, Sample, is_most, share};
use super::shape::TableLayout;
use super::values;
use std::borrow::Cow;

/// Lines among which the head is looked for, blank ones not counted.
const LOOKED_AT: usize = 20;

/// What stands above the head.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct TitleLines {
    /// How many, without blank ones.
    pub(super) lines: u32,
    /// Addresses of the domain in them.
    pub(super) addresses: u64,
}

/// Where the records begin: at the first line that is a known head over a column of addresses, or else as `start` says.
pub(super) fn behind(text: &str, start: RecordsStart, found: &Findings<'_>) -> RecordsStart {
    let Some(table) = text.get(start.at..) else { return start };
    let mut titles = TitleLines::default();
    // Words that stand alone on their lines are a list rather than titles.
    let mut has_words = false;
    let mut lines = Lines::new(table);
    while titles.lines < LOOKED_AT as u32 {
        let at = text.len() - lines.rest().len();
        let Some((number, line)) = lines.next() else { return start };
        if line.trim().is_empty() {
            continue;
        }
        let here = RecordsStart { at, line: start.line.saturating_add(number - 1), titles, ..start };
        if is_head(text, &here, has_words, found) {
            return here;
        }
        if has_address_cell(line, found) {
            return start;
        }
        titles.lines += 1;
        titles.addresses += addresses(line, found);
        has_words |= !line.trim().contains(char::is_whitespace) && !line.contains(DELIMITERS.map(char::from));
    }
    start
}

/// Says that there are such lines.
pub(super) fn tell(table: &TableLayout, found: &mut Findings<'_>) {
    if let (Some(head), TitleLines { lines: 1.., addresses }) = (table.head_line, table.titles) {
        found.note(FileNote::TitleLines { lines: table.titles.lines, head, addresses });
    }
}

fn is_head(text: &str, start: &RecordsStart, has_words: bool, found: &Findings<'_>) -> bool {
    let mut cells = Vec::new();
    start.delimiters().into_iter().any(|delimiter| {
        let mut records = Records::new(text.get(start.at..).unwrap_or_default(), start.line, delimiter);
        if !matches!(records.next_into(&mut cells), Some(Ok(_))) || cells.iter().any(|cell| cell.contains('@')) {
            return false;
        }
        let columns = address_columns(&cells);
        !columns.is_empty()
            && (cells.len() > 1 || !has_words)
            && Sample::take(text, start, delimiter).is_some_and(|sample| {
                columns.iter().any(|column| is_most(share(sample.rows.iter(), *column, Holds::Any, found)))
            })
    })
}

/// The columns whose names say that addresses are in them.
fn address_columns(cells: &[Cow<'_, str>]) -> Vec<usize> {
    use ColumnContent as C;
    let names: Vec<String> = cells.iter().map(|cell| cell.trim().to_owned()).collect();
    let fields = heads::read(&names).1;
    let is_one = |at: &usize| matches!(fields[*at], Some(C::Address | C::Alias | C::Login));
    (0..fields.len()).filter(is_one).collect()
}

/// A cell that is an address and nothing else: a row of a table without a head, or of a list.
fn has_address_cell(line: &str, found: &Findings<'_>) -> bool {
    let cells = line.split(DELIMITERS.map(char::from)).filter(|cell| cell.contains('@'));
    cells.map(values::bare).any(|cell| !matches!(found.judge(cell), JudgedValue::Bad(_)))
}

fn addresses(line: &str, found: &Findings<'_>) -> u64 {
    let words = line.split(|c: char| c.is_whitespace() || "<>()[]:;,|\"".contains(c)).filter(|word| word.contains('@'));
    words.filter(|word| matches!(found.judge(word), JudgedValue::Ours(_))).count() as u64
}
