//! Lines that end in LF, CRLF or a lone CR, with their numbers, and logical lines with continuations.

use super::FIELD_BYTES_MAX;
use std::borrow::Cow;

/// The lines of a text, each with its number from 1.
#[derive(Clone)]
pub(super) struct Lines<'t> {
    rest: Option<&'t str>,
    number: u32,
}

impl<'t> Lines<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { rest: Some(text), number: 0 }
    }

    /// What is behind the lines that were taken.
    pub(super) fn rest(&self) -> &'t str {
        self.rest.unwrap_or_default()
    }
}

impl<'t> Iterator for Lines<'t> {
    type Item = (u32, &'t str);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest?;
        self.number = self.number.saturating_add(1);
        let Some(end) = memchr::memchr2(b'\n', b'\r', rest.as_bytes()) else {
            self.rest = None;
            return Some((self.number, rest));
        };
        let ending = if rest[end..].starts_with("\r\n") { 2 } else { 1 };
        self.rest = Some(&rest[end + ending..]);
        Some((self.number, &rest[..end]))
    }
}

/// How many lines end in `text`.
pub(super) fn line_ends(text: &str) -> u32 {
    let bytes = text.as_bytes();
    let ends = memchr::memchr2_iter(b'\n', b'\r', bytes)
        .filter(|at| bytes[*at] == b'\r' || *at == 0 || bytes[*at - 1] != b'\r');
    u32::try_from(ends.count()).unwrap_or(u32::MAX)
}

/// Logical lines of a Postfix map or an aliases file: without comments and blank lines, continuation lines joined by a
/// blank (Postfix postmap(1)). The number is that of the first line.
pub(super) struct LogicalLines<'t> {
    lines: std::iter::Peekable<Lines<'t>>,
}

impl<'t> LogicalLines<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { lines: Lines::new(text).peekable() }
    }
}

fn is_comment(line: &str) -> bool {
    let line = line.trim_start();
    line.is_empty() || line.starts_with('#')
}

impl<'t> Iterator for LogicalLines<'t> {
    type Item = (u32, Cow<'t, str>);

    fn next(&mut self) -> Option<Self::Item> {
        let (number, first) = self.lines.find(|(_, line)| !is_comment(line))?;
        let mut whole = Cow::Borrowed(first.trim());
        while let Some((_, line)) = self.lines.peek() {
            if is_comment(line) {
                self.lines.next();
            } else if line.starts_with([' ', '\t']) {
                // What is behind so much changes nothing: the key stands in front.
                if whole.len() < FIELD_BYTES_MAX {
                    let whole = whole.to_mut();
                    whole.push(' ');
                    whole.push_str(line.trim());
                }
                self.lines.next();
            } else {
                break;
            }
        }
        Some((number, whole))
    }
}
