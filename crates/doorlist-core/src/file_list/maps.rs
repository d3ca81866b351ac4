//! Files of keys and values: Postfix maps, the Sendmail virtual user table, aliases files, Barracuda's alias linking.

use super::account::{Account, AccountContext, BareWord};
use super::findings::{Findings, JudgedValue};
use super::format::FileFormat;
use super::lines::LogicalLines;
use super::notes::Skipped;
use super::targets::{self, Forward};
use super::{NotAList, map_values, refusals, values};
use crate::change::Structure;

pub(super) fn read(text: &str, format: FileFormat, found: &mut Findings<'_>) -> Result<(), NotAList> {
    for (line, entry) in LogicalLines::new(text) {
        found.begin_row()?;
        match format {
            FileFormat::Aliases => alias_line(line, &entry, found),
            FileFormat::Barracuda => linking_line(line, &entry, found),
            _ => map_line(line, &entry, format, found),
        }
    }
    Ok(())
}

/// `key value` of a map; the key may be in quotes, wholly or in its local part.
fn map_line(line: u32, entry: &str, format: FileFormat, found: &mut Findings<'_>) {
    let (key, value) = key_and_value(entry);
    if key.starts_with('/') && key.len() > 1 && (key.ends_with('/') || key.ends_with("/i")) {
        return found.problem(line, None, key, "is a regular expression; list the addresses that it stands for");
    }
    let is_relay = format == FileFormat::PostfixRelay;
    if !key.contains('@') && is_domain(key, value, is_relay, found) {
        return found.skip(Skipped::DomainLine);
    }
    // Without a domain, the key of an access map is a host or a domain.
    if !key.contains('@') && (is_relay || value.contains('@')) && !found.is_said() {
        found.words += 1;
        return;
    }
    if is_relay {
        relay_line(line, key, value, found);
    } else {
        let mixed = format.is_mixed();
        targets::read(&Forward { line, column: None, name: key, targets: value, local_parts: true, mixed }, found);
    }
}

/// The key stands for a domain: ours, those below one (`.example.test`), all (`*`), or one that has a transport.
fn is_domain(key: &str, value: &str, is_relay: bool, found: &Findings<'_>) -> bool {
    found.is_ours(key) || key.starts_with('.') || (is_relay && (key == "*" || map_values::is_transport(value)))
}

/// The value is of no meaning to Postfix, or an action or transport that takes mail; in our own export it says what the address is.
fn relay_line(line: u32, key: &str, value: &str, found: &mut Findings<'_>) {
    let is_refusal = refusals::is_refusal(value);
    if is_refusal && key.starts_with('@') {
        return found.skip(Skipped::Refused);
    }
    if let Some(domain) = key.strip_prefix('@') {
        return found.catch_all(line, domain);
    }
    let bare = values::bare(key);
    let (name, judged) = match found.judge_name(key) {
        JudgedValue::Bad(_) => (bare, found.judge_name(bare)),
        judged => (key, judged),
    };
    let local = match judged {
        JudgedValue::Ours(local) => local,
        JudgedValue::Foreign(domain) => return found.foreign(line, None, name, &domain, true),
        JudgedValue::Bad(why) => return found.problem(line, None, name, why),
    };
    if is_refusal {
        return found.skip(Skipped::Refused);
    }
    let structure = match value.split_once(':') {
        Some(("alias", account)) => targets::own_structure("alias", account, found),
        _ if value == "list" => Ok(Structure::DistributionList),
        _ => Ok(Structure::Mailbox),
    };
    match structure {
        Ok(structure) => found.row(line, local, structure),
        Err(why) => found.problem(line, None, value, why),
    }
}

/// The first word and the rest; a quoted string is part of its word.
pub(super) fn key_and_value(entry: &str) -> (&str, &str) {
    let mut quoted = false;
    let mut escaped = false;
    for (at, c) in entry.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            c if c.is_ascii_whitespace() && !quoted => return (&entry[..at], entry[at..].trim()),
            _ => {}
        }
    }
    (entry, "")
}

/// Reads a line such as `name: target, target`.
fn alias_line(line: u32, entry: &str, found: &mut Findings<'_>) {
    let Some((name, targets)) = name_and_targets(entry) else {
        return found.problem(line, None, entry, "is not an alias; write NAME: TARGET");
    };
    if name == "*" {
        return found.problem(line, None, name, "accepts every name; list the addresses instead");
    }
    targets::read(&Forward { line, column: None, name, targets, local_parts: true, mixed: false }, found);
}

/// What stands on either side of the first colon outside quotes.
pub(super) fn name_and_targets(entry: &str) -> Option<(&str, &str)> {
    let mut quoted = false;
    let colon = entry.bytes().position(|byte| {
        quoted ^= byte == b'"';
        byte == b':' && !quoted
    })?;
    let (name, targets) = (entry[..colon].trim(), entry[colon + 1..].trim());
    (!name.is_empty()).then_some((name, targets))
}

/// `primary: alias, alias`, or an address alone.
fn linking_line(line: u32, entry: &str, found: &mut Findings<'_>) {
    let (primary, aliases) = name_and_targets(entry).unwrap_or((entry, ""));
    let mut account = Account::default();
    // What stands behind a colon may as well be a password.
    let bare = if found.is_said() { BareWord::LocalPart } else { BareWord::Doubtful };
    let at = AccountContext { line, column: None, bare };
    account.address(found, at, primary);
    account.proxies(found, at, aliases);
    account.finish(found, at, false, FileFormat::Barracuda.is_mixed());
}
