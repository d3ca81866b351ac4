//! Tables with rules around their cells, as MySQL, psql and Markdown draw them: the rules and the words around the table
//! go, its cells stay in their lines.

use super::lines::Lines;
use std::borrow::Cow;

/// Lines in which the first rule stands.
const LOOKED_AT: usize = 20;
/// Dashes of a rule under the head of one column.
const DASHES_MIN: usize = 3;

/// The text with plain cells between `|`, line by line; as it is where it has no such table.
pub(super) fn unboxed(text: &str) -> Cow<'_, str> {
    let Some(head) = head_line(text) else { return Cow::Borrowed(text) };
    let mut out = String::with_capacity(text.len());
    for (number, line) in Lines::new(text) {
        if number > 1 {
            out.push('\n');
        }
        let is_shown_head = !head.is_single || number != head.line;
        if number >= head.line && is_shown_head && !is_rule(line) && !is_footer(line) {
            cells(line, head.has_ends, &mut out);
        }
    }
    Cow::Owned(out)
}

/// Where the names of the columns stand.
struct BoxHead {
    line: u32,
    /// One column without a frame: what is below is a plain list.
    is_single: bool,
    /// `|` stands at both ends of each line.
    has_ends: bool,
}

fn head_line(text: &str) -> Option<BoxHead> {
    let mut before: Option<(u32, &str)> = None;
    let mut lines = Lines::new(text).filter(|(_, line)| !line.trim().is_empty()).take(LOOKED_AT);
    while let Some((number, line)) = lines.next() {
        if !is_rule(line) {
            before = Some((number, line));
            continue;
        }
        let is_framed = line.trim().starts_with(['+', '┌', '╔', '╭']);
        let head = if is_framed { lines.next() } else { before };
        let (line_of_head, head) = head.filter(|(_, head)| !head.contains('@') && !is_rule(head))?;
        let is_single = !is_framed && !head.contains(['|', '│']);
        // Dashes alone part columns that are parted by blanks.
        let is_plain_rule = line.trim().bytes().all(|byte| byte == b'-');
        let is_first = Lines::new(text).take_while(|(number, _)| *number < line_of_head).all(|(_, l)| !l.contains('@'));
        let has_ends = head.trim().starts_with(['|', '│']);
        return (is_first && is_single == is_plain_rule).then_some(BoxHead { line: line_of_head, is_single, has_ends });
    }
    None
}

/// A line that is drawn and holds no cells: `+----+`, `----+----`, `|---|:--|`, `├──┼──┤`, `-----`.
fn is_rule(line: &str) -> bool {
    let line = line.trim();
    let is_part = |c: char| matches!(c, '-' | '+' | '|' | '=' | ':' | ' ') || ('\u{2500}'..='\u{257f}').contains(&c);
    line.chars().filter(|c| matches!(c, '-' | '=' | '─' | '═')).count() >= DASHES_MIN && line.chars().all(is_part)
}

/// `(2 rows)`, `2 rows in set (0.00 sec)`.
fn is_footer(line: &str) -> bool {
    let line = line.trim();
    let count = line.trim_start_matches('(').bytes().take_while(u8::is_ascii_digit).count();
    count > 0 && ((line.starts_with('(') && line.ends_with(')')) || line.contains(" in set"))
}

fn cells(line: &str, has_ends: bool, out: &mut String) {
    let line = line.replace('│', "|");
    let mut inner = line.as_str();
    if has_ends {
        inner = inner.trim();
        inner = inner.strip_prefix('|').unwrap_or(inner);
        inner = inner.strip_suffix('|').unwrap_or(inner);
    }
    for (at, cell) in inner.split('|').map(str::trim).enumerate() {
        if at > 0 {
            out.push('|');
        }
        // What a database has no value for.
        out.push_str(if cell == "NULL" { "" } else { cell });
    }
}
