//! Plain lists: addresses or local parts separated by lines, commas or semicolons, also with names and brackets; lists
//! of Plesk and Zimbra; `/etc/passwd`.

use super::NotAList;
use super::findings::{Findings, JudgedValue};
use super::format::FileFormat;
use super::kinds;
use super::lines::Lines;
use super::notes::Skipped;
use super::values::{self, Proxy};
use crate::change::Structure;

/// First user number of a person.
const PERSON_UID_MIN: u32 = 1000;
/// The user number of `nobody`.
const NOBODY_UID: u32 = 65534;
/// What stands behind an address in a map without meaning anything.
const MAP_WORDS: [&str; 8] = ["ok", "x", "yes", "1", "permit", "relay", "mailbox", "user"];

pub(super) fn read(text: &str, format: FileFormat, found: &mut Findings<'_>) -> Result<(), NotAList> {
    for (line, content) in Lines::new(text) {
        let content = without_comment(values::trimmed(content));
        let content = match format {
            FileFormat::Plesk => content.strip_prefix("Mailname").unwrap_or(content),
            _ => content,
        };
        for piece in LinePieces(content) {
            let piece = values::trimmed(piece);
            if !piece.is_empty() {
                found.begin_row()?;
                value(line, piece, format, found);
            }
        }
    }
    Ok(())
}

/// Without `# ...` at its end. A `#` in a word is part of a name.
fn without_comment(line: &str) -> &str {
    if line.starts_with('#') {
        return "";
    }
    let (mut quoted, mut after_blank) = (false, false);
    let comment = line.bytes().position(|byte| {
        quoted ^= byte == b'"';
        let starts_comment = byte == b'#' && after_blank && !quoted;
        after_blank = byte == b' ' || byte == b'\t';
        starts_comment
    });
    comment.map_or(line, |at| line[..at].trim_end())
}

fn value(line: u32, piece: &str, format: FileFormat, found: &mut Findings<'_>) {
    let (word, piece) = values::proxy(piece);
    if word == Proxy::NotSmtp {
        return found.skip(Skipped::NotSmtp);
    }
    let name = first_word(values::bare(piece));
    if name.is_empty() {
        return;
    }
    if let Some(domain) = name.strip_prefix('@').filter(|domain| !domain.is_empty()) {
        return found.catch_all(line, domain);
    }
    match found.judge_name(name) {
        JudgedValue::Ours(local) if format == FileFormat::Zimbra && kinds::is_zimbra_system(local.as_str()) => {
            found.skip(Skipped::System);
        }
        JudgedValue::Ours(local) => found.row(line, local, Structure::Mailbox),
        JudgedValue::Foreign(domain) => found.foreign(line, None, name, &domain, format.is_mixed()),
        JudgedValue::Bad(why) => found.problem(line, None, name, why),
    }
}

/// The address with which the value begins, if what is behind it is of no meaning; else the whole value.
fn first_word(value: &str) -> &str {
    let (word, rest) = super::maps::key_and_value(value);
    let means_nothing = rest.is_empty() || MAP_WORDS.iter().any(|known| rest.eq_ignore_ascii_case(known));
    if means_nothing || (word.contains('@') && !rest.contains('@')) { word } else { value }
}

/// Pieces of a line, parted by commas and semicolons outside of quotes and angle brackets.
struct LinePieces<'t>(&'t str);

impl<'t> Iterator for LinePieces<'t> {
    type Item = &'t str;

    fn next(&mut self) -> Option<&'t str> {
        if self.0.is_empty() {
            return None;
        }
        let bytes = self.0.as_bytes();
        let (mut quoted, mut escaped) = (false, false);
        let end = bytes.iter().position(|byte| {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if quoted => escaped = true,
                b'"' => quoted = !quoted,
                _ => return matches!(byte, b',' | b';') && !quoted,
            }
            false
        });
        let (piece, rest) = match end {
            Some(end) => (&self.0[..end], &self.0[end + 1..]),
            None => (self.0, ""),
        };
        self.0 = rest;
        Some(piece)
    }
}

/// The people of a passwd file: local parts of the domain.
pub(super) fn read_passwd(text: &str, found: &mut Findings<'_>) -> Result<(), NotAList> {
    for (line, content) in Lines::new(text) {
        let content = content.trim();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        found.begin_row()?;
        // The password stands in the second field: no more than the name of a bad line is shown.
        let mut fields = content.split(':');
        let name = fields.next().unwrap_or_default();
        let uid = fields.nth(1).and_then(|uid| uid.parse::<u32>().ok());
        let shell = fields.nth(3).unwrap_or_default();
        let cannot_sign_in = shell.ends_with("nologin") || shell.ends_with("/false");
        match (uid, found.judge_name(name)) {
            (None, _) => found.problem(
                line,
                None,
                name,
                "is not a line of a passwd file: the third field is not a \
                                                          number",
            ),
            (Some(uid), _) if uid < PERSON_UID_MIN || uid == NOBODY_UID || cannot_sign_in => {
                found.skip(Skipped::System)
            }
            (Some(_), JudgedValue::Ours(local)) => found.row(line, local, Structure::Mailbox),
            (Some(_), JudgedValue::Foreign(_)) => found.skip(Skipped::OtherDomain),
            (Some(_), JudgedValue::Bad(why)) => found.problem(line, None, name, why),
        }
    }
    Ok(())
}
