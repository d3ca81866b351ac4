//! The keys of a file of records: which there are, and what each of them means.

use super::super::columns::ColumnContent;
use super::super::findings::{Findings, JudgedValue};
use super::super::heads::{self, normal};
use super::super::lines::Lines;
use super::super::values::CellValues;
use super::super::{NotAList, secrets};
use crate::address::LocalPart;
use std::collections::BTreeMap;

/// Lines that are looked at.
const LOOKED_AT: usize = 1000;
/// Octets of a key.
const KEY_MAX: usize = 64;
/// Keys that an error names.
const KEYS_SHOWN_MAX: usize = 20;
/// Header fields of messages that hold recipients (RFC 5322 3.6.3), and the tag of access(5), as [`normal`] gives them.
const RECIPIENT_FIELDS: [&str; 4] = ["to", "cc", "bcc", "deliveredto"];
/// Those that hold senders (RFC 5322 3.6.2), of whom nobody says that they get mail.
const SENDER_FIELDS: [&str; 4] = ["from", "sender", "replyto", "returnpath"];

/// Words in front of the values of one field.
const PROXIES: [&str; 7] = ["smtp", "sip", "x500", "x400", "eum", "spo", "mailto"];

/// What becomes of the values of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyUse {
    /// As of a column with this name.
    Column(ColumnContent),
    /// Each address is listed.
    List,
    /// No address is listed; ours are told of.
    Unknown,
}

/// How often a key stands there, and in how many of these lines with an address of ours.
#[derive(Default)]
struct KeyCount {
    seen: usize,
    ours: usize,
}

pub(super) struct FieldKeys {
    counts: BTreeMap<String, KeyCount>,
    /// Keys that are addresses of ours themselves.
    addresses: usize,
    /// Lines that are fields or belong to one, and all of them.
    part: (usize, usize),
    /// An address of ours stands behind a key that is known.
    has_known: bool,
    /// One stands behind a key that comes again.
    has_repeated: bool,
}

impl FieldKeys {
    pub(super) fn of(text: &str, found: &Findings<'_>) -> Self {
        let mut keys =
            Self { counts: BTreeMap::new(), addresses: 0, part: (0, 0), has_known: false, has_repeated: false };
        let lines = Lines::new(text).map(|(_, line)| line).filter(|line| !is_comment(line));
        let mut last = None;
        for line in lines.take(LOOKED_AT) {
            keys.part.1 += 1;
            // An item of a list stands for its key once more.
            let item = line.trim().strip_prefix("- ").filter(|_| field(line).is_none()).zip(last.clone());
            let Some((key, value)) = field(line).or_else(|| item.map(|(item, key)| (key, item))) else {
                let address = address_alone(line);
                keys.addresses += usize::from(address.is_some_and(|address| ours(address, found).next().is_some()));
                keys.part.0 += usize::from(continues(line) || ends_record(line) || address.is_some());
                continue;
            };
            keys.part.0 += 1;
            let count = keys.counts.entry(key.clone()).or_default();
            count.seen += 1;
            count.ours += usize::from(ours(value, found).next().is_some());
            last = Some(key);
        }
        let mut with_ours = keys.counts.iter().filter(|(_, count)| count.ours > 0);
        keys.has_repeated = with_ours.clone().any(|(_, count)| count.seen > 1);
        keys.has_known = with_ours.any(|(key, _)| is_known(key, found));
        keys
    }

    /// What a key means by its name, or as it was mapped.
    fn by_name(key: &str, found: &Findings<'_>) -> Option<KeyUse> {
        match found.mapped(key).or_else(|| heads::field_of(key)) {
            Some(field) => Some(KeyUse::Column(field)),
            None if SENDER_FIELDS.contains(&key) => Some(KeyUse::Unknown),
            None => RECIPIENT_FIELDS.contains(&key).then_some(KeyUse::List),
        }
    }

    pub(super) fn meaning(&self, key: &str, found: &Findings<'_>) -> KeyUse {
        Self::by_name(key, found).unwrap_or_else(|| {
            let is_repeated = self.counts.get(key).is_some_and(|count| count.seen > 1);
            // Where another key is the better one, this one may name managers and targets.
            let is_other_better = self.has_known || (self.has_repeated && !is_repeated);
            if is_other_better { KeyUse::Unknown } else { KeyUse::List }
        })
    }

    /// Of the lines with addresses of ours, most stand behind keys that are known or come again.
    fn is_like(&self, found: &Findings<'_>) -> bool {
        let all: usize = self.counts.values().map(|count| count.ours).sum();
        let is_certain = |(key, count): &(&String, &KeyCount)| count.seen > 1 || is_known(key, found);
        let certain: usize = self.counts.iter().filter(is_certain).map(|(_, count)| count.ours).sum();
        (certain + self.addresses) * 2 > all + self.addresses && self.is_mostly_fields()
    }

