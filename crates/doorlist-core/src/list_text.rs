//! A list as text, one entry at a time, so that long lists are never in memory as a whole. [`crate::file_list`] reads
//! every format back.

use crate::address::{Address, DomainName, LocalPart};
use crate::file_list::values::is_formula;
use crate::list::{EntryKind, Standing};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::fmt::Write;

/// The header of an exact CSV export.
pub(crate) const CSV_HEAD: &str = "address,kind,account,standing\r\n";
/// The header of a CSV export for spreadsheets. Spreadsheets drop quotes but keep the capitals, which tell the
/// importer that apostrophes in front of formulas are not part of the names.
const SPREADSHEET_HEAD: &str = "\"Address\",\"Kind\",\"Account\",\"Standing\"\r\n";
/// Bytes of an LDIF line (RFC 2849 folds longer ones).
const LDIF_LINE_MAX: usize = 76;

/// The format of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExportForm {
    /// CSV (RFC 4180), cells exactly as they are; for programs.
    CsvExact,
    /// CSV for spreadsheets: every cell in quotes, and an apostrophe in front of one that would be taken as a formula.
    CsvSpreadsheet,
    /// A Postfix map for `relay_recipient_maps`. Postfix ignores the value; Doorlist writes `mailbox`, `list` or
    /// `alias:` with the account.
    Postfix,
    /// LDIF (RFC 2849): one record an address, with `mail`, `doorlistKind`, `doorlistAccount` of an alias, and
    /// `doorlistStanding`.
    Ldif,
}

/// One address of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportEntry {
    pub address: Address,
    pub kind: EntryKind,
    /// The account of an alias.
    pub account: Option<LocalPart>,
    /// Whether the recipient is accepted.
    pub standing: Standing,
}

/// The text before the first entry.
pub fn head(form: ExportForm, domain: &DomainName) -> String {
    match form {
        ExportForm::CsvExact => CSV_HEAD.to_owned(),
        ExportForm::CsvSpreadsheet => SPREADSHEET_HEAD.to_owned(),
        ExportForm::Postfix => format!("# Accepted recipients of {domain}, for relay_recipient_maps\n"),
        ExportForm::Ldif => "version: 1\n".to_owned(),
    }
}

/// Adds an entry to `out`, or nothing if the format cannot express it.
pub fn entry(form: ExportForm, entry: &ExportEntry, out: &mut String) {
    let account = entry.account.as_ref();
    let account = account.map(|local| Address::new(local.clone(), entry.address.domain().clone()).to_string());
    let account = account.unwrap_or_default();
    match form {
        ExportForm::CsvExact => csv(entry, &account, exact_field, out),
        ExportForm::CsvSpreadsheet => csv(entry, &account, spreadsheet_field, out),
        ExportForm::Postfix => postfix(entry, &account, out),
        ExportForm::Ldif => ldif(entry, &account, out),
    }
}

fn kind(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Mailbox => "mailbox",
        EntryKind::Alias => "alias",
        EntryKind::List => "list",
    }
}

fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Active => "active",
        Standing::SwitchedOff => "switched-off",
        Standing::Vetoed => "vetoed",
    }
}

fn csv(entry: &ExportEntry, account: &str, field: fn(&str, &mut String), out: &mut String) {
    let address = entry.address.to_string();
    for (at, cell) in [address.as_str(), kind(entry.kind), account, standing(entry.standing)].into_iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        field(cell, out);
    }
    out.push_str("\r\n");
}

/// RFC 4180: a field with a comma or a quote stands in quotes, quotes doubled.
fn exact_field(text: &str, out: &mut String) {
    if text.contains(['"', ',']) { quoted("", text, out) } else { out.push_str(text) }
}

fn spreadsheet_field(text: &str, out: &mut String) {
    quoted(if is_formula(text) { "'" } else { "" }, text, out);
}

fn quoted(guard: &str, text: &str, out: &mut String) {
    out.push('"');
    out.push_str(guard);
    for c in text.chars() {
        if c == '"' {
            out.push('"');
        }
        out.push(c);
    }
    out.push('"');
}

/// Only accepted recipients get a line. A name that begins with `#` would be a comment: it is written in quotes, which
/// Postfix does not look up.
fn postfix(entry: &ExportEntry, account: &str, out: &mut String) {
    if entry.standing != Standing::Active {
        return;
    }
    let address = entry.address.to_string();
    match address.strip_prefix('#').and_then(|rest| rest.rsplit_once('@')) {
        Some((local, domain)) => {
            let _ = write!(out, "\"#{local}\"@{domain} ");
        }
        None => {
            let _ = write!(out, "{address} ");
        }
    }
    out.push_str(kind(entry.kind));
    if entry.kind == EntryKind::Alias {
        out.push(':');
        out.push_str(account);
    }
    out.push('\n');
}

fn ldif(entry: &ExportEntry, account: &str, out: &mut String) {
    let address = entry.address.to_string();
    out.push('\n');
    attribute("dn", &format!("mail={}", escaped_dn(&address)), out);
    attribute("objectClass", "inetOrgPerson", out);
    attribute("mail", &address, out);
    attribute("doorlistKind", kind(entry.kind), out);
    if entry.kind == EntryKind::Alias {
        attribute("doorlistAccount", account, out);
    }
    attribute("doorlistStanding", standing(entry.standing), out);
}

/// Escapes a value of a distinguished name (RFC 4514 §2.4).
fn escaped_dn(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for (at, c) in value.chars().enumerate() {
        if matches!(c, '"' | '+' | ',' | ';' | '<' | '>' | '\\' | '=') || (at == 0 && matches!(c, '#' | ' ')) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// One attribute, folded, in Base64 where RFC 2849 requires it.
fn attribute(name: &str, value: &str, out: &mut String) {
    let is_safe = value.is_ascii()
        && !value.starts_with([' ', ':', '<'])
        && !value.ends_with(' ')
        && !value.contains(|c: char| c.is_ascii_control());
    let line = if is_safe { format!("{name}: {value}") } else { format!("{name}:: {}", BASE64.encode(value)) };
    // Either way the line is ASCII.
    let mut rest = line.as_str();
    let mut room = LDIF_LINE_MAX;
    while rest.len() > room {
        out.push_str(&rest[..room]);
        out.push_str("\n ");
        rest = &rest[room..];
        room = LDIF_LINE_MAX - 1;
    }
    out.push_str(rest);
    out.push('\n');
}

#[cfg(test)]
mod tests;
