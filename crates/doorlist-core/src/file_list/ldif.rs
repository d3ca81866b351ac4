//! Records of attributes: LDIF (RFC 2849) and the output of `zmprov gaa -v`.
//!
//! In Doorlist's own LDIF export each record is one address: `mail` is the address, `doorlistKind` is `mailbox`,
//! `alias` or `list`, `doorlistAccount` the account of an alias, `doorlistStanding` is `active`, `switched-off` or
//! `vetoed`.

mod attributes;

use super::account::{Account, AccountContext, BareWord};
use super::columns::ColumnContent;
use super::findings::{Findings, JudgedValue};
use super::format::FileFormat;
use super::kinds::{self, AccountState, RecipientKind};
use super::lines::Lines;
use super::notes::Skipped;
use super::values::{self, CellValues};
use super::{FIELD_BYTES_MAX, NotAList, targets};
use attributes::{AttributeUse, FURTHER, holds_members, is_list_class, usage};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::borrow::Cow;

/// Values that a record keeps; the members of a list are not among them.
const VALUES_MAX: usize = 10_000;

#[derive(Default)]
struct LdifRecord<'t> {
    /// Its first line; 0 while there is none.
    line: u32,
    values: Vec<(&'static str, Cow<'t, str>)>,
    /// Values of attributes that a person maps, each with the name as it is written.
    mapped: Vec<(String, ColumnContent, Cow<'t, str>)>,
    /// Values with an `@` of attributes that are not read.
    unread: Vec<(String, Cow<'t, str>)>,
    /// A value that could not be read, and why.
    bad: Option<(u32, String, &'static str)>,
}

impl LdifRecord<'_> {
    fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.values.iter().filter(move |(known, _)| *known == name).map(|(_, value)| value.as_ref())
    }

    fn first(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    fn says(&self, name: &str, word: &str) -> bool {
        self.all(name).any(|value| value.eq_ignore_ascii_case(word))
    }
}

pub(super) fn read(text: &str, format: FileFormat, found: &mut Findings<'_>) -> Result<(), NotAList> {
    attributes::check_maps(text, found)?;
    let is_zimbra = format == FileFormat::ZimbraVerbose;
    let mut lines = Lines::new(text).peekable();
    let mut record = LdifRecord::default();
    while let Some((number, first)) = lines.next() {
        // A folded line goes on where the next one begins with one blank.
        let mut line = Cow::Borrowed(first);
        while let Some((_, more)) = lines.next_if(|(_, next)| next.starts_with(' ') && !first.is_empty()) {
            if line.len() <= FIELD_BYTES_MAX {
                line.to_mut().push_str(&more[1..]);
            }
        }
        let starts_record = if is_zimbra { is_zimbra_start(&line) } else { starts_record(&line) };
        if starts_record {
            end_record(&mut record, found)?;
        }
        if is_zimbra || !line.starts_with('#') {
            take_line(&mut record, number, line, found);
        }
    }
    end_record(&mut record, found)
}

/// In LDIF a record ends with a blank line. Zimbra's values have blank lines of their own.
fn starts_record(line: &str) -> bool {
    line.trim().is_empty() || line.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("dn:"))
}

/// `name: value`, `name:: base64`, `name;option: value`, `# name value`.
fn take_line<'t>(record: &mut LdifRecord<'t>, number: u32, line: Cow<'t, str>, found: &Findings<'_>) {
    let (name, value) = if let Some(rest) = line.strip_prefix("# ") {
        let Some((name, value)) = rest.split_once(' ') else { return };
        (format!("# {name}"), value)
    } else {
        let Some((name, value)) = line.split_once(':') else { return };
        (name.split(';').next().unwrap_or(name).trim().to_owned(), value)
    };
    let usage = usage(&name, value, found);
    if usage == AttributeUse::Ignored {
        return;
    }
    if record.line == 0 {
        record.line = number;
    }
    let is_unread = usage == AttributeUse::Unread;
    if record.values.len() + record.mapped.len() + record.unread.len() >= VALUES_MAX {
        record.bad = Some((number, String::new(), "the record has too many values"));
        return;
    }
    if line.len() > FIELD_BYTES_MAX {
        record.bad = Some((number, String::new(), "the value is longer than 1 MiB"));
        return;
    }
    let value = match value.strip_prefix(':') {
        Some(coded) => match decoded(coded) {
            Ok(value) => Cow::Owned(value),
            Err(_) if is_unread => return,
            Err(why) => {
                record.bad = Some((number, format!("{name}:: {}", coded.trim()), why));
                return;
            }
        },
        // The address of a file that holds the value.
        None if value.starts_with('<') => return,
        None => {
            let from = line.len() - value.len();
            match line {
                Cow::Borrowed(line) => Cow::Borrowed(line[from..].trim()),
                Cow::Owned(line) => Cow::Owned(line[from..].trim().to_owned()),
            }
        }
    };
    match usage {
        AttributeUse::Read(name) => record.values.push((name, value)),
        AttributeUse::Mapped(field) => record.mapped.push((name, field, value)),
        AttributeUse::Unread if value.contains('@') => record.unread.push((name, value)),
        AttributeUse::Unread | AttributeUse::Ignored => {}
    }
}

fn decoded(coded: &str) -> Result<String, &'static str> {
    let bytes = BASE64.decode(coded.trim()).map_err(|_| "is not valid Base64")?;
    String::from_utf8(bytes).map_err(|_| "is not UTF-8 inside its Base64")
}

