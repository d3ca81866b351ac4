//! Detects line-based formats by their first lines.

use super::findings::{Findings, JudgedValue};
use super::format::FileFormat;
use super::lines::{Lines, LogicalLines};
use super::map_values::{is_action, is_transport};
use super::maps::{key_and_value, name_and_targets};
use super::values::CellValues;
use super::{commands, credentials, ldif, proxy_lines, records_of_keys, refusals};
use std::collections::BTreeSet;

/// Lines that are looked at.
const LOOKED_AT: usize = 200;
/// Values of a Postfix map of relay recipients, which has to have some.
const RELAY_WORDS: [&str; 8] = ["ok", "x", "yes", "1", "permit", "relay", "mailbox", "list"];

/// Aliases that every system has.
const SYSTEM_ALIASES: [&str; 5] = ["postmaster", "mailer-daemon", "root", "abuse", "hostmaster"];

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
    if records_of_keys::is_vcard(first) {
        return Some(FileFormat::Records);
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
    if entries.iter().filter(|entry| commands::is_command(entry)).count() * 2 >= entries.len() {
        return Some(FileFormat::Plain);
    }
    if are_transports(&entries, found) {
        return Some(FileFormat::PostfixRelay);
    }
    if records_of_keys::is_like(text, found) {
        return Some(FileFormat::Records);
    }
    if mostly(&entries, |entry| credentials::is_like(entry, found)) {
        return Some(FileFormat::Credentials);
    }
    linked(&entries, found).or_else(|| aliases(&entries, found)).or_else(|| map(&entries, found))
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

/// `address: alias, alias`, with plain addresses between them. Words behind most addresses are their passwords.
fn linked(entries: &[String], found: &Findings<'_>) -> Option<FileFormat> {
    let linked = |entry: &String| name_and_targets(entry).is_some_and(|(name, _)| is_address(name, found));
    let are_addresses =
        |targets: &str| CellValues::new(targets).next().is_none_or(|(_, value)| is_address(value, found));
    let targets: Vec<&str> =
        entries.iter().filter(|entry| linked(entry)).filter_map(|entry| Some(name_and_targets(entry)?.1)).collect();
    if targets.is_empty() || !mostly(entries, |entry| linked(entry) || is_address(entry, found)) {
        return None;
    }
    let sure = targets.iter().filter(|targets| are_addresses(targets)).count();
    let leads_on = |targets: &&str| {
        refusals::is_refusal(targets) || targets.starts_with(['|', '/', ':', '"']) || targets.contains(',')
    };
    Some(match sure == targets.len() {
        true => FileFormat::Barracuda,
        // `sales@example.test: ann, bo`, as cPanel keeps its forwarders.
        false if targets.iter().any(leads_on) => FileFormat::Aliases,
        false if sure * 2 >= targets.len() => FileFormat::Barracuda,
        false => FileFormat::Credentials,
    })
}

/// `alias: target`. Where nothing says that the right side is a target, it may be a password; where names with capitals
/// lead to addresses, the names are those of people.
fn aliases(entries: &[String], found: &Findings<'_>) -> Option<FileFormat> {
    let is_pair = |(name, _): &(&str, &str)| {
        let is_prefix = ["smtp", "mailto", "sip", "http", "https"].iter().any(|word| name.eq_ignore_ascii_case(word));
        !is_prefix
            && !name.contains(['@', ' ', '\t', ',', ';', '<'])
            && matches!(found.judge_name(name), JudgedValue::Ours(_))
    };
    let pairs: Vec<(&str, &str)> = entries.iter().filter_map(|entry| name_and_targets(entry)).filter(is_pair).collect();
    if pairs.len() * 5 < entries.len() * 4 {
        return None;
    }
    let is_key = |word: &str| pairs.iter().any(|(name, _)| name.eq_ignore_ascii_case(word));
    let is_target = |targets: &str| {
        targets.starts_with(['|', '/', ':', '\\', '"']) || targets.contains(',') || targets == "root" || is_key(targets)
    };
    let is_address = |targets: &str| is_address(targets, found) && targets.contains('.');
    let is_system = |name: &str| SYSTEM_ALIASES.iter().any(|known| name.eq_ignore_ascii_case(known));
    if pairs.iter().any(|(name, targets)| is_target(targets) || refusals::is_refusal(targets) || is_system(name)) {
        return Some(FileFormat::Aliases);
    }
    let is_capital = |(name, _): &(&str, &str)| name.starts_with(char::is_uppercase);
    Some(match pairs.iter().any(|(_, targets)| is_address(targets)) {
        true if mostly(&pairs, is_capital) => FileFormat::Records,
        true => FileFormat::Aliases,
        // `Name: ann` and `user: ann` are keys, not names with passwords.
        false if entries.iter().any(|entry| entry.contains(": ")) || !are_distinct(&pairs) => return None,
        false => FileFormat::Credentials,
    })
}

fn are_distinct(pairs: &[(&str, &str)]) -> bool {
    pairs.iter().map(|(name, _)| name.to_lowercase()).collect::<BTreeSet<_>>().len() == pairs.len()
}

/// Transports of Postfix behind domains and addresses (transport(5)), of which there may be none.
fn are_transports(entries: &[String], found: &Findings<'_>) -> bool {
    let pairs: Vec<(&str, &str)> = entries.iter().map(|entry| key_and_value(entry)).collect();
    let is_route =
        |(key, value): &(&str, &str)| !key.ends_with(':') && (is_transport(value) || refusals::is_refusal(value));
    let is_place = |key: &str| key == "*" || key.starts_with('.') || found.is_ours(key) || is_address(key, found);
    mostly(&pairs, is_route) && pairs.iter().any(|(key, value)| is_place(key) && is_transport(value))
}

/// `key value`, told apart by their values.
fn map(entries: &[String], found: &Findings<'_>) -> Option<FileFormat> {
    let pairs: Vec<(&str, &str)> = entries.iter().map(|entry| key_and_value(entry)).collect();
    let is_full = |key: &str| is_address(key, found) || key.strip_prefix('@').is_some_and(|domain| !domain.is_empty());
    let is_pair = |(key, value): &(&str, &str)| {
        !value.is_empty()
            && !value.starts_with(['#', '<'])
            && (is_full(key)
                || key.starts_with('.')
                || (!key.contains('@') && matches!(found.judge_name(key), JudgedValue::Ours(_))))
    };
    let full = pairs.iter().filter(|(key, value)| is_full(key) && !value.is_empty()).count();
    if !mostly(&pairs, is_pair) || full == 0 || full * 2 < pairs.len() {
        return None;
    }
    Some(map_by_values(&pairs))
}

fn map_by_values(pairs: &[(&str, &str)]) -> FileFormat {
    let is_relay = |value: &str| {
        RELAY_WORDS.iter().any(|word| value.eq_ignore_ascii_case(word))
            || value.starts_with("alias:")
            || refusals::is_refusal(value)
            || is_action(value)
            || is_transport(value)
    };
    let values = || pairs.iter().map(|(_, value)| *value).filter(|value| !value.is_empty());
    // What is left when actions and transports are gone may be targets.
    let is_open = |value: &&str| !is_action(value) && !is_transport(value);
    let locals: BTreeSet<String> =
        pairs.iter().filter_map(|(key, _)| Some(key.split_once('@')?.0.to_ascii_lowercase())).collect();
    // A word behind an address is a user of this system if an address is that user's; else it may be a password.
    let is_user = |value: &str| locals.contains(&value.to_ascii_lowercase()) || value.contains(',');
    if values().all(is_relay) {
        FileFormat::PostfixRelay
    } else if values().filter(is_open).any(|value| value.starts_with("error:") || value.contains('%')) {
        FileFormat::Virtusertable
    } else if pairs.iter().any(|(key, value)| key.contains('@') && value.contains('@') && is_open(value)) {
        FileFormat::PostfixVirtual
    } else if values().filter(is_open).any(is_user) {
        FileFormat::Virtusertable
    } else {
        FileFormat::PostfixRelay
    }
}
