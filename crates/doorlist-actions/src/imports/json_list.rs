//! Lists as JSON: our own export (one object a line), what identity systems and scripts hand in (an array of
//! `{"email": ..., "aliases": [...]}`), and objects of other systems. Must not know what is done with the rows.

mod objects;

use super::{FileReading, cleaned_note, columns_taken, told_of};
use crate::error::{ActionError, ErrorKind};
use crate::pushes::{PushItem, PushReading};
use doorlist_core::address::DomainName;
use doorlist_core::change::Structure;
use doorlist_core::file_list::{NotAList, ParseOptions, text_of};
use doorlist_core::list::{EntryKind, Standing};
use doorlist_core::source_rows::{PROBLEMS_KEPT_MAX, PackedRows, RowPosition, RowProblem, SourceRow};
use doorlist_store::recipients::AddressEntry;
use objects::{JsonFault, Objects};
use serde::Deserializer;
use serde::de::{SeqAccess, Visitor};
use std::fmt;

/// What a person may hand in.
const EXPECTED: &str = "expected an array of objects with email and aliases, or of addresses";
/// Lines in which an entry of our own export is looked for.
const ENTRIES_LOOKED_AT: usize = 10;
/// Bytes by which JSON is seen.
const LOOKED_AT: usize = 512;

/// The word for `--format`.
pub(crate) const FORMAT: &str = "json";

/// Whether a file begins as JSON does: a `[section]` and a `{SCHEME}` do not.
pub(crate) fn looks_like(bytes: &[u8]) -> bool {
    let text = text_of(bytes.get(..LOOKED_AT).unwrap_or(bytes));
    let text = text.as_bytes().trim_ascii_start();
    let inner = |open: u8| text.strip_prefix(&[open]).and_then(|rest| rest.trim_ascii_start().first().copied());
    matches!(inner(b'['), Some(b'{' | b'[' | b'"' | b']')) || matches!(inner(b'{'), Some(b'"' | b'}'))
}

/// The rows of a list. `cleaned`: so many invisible characters were removed already, and escaped ones are to go, too.
pub(crate) fn read(
    bytes: &[u8],
    options: &ParseOptions<'_>,
    cleaned: Option<u64>,
) -> Result<(PackedRows, FileReading), ActionError> {
    let text = text_of(bytes);
    if is_export(&text) {
        let (rows, mut told) = of_lines(text.as_bytes(), options.domain, options.domain_aliases);
        told.notes.extend(cleaned_note(cleaned.unwrap_or_default()));
        return Ok((rows, told));
    }
    let objects = Objects::read(&text, cleaned).map_err(|fault| match fault {
        JsonFault::Json(error) => data(format!("cannot read the JSON: {error}; {EXPECTED}")),
        JsonFault::List(error) => data(error.to_string()),
    })?;
    // Accounts in our own form may be disabled, which no other system means for their mail.
    if options.columns.is_empty() && objects.others == 0 && text.trim_start().starts_with('[') {
        let mut reading = PushReading::of(options.domain.clone(), options.domain_aliases.to_vec());
        reading.cleaned = cleaned;
        if let Ok(reading) = read_items(text.as_bytes(), reading) {
            return Ok(of_items(reading));
        }
    }
    of_objects(objects, options)
}

fn data(message: String) -> ActionError {
    ActionError::new(ErrorKind::Data, message)
}

/// An export of Doorlist: one of its first lines is an entry.
fn is_export(text: &str) -> bool {
    let lines = text.lines().filter(|line| !line.trim().is_empty()).take(ENTRIES_LOOKED_AT);
    lines.into_iter().any(|line| serde_json::from_str::<AddressEntry>(line).is_ok())
}

