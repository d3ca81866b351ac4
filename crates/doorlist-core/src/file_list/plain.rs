//! Plain lists: addresses or local parts separated by lines, commas or semicolons, also with names and brackets; lists
//! of Plesk and Zimbra; `/etc/passwd`.

use super::findings::{Findings, JudgedValue};
use super::format::FileFormat;
use super::heads::normal;
use super::kinds;
use super::lines::Lines;
use super::map_values::{is_action, is_transport};
use super::maps::key_and_value;
use super::notes::Skipped;
use super::values::{self, Proxy};
use super::{MASKED, NotAList, commands, refusals, secrets};
use crate::change::Structure;

/// First user number of a person.
const PERSON_UID_MIN: u32 = 1000;
/// The user number of `nobody`.
const NOBODY_UID: u32 = 65534;
/// What stands behind an address in a map without meaning anything.
const MAP_WORDS: [&str; 8] = ["ok", "x", "yes", "1", "permit", "relay", "mailbox", "user"];

/// Lines with addresses that are looked at.
const LOOKED_AT: usize = 1000;
/// What may stand between an address and a word that is no part of it.
const WORD_SEPARATORS: [char; 4] = ['|', ':', '=', '/'];

pub(super) fn read(text: &str, format: FileFormat, found: &mut Findings<'_>) -> Result<(), NotAList> {
    // Words are surely local parts only where there is nothing else, or where a person says so.
    let only_words = found.is_said() || memchr::memchr(b'@', text.as_bytes()).is_none();
    let has_columns = has_columns(text);
    let names_secrets = has_secret_head(text);
    for (line, content) in Lines::new(text) {
        let content = without_comment(values::trimmed(content));
        let content = match format {
            FileFormat::Plesk => content.strip_prefix("Mailname").unwrap_or(content),
            _ => without_bullet(content),
        };
        if commands::is_command(content) {
            found.begin_row()?;
            found.problem(
                line,
                None,
                MASKED,
                "is a command, perhaps with a password; put each address on a line of its own",
            );
            continue;
        }
        if secrets::is_field(content) {
            found.begin_row()?;
            found.skip(Skipped::Secret);
            continue;
        }
        if let Some((key, _)) = content.split_once(": ").filter(|_| !content.contains('@')) {
            found.begin_row()?;
            let shown = format!("{}: {MASKED}", key.trim());
            found.problem(line, None, &shown, "has no address; put each name on a line of its own, or say --format");
            continue;
        }
        let has_words = content.contains(char::is_whitespace) && !content.contains('@');
        if has_words && (names_secrets || secrets::may_be_password(content)) {
            found.begin_row()?;
            found.problem(line, None, MASKED, "may be a name with its password; put each name on a line of its own");
            continue;
        }
        let is_alone = LinePieces(content).filter(|piece| !values::trimmed(piece).is_empty()).nth(1).is_none();
        let takes_words = is_alone || (only_words && !content.contains('@'));
        for piece in LinePieces(content) {
            let piece = values::trimmed(piece);
            if piece.contains('@') || (takes_words && piece.contains(char::is_alphanumeric)) {
                found.begin_row()?;
                value(line, piece, format, has_columns, found);
            } else if piece.contains(char::is_alphanumeric) {
                found.begin_row()?;
                found.words += 1;
            }
        }
    }
    Ok(())
}

/// Whether the first line is a head that names a secret: `login password`.
fn has_secret_head(text: &str) -> bool {
    let head = Lines::new(text).map(|(_, line)| line).find(|line| !line.trim().is_empty()).unwrap_or_default();
    !head.contains('@') && head.split_whitespace().any(|word| secrets::is_name(&normal(word)))
}

/// Without the mark of an item.
fn without_bullet(line: &str) -> &str {
    ["- ", "* ", "\u{2022} "].iter().find_map(|mark| line.strip_prefix(mark)).map_or(line, str::trim_start)
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

/// Of the lines with addresses, more than half begin with a word: columns parted by blanks, and no slips.
fn has_columns(text: &str) -> bool {
    let lines = Lines::new(text).map(|(_, line)| values::bare(line)).filter(|line| line.contains('@'));
    let (all, beside) = lines.take(LOOKED_AT).fold((0, 0), |(all, beside), line| {
        (all + 1, beside + usize::from(!key_and_value(without_bullet(line)).0.contains('@')))
    });
    beside * 2 > all
}

fn value(line: u32, piece: &str, format: FileFormat, has_columns: bool, found: &mut Findings<'_>) {
    let (word, piece) = values::proxy(piece);
    if word == Proxy::NotSmtp {
        return found.skip(Skipped::NotSmtp);
    }
    let mut rest = values::bare(piece);
    let (first, behind) = key_and_value(rest);
    if first.contains('@') && refusals::is_refusal(behind) {
        return found.skip(Skipped::Refused);
    }
    if first.contains('@') && (is_action(behind) || is_transport(behind)) {
        return addresses(line, values::bare(first), format, found);
    }
    if !rest.contains('@') {
        let means_nothing = MAP_WORDS.iter().any(|known| behind.eq_ignore_ascii_case(known));
        return name(line, if means_nothing { first } else { rest }, format, found);
    }
    if !has_columns
        && !first.contains('@')
        && let JudgedValue::Bad(why) = found.judge(rest)
    {
        let shown = if secrets::may_be_password(rest) { MASKED } else { rest };
        return found.problem(line, None, shown, why);
    }
    // Addresses among words: `Ann Lee ann@example.test active`.
    while !rest.is_empty() {
        let (word, behind) = key_and_value(rest);
        if word.contains('@') {
            addresses(line, values::bare(word), format, found);
        } else if !MAP_WORDS.iter().any(|known| word.eq_ignore_ascii_case(known)) {
            found.words += 1;
        }
        rest = behind;
    }
}

/// What a word with `@` holds: `ann@example.test|active` is an address and a word.
fn addresses(line: u32, word: &str, format: FileFormat, found: &mut Findings<'_>) {
    // A bar may be part of a local part (RFC 5322 3.2.3), and far more often parts columns.
    let has_bar = word.find('|').is_some_and(|at| at > 0) && !word.starts_with('"') && !found.is_said();
    let separators = match found.judge(word) {
        JudgedValue::Bad(_) if !word.starts_with('"') => &WORD_SEPARATORS[..],
        _ if has_bar => &WORD_SEPARATORS[..1],
        _ => return name(line, word, format, found),
    };
    for part in word.split(separators).filter(|part| !part.is_empty()) {
        if part.contains('@') {
            name(line, part, format, found);
        } else {
            found.words += 1;
        }
    }
}

fn name(line: u32, name: &str, format: FileFormat, found: &mut Findings<'_>) {
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
            (Some(_), JudgedValue::Foreign(domain)) => found.other_domain(&domain),
            (Some(_), JudgedValue::Bad(why)) => found.problem(line, None, name, why),
        }
    }
    Ok(())
}
