//! A plain address list: one address or one local part a line -> rows and row errors. Bytes in, values out.
//!
//! Lists come from editors, `SELECT ... INTO`, Postfix maps and spreadsheets, so what surrounds an address is forgiven: a
//! byte order mark, CRLF, LF or CR, spaces, blank lines, `#` comments, a Postfix map's right-hand side. What is no address
//! is an error of its line and never stops the good ones. This module must not know what is on the list already.

use crate::address::{Address, DomainName, LocalPart};
use std::collections::HashSet;

/// Bytes of a file that is read.
pub const FILE_BYTES_MAX: usize = 100 * 1024 * 1024;
/// Rows of a file that are read.
pub const ROWS_MAX: usize = 1_000_000;
/// Row errors that are kept one by one; more are counted.
pub const ERRORS_KEPT_MAX: usize = 10_000;
/// Characters of a bad line that an error shows.
const SHOWN_MAX: usize = 120;

/// What a file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlainList {
    /// Good rows in the file's order, each address once.
    pub rows: Vec<Row>,
    /// Bad rows, the first [`ERRORS_KEPT_MAX`] of them.
    pub errors: Vec<RowError>,
    /// Bad rows in all.
    pub errors_total: usize,
    /// Rows that name an address a second time.
    pub repeated: usize,
}

/// One address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Line in the file, from 1.
    pub line: usize,
    /// Whom.
    pub address: Address,
}

/// A line that could not be taken.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RowError {
    /// Line in the file, from 1.
    pub line: usize,
    /// The line, shortened, control characters escaped.
    pub value: String,
    /// What is wrong with it and what to do.
    pub why: String,
}

/// Why a whole file is refused. Nothing of it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAList {
    /// See [`FILE_BYTES_MAX`].
    #[error("the file is larger than {} MiB; split it", FILE_BYTES_MAX / 1024 / 1024)]
    TooLarge,
    /// See [`ROWS_MAX`].
    #[error("the file has more than {ROWS_MAX} rows; split it")]
    TooManyRows,
    /// A spreadsheet, an archive, a page: by its first bytes.
    #[error("this is {0}, not a plain list; save it as text, one address a line")]
    OtherKind(&'static str),
    /// NUL bytes: a binary file, or UTF-16.
    #[error("the file is not text in UTF-8 (it has NUL bytes); save it as UTF-8, one address a line")]
    NotText,
}

/// Reads a list of addresses of `domain` or one of its `aliases`. A row without `@` is a local part of `domain`.
pub fn parse(bytes: &[u8], domain: &DomainName, aliases: &[DomainName]) -> Result<PlainList, NotAList> {
    let bytes = text_of(bytes)?;
    let mut list = PlainList::default();
    let mut seen = HashSet::new();
    for (index, raw) in lines(bytes).enumerate() {
        let value = strip(raw);
        if value.is_empty() {
            continue;
        }
        if list.rows.len() + list.errors_total >= ROWS_MAX {
            return Err(NotAList::TooManyRows);
        }
        match row(value, domain, aliases) {
            Ok(address) if !seen.insert(address.clone()) => list.repeated += 1,
            Ok(address) => list.rows.push(Row { line: index + 1, address }),
            Err(why) => list.note_error(index + 1, value, why),
        }
    }
    Ok(list)
}

impl PlainList {
    fn note_error(&mut self, line: usize, value: &[u8], why: String) {
        self.errors_total += 1;
        if self.errors.len() < ERRORS_KEPT_MAX {
            self.errors.push(RowError { line, value: shown(value), why });
        }
    }
}

/// The bytes without a byte order mark, if they are text at all.
fn text_of(bytes: &[u8]) -> Result<&[u8], NotAList> {
    const KINDS: [(&[u8], &str); 6] = [
        (b"PK\x03\x04", "a spreadsheet or zip archive"),
        (b"\x1f\x8b", "a gzip archive"),
        (b"%PDF", "a PDF document"),
        (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
        (b"<!DOCTYPE", "a web page"),
        (b"<html", "a web page"),
    ];
    if bytes.len() > FILE_BYTES_MAX {
        return Err(NotAList::TooLarge);
    }
    if let Some((_, kind)) = KINDS.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Err(NotAList::OtherKind(kind));
    }
    if bytes.contains(&0) {
        return Err(NotAList::NotText);
    }
    Ok(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes))
}

/// Lines that end in LF, CRLF or a lone CR.
fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(bytes);
    std::iter::from_fn(move || {
        let bytes = rest?;
        let Some(end) = bytes.iter().position(|b| matches!(b, b'\n' | b'\r')) else {
            rest = None;
            return Some(bytes);
        };
        let ending = if bytes[end..].starts_with(b"\r\n") { 2 } else { 1 };
        rest = Some(&bytes[end + ending..]);
        Some(&bytes[..end])
    })
}

/// Without surrounding spaces, comment, quotes of a spreadsheet cell, trailing separator, and a map's right-hand side.
fn strip(raw: &[u8]) -> &[u8] {
    let line = raw.trim_ascii();
    if line.starts_with(b"#") {
        return b"";
    }
    if line.starts_with(b"\"") {
        // A quoted local part keeps its quotes; a quoted cell ("ann@example.test") loses them.
        return match line {
            [b'"', inner @ .., b'"'] if !inner.contains(&b'"') && inner.contains(&b'@') => inner.trim_ascii(),
            _ => word(line, quoted_len(line)),
        };
    }
    word(line, 0)
}

/// The line up to the first blank behind `from`, without a trailing separator.
fn word(line: &[u8], from: usize) -> &[u8] {
    let blank = line.iter().skip(from).position(|b| b.is_ascii_whitespace());
    let word = &line[..blank.map_or(line.len(), |at| from + at)];
    word.strip_suffix(b",").or_else(|| word.strip_suffix(b";")).unwrap_or(word)
}

/// How long the quoted string is with which the line begins; blanks in it are part of the name.
fn quoted_len(line: &[u8]) -> usize {
    let mut escaped = true;
    for (at, byte) in line.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    line.len()
}

fn row(value: &[u8], domain: &DomainName, aliases: &[DomainName]) -> Result<Address, String> {
    let text = str::from_utf8(value).map_err(|_| "not UTF-8; save the file as UTF-8".to_owned())?;
    let text = match text.strip_prefix('<').and_then(|t| t.strip_suffix('>')) {
        Some(inner) => inner,
        None => text,
    };
    if !text.contains('@') {
        let local = LocalPart::parse(text.as_bytes()).map_err(|e| e.to_string())?;
        return Ok(Address::new(local, domain.clone()));
    }
    let address: Address = text.parse().map_err(|e: crate::address::AddressError| e.to_string())?;
    if address.domain() == domain {
        return Ok(address);
    }
    if aliases.contains(address.domain()) {
        // A domain alias has the same list: its addresses are those of the domain.
        return Ok(Address::new(address.local().clone(), domain.clone()));
    }
    Err(format!("belongs to {}, this import is for {domain}", address.domain()))
}

fn shown(value: &[u8]) -> String {
    String::from_utf8_lossy(value).chars().take(SHOWN_MAX).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests;