/// Objects of another system, by the words that columns of tables have.
fn of_objects(objects: Objects, options: &ParseOptions<'_>) -> Result<(PackedRows, FileReading), ActionError> {
    let (count, cleaned, has_next_page) = (objects.count, objects.cleaned(), objects.has_next_page);
    let (list, rejected) = objects.table.read(options).map_err(|error| match error {
        _ if count == 0 => data(format!("the JSON has no objects; {EXPECTED}")),
        NotAList::NoAddresses { columns, domain, words } => {
            let columns = if columns.is_empty() { "none" } else { &columns };
            let map = words.map_or_else(|| "KEY=address, or --map KEY=local".to_owned(), |key| format!("{key}=local"));
            data(format!(
                "no key of the JSON has addresses of {domain}; its objects ({count}) have the keys: {columns}. Give --map \
                 {map} for local parts; {EXPECTED}"
            ))
        }
        NotAList::NoSuchColumn { column, columns } => {
            ActionError::new(ErrorKind::Data, format!("unknown key {column:?}; the keys are: {columns}"))
        }
        error => data(error.to_string()),
    })?;
    let mut told = told_of(&list, rejected);
    told.format = "JSON: objects with keys".to_owned();
    told.details = columns_taken(&list.recognised, "key");
    told.notes.extend(has_next_page.then(|| "the JSON is one page of several; export all of them".to_owned()));
    told.notes.extend(cleaned_note(cleaned));
    told.problems = list.problems;
    Ok((list.rows.into(), told))
}

/// Each account is let go before the next one is read.
fn read_items(bytes: &[u8], reading: PushReading) -> Result<PushReading, serde_json::Error> {
    struct Items(PushReading);
    impl<'de> Visitor<'de> for Items {
        type Value = PushReading;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a sequence")
        }

        fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<PushReading, A::Error> {
            while let Some(item) = list.next_element::<PushItem>()? {
                self.0.item(&item);
            }
            Ok(self.0)
        }
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let reading = json.deserialize_seq(Items(reading))?;
    json.end()?;
    Ok(reading)
}

fn of_items(reading: PushReading) -> (PackedRows, FileReading) {
    let mut told = FileReading { format: "JSON: accounts with their aliases".to_owned(), ..FileReading::default() };
    if reading.left_out > 0 {
        told.skipped.push(("names of other domains or other kinds".to_owned(), reading.left_out));
    }
    told.notes.extend(cleaned_note(reading.cleaned.unwrap_or_default()));
    (told.problems, told.problems_total) = (reading.problems, reading.problems_total);
    (reading.rows, told)
}

fn of_lines(bytes: &[u8], domain: &DomainName, aliases: &[DomainName]) -> (PackedRows, FileReading) {
    let mut told = FileReading { format: "JSON Lines, as exported".to_owned(), ..FileReading::default() };
    let (mut rows, mut vetoed, mut elsewhere) = (PackedRows::default(), 0_u64, 0_u64);
    for (number, line) in (1..).zip(bytes.split(|b| *b == b'\n')) {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        match serde_json::from_slice::<AddressEntry>(line) {
            Ok(entry) if entry.record.standing == Standing::Vetoed => vetoed += 1,
            Ok(entry) if entry.address.domain() != domain && !aliases.contains(entry.address.domain()) => {
                elsewhere += 1
            }
            Ok(entry) => rows.push(&row(entry, number)),
            Err(error) => {
                told.problems_total += 1;
                if told.problems.len() < PROBLEMS_KEPT_MAX {
                    // A line of another system may hold passwords: what is wrong is told, the line is not.
                    let place = RowPosition::Line(number).to_string();
                    told.problems.push(RowProblem {
                        place,
                        column: None,
                        value: String::new(),
                        why: error.to_string(),
                    });
                }
            }
        }
    }
    for (count, what) in [(vetoed, "vetoed addresses"), (elsewhere, "addresses of other domains")] {
        if count > 0 {
            told.skipped.push((what.to_owned(), count));
        }
    }
    (rows, told)
}

fn row(entry: AddressEntry, number: u32) -> SourceRow {
    let structure = match (entry.record.kind, entry.record.account) {
        (EntryKind::Alias, Some(account)) => Structure::AliasOf(account),
        (EntryKind::List, _) => Structure::DistributionList,
        _ => Structure::Mailbox,
    };
    let switched_off = entry.record.standing == Standing::SwitchedOff;
    SourceRow { local: entry.address.local().clone(), structure, switched_off, place: RowPosition::Line(number) }
}

#[cfg(test)]
mod tests;