    fn is_mostly_fields(&self) -> bool {
        self.part.0 * 5 >= self.part.1 * 4
    }

    /// No address stands behind any key, and most of them come again.
    fn is_like_without_addresses(&self) -> bool {
        let seen: usize = self.counts.values().map(|count| count.seen).sum();
        let again: usize = self.counts.values().filter(|count| count.seen > 1).map(|count| count.seen).sum();
        self.counts.len() > 1 && again * 2 > seen && self.is_mostly_fields()
    }

    pub(super) fn without_addresses(&self, found: &Findings<'_>) -> NotAList {
        let shown = self.counts.keys().filter(|key| !secrets::may_be_password(key)).take(KEYS_SHOWN_MAX);
        NotAList::NoAddresses {
            columns: shown.cloned().collect::<Vec<_>>().join(", "),
            domain: found.domain().to_string(),
            words: None,
        }
    }
}

fn is_known(key: &str, found: &Findings<'_>) -> bool {
    use ColumnContent as C;
    match FieldKeys::by_name(key, found) {
        Some(KeyUse::List) => true,
        Some(KeyUse::Column(field)) => matches!(field, C::Address | C::Alias | C::Login | C::Local),
        Some(KeyUse::Unknown) | None => false,
    }
}

pub(in super::super) fn is_like(text: &str, found: &Findings<'_>) -> bool {
    let keys = FieldKeys::of(text, found);
    keys.is_like(found) || (!text.contains('@') && keys.is_like_without_addresses())
}

pub(in super::super) fn is_vcard(text: &str) -> bool {
    text.trim_start().get(..11).is_some_and(|start| start.eq_ignore_ascii_case("BEGIN:VCARD"))
}

fn is_comment(line: &str) -> bool {
    line.trim().is_empty() || line.trim_start().starts_with(['#', ';'])
}

/// The addresses of the domain in a value.
pub(super) fn ours<'v>(value: &'v str, found: &'v Findings<'_>) -> impl Iterator<Item = LocalPart> + 'v {
    let values = CellValues::new(value).filter(|(_, value)| value.contains('@'));
    values.filter_map(|(_, value)| match found.judge(super::addressed(value).0) {
        JudgedValue::Ours(local) => Some(local),
        JudgedValue::Foreign(_) | JudgedValue::Bad(_) => None,
    })
}

/// `Key : value`, `key = "value"`, `- key: value`, `item1.EMAIL;TYPE=work:value` (RFC 6350 3.3), `'key' => 'value',`. The
/// key comes as [`normal`] gives it.
pub(super) fn field(line: &str) -> Option<(String, &str)> {
    let line = line.trim();
    let line = line.strip_prefix("- ").map_or(line, str::trim_start);
    let at = line.find([':', '=', '|'])?;
    let (end, value) = match line[..at].find(';') {
        Some(parameters) => (parameters, line.find(':')? + 1),
        None => (at, at + 1),
    };
    let key = line[..end].trim().trim_matches(['"', '\'']);
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.' | '/' | '(' | ')');
    let is_key = key.len() <= KEY_MAX && key.contains(char::is_alphabetic) && key.chars().all(is_part);
    let is_proxy = PROXIES.iter().any(|word| key.eq_ignore_ascii_case(word));
    (is_key && !is_proxy).then(|| {
        (normal(key.rsplit('.').next().unwrap_or(key)), line[value..].trim_start_matches([':', '=', '>']).trim())
    })
}

/// A line that belongs to the field above it: it is indented, or an item of a list.
pub(super) fn continues(line: &str) -> bool {
    let content = line.trim();
    line.starts_with([' ', '\t', '-'])
        && !content.is_empty()
        && !ends_record(line)
        && field(line).is_none()
        && address_alone(line).is_none()
}

/// `  ann@example.test:`, a key of YAML that is an address itself.
pub(super) fn address_alone(line: &str) -> Option<&str> {
    let address = line.trim().strip_suffix(':')?.trim_matches(['"', '\'']);
    (address.contains('@') && !address.contains([' ', ':'])).then_some(address)
}

/// A line between two records, or with which one begins.
pub(super) fn ends_record(line: &str) -> bool {
    let line = line.trim();
    line.is_empty()
        || line.starts_with("---")
        || line.starts_with("***")
        || line.starts_with("-[ RECORD")
        || line.eq_ignore_ascii_case("END:VCARD")
        || (line.starts_with("- ") && field(line).is_some())
        || (line.starts_with('[') && line.ends_with(']'))
}