/// Takes the record that has ended among the findings.
fn end_record(record: &mut LdifRecord<'_>, found: &mut Findings<'_>) -> Result<(), NotAList> {
    let record = std::mem::take(record);
    if record.line == 0 {
        return Ok(());
    }
    found.begin_row()?;
    if let Some((line, value, why)) = &record.bad {
        found.problem(*line, None, value, *why);
    }
    if record.first("changetype").is_some_and(|change| !change.eq_ignore_ascii_case("add")) {
        found.skip(Skipped::Change);
    } else if record.first("doorlistkind").is_some() {
        own_record(&record, found);
    } else if let Some(kind) = left_out(&record) {
        found.skip(kind);
    } else {
        account_record(&record, found);
    }
    Ok(())
}

/// One address of our own export.
fn own_record(record: &LdifRecord<'_>, found: &mut Findings<'_>) {
    let (line, address) = (record.line, record.first("mail").unwrap_or_default());
    if record.says("doorliststanding", "vetoed") {
        return found.skip(Skipped::Vetoed);
    }
    let local = match found.judge(address) {
        JudgedValue::Ours(local) => local,
        JudgedValue::Foreign(domain) => return found.foreign(line, Some("mail"), address, &domain, false),
        JudgedValue::Bad(why) => return found.problem(line, Some("mail"), address, why),
    };
    let kind = record.first("doorlistkind").unwrap_or_default();
    match targets::own_structure(kind, record.first("doorlistaccount").unwrap_or_default(), found) {
        Ok(structure) => found.own_row(line, local, structure, record.says("doorliststanding", "switched-off")),
        Err(why) => found.problem(line, Some("doorlistKind"), kind, why),
    }
}

/// Why the whole record is rightly left out.
fn left_out(record: &LdifRecord<'_>) -> Option<Skipped> {
    let name = record.first("# name").or_else(|| record.first("mail")).unwrap_or_default().to_ascii_lowercase();
    let is_zimbra = record.first("# name").is_some() || record.first("zimbraaccountstatus").is_some();
    if record.says("zimbraaccountstatus", "closed") || record.says("mailuserstatus", "deleted") {
        Some(Skipped::Closed)
    } else if (is_zimbra && kinds::is_zimbra_system(&name))
        || record.says("zimbraissystemresource", "true")
        || record.says("zimbraissystemaccount", "true")
    {
        Some(Skipped::System)
    } else if record.says("usertype", "guest") || record.says("zimbraisexternalvirtualaccount", "true") {
        Some(Skipped::Guest)
    } else {
        None
    }
}

/// An account with all its addresses.
fn account_record(record: &LdifRecord<'_>, found: &mut Findings<'_>) {
    let mut account = Account::default();
    if record.bad.is_some() {
        account.mark_bad();
    }
    let at = |column| AccountContext { line: record.line, column: Some(column), bare: BareWord::Wrong };
    for name in ["# name", "# distributionlist", "mail", "rfc822mailbox"] {
        for value in record.all(name) {
            // `zmprov gadl -v` counts the members behind the name.
            let value = if name.starts_with('#') { value.split(' ').next().unwrap_or(value) } else { value };
            account.address(found, at("mail"), value);
        }
    }
    for name in FURTHER {
        for value in record.all(name) {
            account.proxies(found, at(name), value);
        }
    }
    for (name, field, value) in &record.mapped {
        match field {
            ColumnContent::Address => account.address(found, at(name), value),
            ColumnContent::Local => {
                account.address(found, AccountContext { bare: BareWord::LocalPart, ..at(name) }, value)
            }
            ColumnContent::Alias => account.proxies(found, at(name), value),
            _ => {}
        }
    }
    if let Some(login) = record.first("userprincipalname") {
        account.login(found, login);
    }
    let is_list = record.first("# distributionlist").is_some()
        || record.all("objectclass").any(is_list_class)
        || record.first("msexchrecipienttypedetails").is_some_and(|kind| kinds::recipient(kind) == RecipientKind::List);
    let mixed = record.first("# name").is_some() || record.first("# distributionlist").is_some();
    let from = found.mark();
    if account.finish(found, at("mail"), is_list, mixed) && is_blocked(record) {
        found.blocked += 1;
    }
    unread(record, is_list, from, found);
}

/// Addresses of the domain in attributes that are not read, but for the members of lists.
fn unread(record: &LdifRecord<'_>, is_list: bool, from: usize, found: &mut Findings<'_>) {
    let logins = record.all("userprincipalname").map(|value| ("userPrincipalName", value));
    let others = record.unread.iter().map(|(name, value)| (name.as_str(), value.as_ref()));
    for (name, value) in logins.chain(others).filter(|(name, _)| !(is_list && holds_members(name))) {
        let values = CellValues::new(value).filter(|(word, _)| *word != values::Proxy::NotSmtp);
        for (_, value) in values {
            if let JudgedValue::Ours(local) = found.judge(value) {
                found.unread(name, &local, from);
            }
        }
    }
}

/// Nobody can sign in: by status, by lock, or by Active Directory's flags.
fn is_blocked(record: &LdifRecord<'_>) -> bool {
    record.first("useraccountcontrol").is_some_and(kinds::is_disabled)
        || record.says("nsaccountlock", "true")
        || ["zimbraaccountstatus", "accountstatus", "inetuserstatus", "mailuserstatus"]
            .iter()
            .any(|name| record.first(name).is_some_and(|value| kinds::status(value) == AccountState::Blocked))
}

/// A first line of LDIF.
pub(super) fn is_start(line: &str) -> bool {
    let line = line.to_ascii_lowercase();
    line.starts_with("dn:") || line.starts_with("version: 1") || line.starts_with("version:1")
}

/// A first line of `zmprov gaa -v` or `gadl -v`.
pub(super) fn is_zimbra_start(line: &str) -> bool {
    line.starts_with("# name ") || line.starts_with("# distributionList ")
}
