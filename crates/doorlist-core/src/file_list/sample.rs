//! The first records of a table: where they begin, which character separates cells, what the columns contain.

use super::cells::Records;
use super::findings::{Findings, JudgedValue};
use super::lines::Lines;
use super::table::is_blank;
use super::title_lines::TitleLines;
use super::values::{self, CellValues, Proxy};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Records that are looked at.
const LOOKED_AT: usize = 1000;
/// The characters that may separate cells.
pub(super) const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// Where the records of a text begin.
#[derive(Clone, Copy)]
pub(super) struct RecordsStart {
    /// Byte of the first one.
    pub(super) at: usize,
    pub(super) line: u32,
    /// What the text itself says that parts its cells.
    pub(super) delimiter: Option<u8>,
    /// Lines above it that are no records.
    pub(super) titles: TitleLines,
}

impl RecordsStart {
    /// Behind blank lines, `#TYPE ...` of PowerShell and `sep=;` of Excel.
    pub(super) fn of(text: &str) -> Self {
        let mut lines = Lines::new(text);
        let mut start = RecordsStart { at: 0, line: 1, delimiter: None, titles: TitleLines::default() };
        loop {
            start.at = text.len() - lines.rest().len();
            let Some((number, line)) = lines.next() else { return start };
            start.line = number;
            let line = line.trim_matches(['"', ' ']);
            let lower: String = line.chars().take(6).collect::<String>().to_ascii_lowercase();
            match lower.strip_prefix("sep=") {
                Some(_) => start.delimiter = line.as_bytes().get(4).copied().filter(u8::is_ascii).or(start.delimiter),
                None if line.trim().is_empty() || lower.starts_with("#type") => {}
                None => return start,
            }
        }
    }

    /// What may part the cells.
    pub(super) fn delimiters(&self) -> Vec<u8> {
        self.delimiter.map_or_else(|| DELIMITERS.to_vec(), |delimiter| vec![delimiter])
    }
}

/// The first records of a text, cut at one delimiter.
pub(super) struct Sample<'t> {
    pub(super) delimiter: u8,
    /// The first record, and in which line it begins.
    pub(super) head: Vec<Cow<'t, str>>,
    pub(super) head_line: u32,
    pub(super) rows: Vec<Vec<Cow<'t, str>>>,
}

/// What is asked of a cell.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Holds {
    /// Addresses of the domain.
    Ours,
    /// Addresses of any domain.
    Any,
}

impl<'t> Sample<'t> {
    pub(super) fn take(text: &'t str, start: &RecordsStart, delimiter: u8) -> Option<Self> {
        let mut records = Records::new(text.get(start.at..)?, start.line, delimiter);
        let mut cells = Vec::new();
        let mut all = Vec::new();
        while all.len() <= LOOKED_AT {
            match records.next_into(&mut cells) {
                Some(Ok(line)) if !is_blank(&cells) => all.push((line, std::mem::take(&mut cells))),
                Some(_) => {}
                None => break,
            }
        }
        let mut all = all.into_iter();
        let (head_line, head) = all.next()?;
        Some(Self { delimiter, head, head_line, rows: all.map(|(_, cells)| cells).collect() })
    }

    /// An address in it: it is no head line.
    pub(super) fn begins_with_address(&self) -> bool {
        self.head.iter().any(|cell| cell.contains('@'))
    }

    /// Of the records, the first one among them, how many have as many cells as it.
    pub(super) fn is_even(&self) -> bool {
        let even = self.rows.iter().filter(|row| row.len() == self.head.len()).count();
        even * 5 >= self.rows.len() * 4
    }

    /// Several addresses in one cell of the column.
    pub(super) fn has_joined(&self, column: usize) -> bool {
        self.with_head().filter_map(|row| row.get(column)).any(|cell| cell.matches('@').count() > 1)
    }

    /// Every record, the first one too.
    pub(super) fn with_head(&self) -> impl Iterator<Item = &Vec<Cow<'t, str>>> {
        std::iter::once(&self.head).chain(&self.rows)
    }
}

/// How many of the cells that are not empty hold addresses, and how many are not empty.
pub(super) fn share<'r, 't: 'r>(
    rows: impl Iterator<Item = &'r Vec<Cow<'t, str>>>,
    column: usize,
    holds: Holds,
    found: &Findings<'_>,
) -> (usize, usize) {
    let cells = rows.filter_map(|row| row.get(column)).map(|cell| values::unguarded(values::trimmed(cell)));
    cells
        .filter(|cell| !cell.is_empty())
        .fold((0, 0), |(hits, all), cell| (hits + usize::from(is_addresses(cell, holds, found)), all + 1))
}

/// Every value of the cell is an address.
fn is_addresses(cell: &str, holds: Holds, found: &Findings<'_>) -> bool {
    let mut any = false;
    for (word, value) in CellValues::new(cell) {
        match (word, found.judge(value)) {
            (Proxy::NotSmtp, _) => {}
            (_, JudgedValue::Ours(_)) => any = true,
            (_, JudgedValue::Foreign(_)) if holds == Holds::Any => any = true,
            _ => return false,
        }
    }
    any
}

/// Four of five cells, and at least one.
pub(super) fn is_most((hits, all): (usize, usize)) -> bool {
    hits > 0 && hits * 5 >= all * 4
}

/// How many different values the column has.
pub(super) fn distinct<'r, 't: 'r>(rows: impl Iterator<Item = &'r Vec<Cow<'t, str>>>, column: usize) -> usize {
    let cells = rows.filter_map(|row| row.get(column)).map(|cell| values::trimmed(cell));
    cells.filter(|cell| !cell.is_empty()).collect::<BTreeSet<_>>().len()
}
