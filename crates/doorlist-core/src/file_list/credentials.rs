//! Files of credentials: passwd-files of Dovecot, htpasswd, shadow, chap-secrets, names with passwords. Their first field
//! names who is there; nothing behind it is read, shown or kept.

use super::NotAList;
use super::findings::{Findings, JudgedValue};
use super::heads::normal;
use super::lines::Lines;
use super::{secrets, values};
use crate::change::Structure;

/// Fields of a line of passwd(5), which Dovecot's passwd-file begins with.
const PASSWD_FIELDS: usize = 7;

/// The first field, without quotes, and what is behind it.
fn first_field(line: &str) -> (&str, &str) {
    let line = line.trim();
    let end = match line.strip_prefix('"').and_then(|rest| rest.find('"')) {
        Some(close) => close + 2,
        None => line.find(|c: char| matches!(c, ':' | '|') || c.is_whitespace()).unwrap_or(line.len()),
    };
    let (name, rest) = line.split_at(end);
    let name = name.trim();
    let unquoted = name.strip_prefix('"').and_then(|name| name.strip_suffix('"'));
    // Quotes around a name that needs none.
    let name = unquoted.filter(|inner| !inner.contains(char::is_whitespace)).unwrap_or(name);
    (name, rest.trim_start_matches([':', '|']).trim_start())
}

/// A line that has a secret, or the places for one, behind a name.
pub(super) fn is_like(line: &str, found: &Findings<'_>) -> bool {
    let (name, rest) = first_field(line);
    if name.is_empty() || matches!(found.judge_name(name), JudgedValue::Bad(_)) {
        return false;
    }
    let second = rest.split([':', '|']).next().unwrap_or_default();
    let is_passwd_file = !line.contains(' ') && line.split(':').count() >= PASSWD_FIELDS;
    // An address further on is a column of a table.
    !rest.contains('@') && (secrets::is_value(second) || is_passwd_file || is_chap(rest))
}

/// `server secret addresses`, the rest of a line of chap-secrets (pppd(8)).
fn is_chap(rest: &str) -> bool {
    let words: Vec<&str> = rest.split_whitespace().collect();
    let is_server =
        |word: &str| word == "*" || word.eq_ignore_ascii_case("pptpd") || word.eq_ignore_ascii_case("l2tpd");
    match words.as_slice() {
        [server, _, addresses, ..] => is_server(server) && (*addresses == "*" || addresses.contains('.')),
        _ => false,
    }
}

pub(super) fn read(text: &str, found: &mut Findings<'_>) -> Result<(), NotAList> {
    for (line, content) in Lines::new(text) {
        let content = values::trimmed(content);
        let (name, _) = first_field(content);
        if name.is_empty() || content.starts_with(['#', ';']) || secrets::is_name(&normal(name)) {
            continue;
        }
        found.begin_row()?;
        match found.judge_name(name) {
            JudgedValue::Ours(local) => found.row(line, local, Structure::Mailbox),
            JudgedValue::Foreign(domain) => found.foreign(line, None, name, &domain, true),
            JudgedValue::Bad(why) => found.problem(line, None, name, why),
        }
    }
    Ok(())
}
