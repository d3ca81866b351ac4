//! Records of keys and values: blocks of PowerShell's `Format-List`, vCards, YAML and INI files of mail servers, header
//! fields of messages, rows as `\G` of MySQL and `\x` of psql print them. A key says what its values are and is never
//! listed itself.

mod keys;

use super::account::{Account, AccountContext, BareWord};
use super::columns::ColumnContent;
use super::findings::{Findings, JudgedValue};
use super::kinds::{self, AccountState, RecipientKind};
use super::lines::Lines;
use super::maps::key_and_value;
use super::notes::Skipped;
use super::values::CellValues;
use super::{FIELD_BYTES_MAX, NotAList, refusals};
use crate::address::LocalPart;
use crate::change::Structure;
use keys::{FieldKeys, KeyUse, field};
use std::borrow::Cow;

pub(super) use keys::{is_like, is_vcard};

/// What one record says so far.
#[derive(Default)]
struct FieldRecord {
    /// Its first line; 0 while there is none.
    line: u32,
    account: Account,
    has_address: bool,
    local: String,
    domain: String,
    is_list: bool,
    is_blocked: bool,
    left_out: Option<Skipped>,
    /// Addresses of the domain behind keys that are not read.
    unread: Vec<(String, LocalPart)>,
}

pub(super) fn read(text: &str, found: &mut Findings<'_>) -> Result<(), NotAList> {
    let keys = FieldKeys::of(text, found);
    let is_card = is_vcard(text);
    let mut record = FieldRecord::default();
    let mut lines = Lines::new(text).peekable();
    while let Some((number, first)) = lines.next() {
        let mut line = Cow::Borrowed(first);
        // Values go on in lines that begin with a blank (RFC 5322 2.2.3, RFC 6350 3.2), as PowerShell wraps them too.
        while let Some((_, more)) = lines.next_if(|(_, next)| field(first).is_some() && keys::continues(next)) {
            if line.len() < FIELD_BYTES_MAX {
                let line = line.to_mut();
                match more.trim().strip_prefix("- ") {
                    Some(item) => line.extend([", ", item]),
                    None if is_card => line.push_str(more.trim()),
                    None => line.extend([" ", more.trim()]),
                }
            }
        }
        if keys::ends_record(&line) {
            end(&mut record, found);
        }
        if let Some((key, value)) = field(&line) {
            let meaning = keys.meaning(&key, found);
            let is_next = match meaning {
                KeyUse::Column(ColumnContent::Address) => record.has_address && !is_card,
                KeyUse::Column(ColumnContent::Local) => !record.local.is_empty(),
                _ => false,
            };
            if is_next {
                end(&mut record, found);
            }
            if record.line == 0 {
                record.line = number;
                found.begin_row()?;
            }
            take(&mut record, number, &key, meaning, value, found);
        } else if let Some(address) = keys::address_alone(&line) {
            end(&mut record, found);
            found.begin_row()?;
            listed(number, address, found);
        }
    }
    end(&mut record, found);
    if found.has_addresses() { Ok(()) } else { Err(keys.without_addresses(found)) }
}

/// Takes one value into the record, or lists it.
fn take(record: &mut FieldRecord, line: u32, key: &str, meaning: KeyUse, value: &str, found: &mut Findings<'_>) {
    let (value, rest) = addressed(value);
    let at = AccountContext { line, column: Some(key), bare: BareWord::Wrong };
    if value.contains('@') && refusals::is_refusal(rest) {
        return found.skip(Skipped::Refused);
    }
    let field = match meaning {
        KeyUse::List => return listed(line, value, found),
        KeyUse::Unknown => return record.unread.extend(keys::ours(value, found).map(|local| (key.to_owned(), local))),
        KeyUse::Column(field) => field,
    };
    match field {
        ColumnContent::Address if value.contains('@') => {
            record.has_address = true;
            let addresses = CellValues::new(value).filter(|(_, value)| value.contains('@'));
            addresses.for_each(|(_, value)| record.account.address(found, at, value));
        }
        ColumnContent::Address | ColumnContent::Alias if !value.contains('@') => {
            found.words += u64::from(!value.is_empty());
        }
        ColumnContent::Local => value.clone_into(&mut record.local),
        ColumnContent::Domain => value.clone_into(&mut record.domain),
        ColumnContent::Alias => record.account.proxies(found, at, value),
        ColumnContent::Login => record.account.login(found, value),
        ColumnContent::Kind => match kinds::recipient(value) {
            RecipientKind::List => record.is_list = true,
            RecipientKind::Guest => record.left_out = Some(Skipped::Guest),
            RecipientKind::System => record.left_out = Some(Skipped::System),
            RecipientKind::Mailbox | RecipientKind::Contact => {}
        },
        ColumnContent::Guest if value.eq_ignore_ascii_case("guest") => record.left_out = Some(Skipped::Guest),
        ColumnContent::Status | ColumnContent::Blocked => {
            let state = if field == ColumnContent::Status { kinds::status(value) } else { kinds::blocked(value) };
            match state {
                AccountState::Blocked => record.is_blocked = true,
                AccountState::Closed => record.left_out = Some(Skipped::Closed),
                AccountState::Normal => {}
            }
        }
        _ => {}
    }
}

/// The address, and the words behind it: `ann@example.test REJECT` of Sendmail's access map.
fn addressed(value: &str) -> (&str, &str) {
    let (word, rest) = key_and_value(value);
    if word.contains('@') && !rest.is_empty() && !rest.contains('@') && !word.contains(['<', ',']) {
        (word, rest)
    } else {
        (value, "")
    }
}

/// Values that are a list by themselves: `To: Ann <ann@example.test>, Bo <bo@example.test>`.
fn listed(line: u32, value: &str, found: &mut Findings<'_>) {
    for (_, value) in CellValues::new(value) {
        match found.judge(value) {
            JudgedValue::Ours(local) => found.row(line, local, Structure::Mailbox),
            JudgedValue::Foreign(domain) => found.foreign(line, None, value, &domain, true),
            JudgedValue::Bad(_) => {}
        }
    }
}

/// Takes the record that has ended among the findings.
fn end(record: &mut FieldRecord, found: &mut Findings<'_>) {
    let mut record = std::mem::take(record);
    if record.line == 0 {
        return;
    }
    if let Some(why) = record.left_out {
        return found.skip(why);
    }
    let at = AccountContext { line: record.line, column: None, bare: BareWord::LocalPart };
    if !record.local.is_empty() {
        let is_whole = record.domain.is_empty();
        let name = if is_whole { record.local } else { format!("{}@{}", record.local, record.domain) };
        record.account.address(found, at, &name);
    }
    let from = found.mark();
    if !record.account.is_empty() && record.account.finish(found, at, record.is_list, true) && record.is_blocked {
        found.blocked += 1;
    }
    for (key, local) in &record.unread {
        found.unread(key, local, from);
    }
}
