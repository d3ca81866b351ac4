//! Lists as JSON: our own export (one object a line), and what identity systems and scripts hand in (an array of
//! `{"email": ..., "aliases": [...]}`). Must not know what is done with the rows.

use super::{FileReading, cleaned_note};
use crate::error::{ActionError, ErrorKind};
use crate::pushes::{PushItem, PushReading};
use doorlist_core::address::DomainName;
use doorlist_core::change::Structure;
use doorlist_core::list::{EntryKind, Standing};
use doorlist_core::source_rows::{PROBLEMS_KEPT_MAX, PackedRows, RowPosition, RowProblem, SourceRow};
use doorlist_store::recipients::AddressEntry;
use serde::Deserializer;
use serde::de::{SeqAccess, Visitor};
use std::fmt;

/// The word for `--format`.
pub(crate) const FORMAT: &str = "json";

/// Whether a file begins as JSON does: a `[section]` and a `{SCHEME}` do not.
pub(crate) fn looks_like(bytes: &[u8]) -> bool {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    let inner = |open: u8| text.strip_prefix(&[open]).and_then(|rest| rest.trim_ascii_start().first().copied());
    matches!(inner(b'['), Some(b'{' | b'[' | b'"' | b']')) || matches!(inner(b'{'), Some(b'"' | b'}'))
}

/// The rows of a list. `cleaned`: so many invisible characters were removed already, and escaped ones are to go, too.
pub(crate) fn read(
    bytes: &[u8],
    domain: &DomainName,
    aliases: &[DomainName],
    cleaned: Option<u64>,
) -> Result<(PackedRows, FileReading), ActionError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.trim_ascii_start().starts_with(b"[") {
        let mut reading = PushReading::of(domain.clone(), aliases.to_vec());
        reading.cleaned = cleaned;
        let reading = read_items(bytes, reading).map_err(|error| {
            let message = format!("cannot read the JSON: {error}; expected an array of objects with email and aliases");
            ActionError::new(ErrorKind::Data, message)
        })?;
        return Ok(of_items(reading));
    }
    let (rows, mut told) = of_lines(bytes, domain, aliases);
    told.notes.extend(cleaned_note(cleaned.unwrap_or_default()));
    Ok((rows, told))
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
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_section_and_a_scheme_are_no_json() {
        for text in ["[{}]", "[ \"ann\"]", "\u{feff} []", "{ \"email\": 1}", "{}"] {
            assert!(looks_like(text.as_bytes()), "{text}");
        }
        for text in ["[mailboxes]\nann@example.test\n", "{SSHA}x\n", "[", "ann@example.test\n"] {
            assert!(!looks_like(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn lines_of_another_system_tell_no_passwords() {
        let domain: DomainName = "example.test".parse().unwrap();
        let text = b"{\"email\":\"ann@example.test\",\"password\":\"Secr3tPw1\"}\n{\"Secr3tPw1\n";
        let (rows, told) = read(text, &domain, &[], None).unwrap();
        assert_eq!((rows.len(), told.problems_total), (0, 2));
        assert!(!format!("{told:?}").contains("Secr3t"), "{told:?}");
    }
}
