//! Records of delimited text: quoted and unquoted cells, quoted line breaks, stray and unclosed quotes. Borrows cells
//! from the text where possible.

use super::FIELD_BYTES_MAX;
use super::lines::line_ends;
use std::borrow::Cow;

/// Cells of one record.
const CELLS_MAX: usize = 10_000;

/// Reads records one after another.
#[derive(Clone)]
pub(super) struct Records<'t> {
    text: &'t str,
    at: usize,
    line: u32,
    delimiter: u8,
}

/// A record that could not be read; reading goes on with the next line.
#[derive(Debug)]
pub(super) struct BadRecord<'t> {
    /// Number of its first line.
    pub(super) line: u32,
    /// Text of its first line.
    pub(super) text: &'t str,
    /// What is wrong with it.
    pub(super) why: String,
}

/// Why a cell cannot be read, and in which line it begins.
enum CellFault {
    Unclosed(u32),
    TooLong(u32),
    TooMany,
}

/// What stands behind a cell.
#[derive(PartialEq)]
enum CellEnd {
    Delimiter,
    Record,
}

impl<'t> Records<'t> {
    /// The records of `text`, whose first line has the number `line`.
    pub(super) fn new(text: &'t str, line: u32, delimiter: u8) -> Self {
        Self { text, at: 0, line, delimiter }
    }

    /// Puts the cells of the next record into `cells`, and says in which line it begins.
    pub(super) fn next_into(&mut self, cells: &mut Vec<Cow<'t, str>>) -> Option<Result<u32, BadRecord<'t>>> {
        cells.clear();
        if self.at >= self.text.len() {
            return None;
        }
        let (start, line) = (self.at, self.line);
        loop {
            match self.cell() {
                Ok(_) if cells.len() >= CELLS_MAX => {
                    cells.clear();
                    return Some(Err(self.give_up(start, line, &CellFault::TooMany)));
                }
                Ok((cell, end)) => {
                    cells.push(cell);
                    if end == CellEnd::Record {
                        return Some(Ok(line));
                    }
                }
                Err(fault) => return Some(Err(self.give_up(start, line, &fault))),
            }
        }
    }

    /// Goes on behind the line in which the bad cell begins.
    fn give_up(&mut self, start: usize, line: u32, fault: &CellFault) -> BadRecord<'t> {
        let bytes = self.text.as_bytes();
        let ends_line = |at: usize| at > start && matches!(bytes[at - 1], b'\n' | b'\r');
        if !(matches!(fault, CellFault::TooMany) && ends_line(self.at)) {
            let end = memchr::memchr2(b'\n', b'\r', &bytes[self.at..]).map_or(bytes.len(), |n| self.at + n);
            self.behind(end);
        }
        let first_end = memchr::memchr2(b'\n', b'\r', &bytes[start..]).map_or(bytes.len(), |n| start + n);
        let why = match fault {
            CellFault::Unclosed(at) => format!("the quote opened in line {at} is not closed; close or remove it"),
            CellFault::TooMany => format!("has more than {CELLS_MAX} cells"),
            CellFault::TooLong(at) => {
                format!("the cell that begins in line {at} is longer than {} MiB", FIELD_BYTES_MAX / 1024 / 1024)
            }
        };
        BadRecord { line, text: &self.text[start..first_end], why }
    }

    fn cell(&mut self) -> Result<(Cow<'t, str>, CellEnd), CellFault> {
        let quote = self.blanks(self.at);
        if self.text.as_bytes().get(quote) == Some(&b'"') { self.quoted(quote) } else { self.unquoted(self.at) }
    }

    fn unquoted(&mut self, start: usize) -> Result<(Cow<'t, str>, CellEnd), CellFault> {
        let end = self.cell_end(start);
        if end - start > FIELD_BYTES_MAX {
            return Err(CellFault::TooLong(self.line));
        }
        Ok((Cow::Borrowed(&self.text[start..end]), self.behind(end)))
    }

    /// A cell whose opening quote stands at `quote`. In what follows until the fault no other quote can open a cell, so
    /// that looking again from the next line costs no more than reading the text once more.
    fn quoted(&mut self, quote: usize) -> Result<(Cow<'t, str>, CellEnd), CellFault> {
        let bytes = self.text.as_bytes();
        let limit = bytes.len().min(quote + 1 + FIELD_BYTES_MAX);
        let (mut from, mut doubled) = (quote + 1, false);
        let close = loop {
            let found = memchr::memchr(b'"', bytes.get(from..limit).unwrap_or_default());
            let at = from + found.ok_or(CellFault::Unclosed(self.line))?;
            if bytes.get(at + 1) != Some(&b'"') {
                break at;
            }
            doubled = true;
            from = at + 2;
        };
        let inner = &self.text[quote + 1..close];
        let next = self.blanks(close + 1);
        if next < bytes.len() && !self.ends_cell(bytes[next]) {
            // Text behind the closing quote: `"Stone, Bob" <bob@example.test>` is taken as it stands. Over several lines
            // it is a quote of two other cells.
            if line_ends(inner) > 0 {
                return Err(CellFault::Unclosed(self.line));
            }
            return self.unquoted(quote);
        }
        let value = if doubled { Cow::Owned(inner.replace("\"\"", "\"")) } else { Cow::Borrowed(inner) };
        self.line = self.line.saturating_add(line_ends(inner));
        Ok((value, self.behind(next)))
    }

    fn ends_cell(&self, byte: u8) -> bool {
        byte == self.delimiter || byte == b'\n' || byte == b'\r'
    }

    /// The end of the unquoted cell that begins at `start`; delimiters in a quoted part of it do not count.
    fn cell_end(&self, start: usize) -> usize {
        let bytes = self.text.as_bytes();
        let from = if bytes.get(start) == Some(&b'"') {
            let line = memchr::memchr2(b'\n', b'\r', &bytes[start..]).map_or(bytes.len(), |n| start + n);
            memchr::memchr(b'"', &bytes[start + 1..line]).map_or(start, |n| start + 2 + n)
        } else {
            start
        };
        memchr::memchr3(self.delimiter, b'\n', b'\r', &bytes[from..]).map_or(bytes.len(), |n| from + n)
    }

    fn blanks(&self, from: usize) -> usize {
        let is_blank = |byte: &u8| *byte == b' ' || (*byte == b'\t' && self.delimiter != b'\t');
        from + self.text.as_bytes()[from..].iter().take_while(|byte| is_blank(byte)).count()
    }

    /// Steps over the delimiter or line end at `end`.
    fn behind(&mut self, end: usize) -> CellEnd {
        let rest = &self.text.as_bytes()[end..];
        match rest.first() {
            Some(byte) if *byte == self.delimiter => {
                self.at = end + 1;
                // A delimiter at the very end of the text has an empty cell behind it, which nobody misses.
                if self.at >= self.text.len() { CellEnd::Record } else { CellEnd::Delimiter }
            }
            Some(_) => {
                self.at = end + if rest.starts_with(b"\r\n") { 2 } else { 1 };
                self.line = self.line.saturating_add(1);
                CellEnd::Record
            }
            None => {
                self.at = end;
                CellEnd::Record
            }
        }
    }
}
