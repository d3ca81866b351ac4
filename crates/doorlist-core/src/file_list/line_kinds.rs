//! Detects line-based formats by their first lines.

use super::findings::{Findings, JudgedValue};
use super::format::FileFormat;
use super::lines::{Lines, LogicalLines};
use super::maps::{key_and_value, name_and_targets};
use super::{ldif, proxy_lines};

/// Lines that are looked at.
const LOOKED_AT: usize = 200;
/// Values of a Postfix map of relay recipients, which has to have some.
const RELAY_WORDS: [&str; 8] = ["ok", "x", "yes", "1", "permit", "relay", "mailbox", "list"];

/// Formats whose first line leaves no doubt.
pub(super) fn by_first_line(text: &str) -> Option<FileFormat> {
    let mut lines = Lines::new(text).map(|(_, line)| line.trim()).filter(|line| !line.is_empty());
    let first = lines.next()?;
    if ldif::is_zimbra_start(first) && lines.next().is_some_and(|line| line.contains(": ")) {
        return Some(FileFormat::ZimbraVerbose);
    }
    if proxy_lines::is_head(first) {
        return Some(FileFormat::ExchangeValues);
    }
    if first.starts_with("Mailname") && first.contains('@') {
        return Some(FileFormat::Plesk);
    }
    let entry =
        Lines::new(text).map(|(_, line)| line).find(|line| !line.trim().is_empty() && !line.starts_with(['#', ' ']))?;
    ldif::is_start(entry).then_some(FileFormat::Ldif)
}

/// Formats of keys and values.
pub(super) fn by_shape(text: &str, found: &Findings<'_>) -> Option<FileFormat> {
    let entries: Vec<String> = LogicalLines::new(text).take(LOOKED_AT).map(|(_, line)| line.into_owned()).collect();
    if entries.is_empty() {
        return None;
    }
    if mostly(&entries, |entry| is_passwd(entry)) {
        return Some(FileFormat::Passwd);
    }
    colons(&entries, found).or_else(|| map(&entries, found))
}

/// At least four of five items match.
fn mostly<T>(items: &[T], is: impl Fn(&T) -> bool) -> bool {
    items.iter().filter(|item| is(item)).count() * 5 >= items.len() * 4
}

fn is_passwd(entry: &str) -> bool {
    let fields: Vec<&str> = entry.split(':').collect();
    fields.len() == 7 && fields[2..4].iter().all(|id| id.parse::<u32>().is_ok())
}

fn is_address(text: &str, found: &Findings<'_>) -> bool {
    text.contains('@') && !matches!(found.judge(text), JudgedValue::Bad(_))
}

/// `alias: target`, or linked addresses with plain ones between them.
fn colons(entries: &[String], found: &Findings<'_>) -> Option<FileFormat> {
    let is_linked = |entry: &String| name_and_targets(entry).is_some_and(|(name, _)| is_address(name, found));
    if entries.iter().any(is_linked) && mostly(entries, |entry| is_linked(entry) || is_address(entry, found)) {
        return Some(FileFormat::Barracuda);
    }
    let is_alias = |entry: &String| {
        name_and_targets(entry).is_some_and(|(name, _)| {
            let is_prefix =
                ["smtp", "mailto", "sip", "http", "https"].iter().any(|word| name.eq_ignore_ascii_case(word));
            !is_prefix
                && !name.contains(['@', ' ', '\t', ',', ';', '<'])
                && matches!(found.judge_name(name), JudgedValue::Ours(_))
        })
    };
    mostly(entries, is_alias).then_some(FileFormat::Aliases)
}

/// `key value`, told apart by their values.
fn map(entries: &[String], found: &Findings<'_>) -> Option<FileFormat> {
    let pairs: Vec<(&str, &str)> = entries.iter().map(|entry| key_and_value(entry)).collect();
    let is_full = |key: &str| is_address(key, found) || key.strip_prefix('@').is_some_and(|domain| !domain.is_empty());
    let is_pair = |(key, value): &(&str, &str)| {
        !value.is_empty()
            && !value.starts_with(['#', '<'])
            && (is_full(key) || (!key.contains('@') && matches!(found.judge_name(key), JudgedValue::Ours(_))))
    };
    if !mostly(&pairs, is_pair) || !pairs.iter().any(|(key, value)| is_full(key) && !value.is_empty()) {
        return None;
    }
    Some(map_by_values(&pairs))
}

fn map_by_values(pairs: &[(&str, &str)]) -> FileFormat {
    let is_relay =
        |value: &str| RELAY_WORDS.iter().any(|word| value.eq_ignore_ascii_case(word)) || value.starts_with("alias:");
    let values = || pairs.iter().map(|(_, value)| *value).filter(|value| !value.is_empty());
    let names_itself =
        |(key, value): &(&str, &str)| key.split('@').next().is_some_and(|local| local.eq_ignore_ascii_case(value));
    if values().all(is_relay) {
        FileFormat::PostfixRelay
    } else if values().any(|value| value.starts_with("error:") || value.contains('%')) {
        FileFormat::Virtusertable
    } else if values().any(|value| value.contains('@')) {
        FileFormat::PostfixVirtual
    } else if pairs.iter().any(names_itself) || values().any(|value| value.contains(',')) {
        FileFormat::Virtusertable
    } else {
        let first = values().next();
        if values().all(|value| Some(value) == first) { FileFormat::PostfixRelay } else { FileFormat::Virtusertable }
    }
}
