//! The structure of a table: where its records begin, which character separates cells, what each column contains.

use super::columns::{ColumnContent, ColumnTaken, TakenBy};
use super::format::FileFormat;
use super::lines::Lines;
use super::sample::{RecordsStart, Sample};
use super::title_lines::TitleLines;

/// A table whose columns are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TableLayout {
    pub(super) format: FileFormat,
    pub(super) delimiter: u8,
    /// Where its first record begins: byte and line.
    pub(super) start: usize,
    pub(super) start_line: u32,
    pub(super) head_line: Option<u32>,
    pub(super) columns: Vec<ColumnTaken>,
    /// Our own exact export: no cell has a guard for spreadsheets.
    pub(super) is_exact: bool,
    /// What stands above its head.
    pub(super) titles: TitleLines,
    /// A column of words that may be local parts, where no other has the addresses.
    pub(super) words: Option<usize>,
}

/// Columns of formats that may come without names, in their order.
const PLACES: [(FileFormat, &[(&str, ColumnContent)]); 4] = [
    (
        FileFormat::Proofpoint,
        &[
            ("first name", ColumnContent::Ignore),
            ("last name", ColumnContent::Ignore),
            ("email address", ColumnContent::Address),
            ("alias or mobile", ColumnContent::Alias),
        ],
    ),
    (
        FileFormat::CpanelAccounts,
        &[
            ("email", ColumnContent::Address),
            ("domain", ColumnContent::Domain),
            ("password", ColumnContent::Password),
            ("quota", ColumnContent::Ignore),
        ],
    ),
    (FileFormat::CpanelForwarders, &[("source", ColumnContent::Address), ("target", ColumnContent::Target)]),
    (FileFormat::MailRoute, &[("email", ColumnContent::Address), ("aliases", ColumnContent::Alias)]),
];

impl TableLayout {
    pub(super) fn new(
        text: &str,
        start: &RecordsStart,
        sample: &Sample<'_>,
        format: FileFormat,
        fields: &[Option<ColumnContent>],
    ) -> Self {
        let name = |at: usize| match sample.head[at].trim() {
            "" => format!("column {}", at + 1),
            name => name.to_owned(),
        };
        let columns = fields.iter().enumerate().map(|(at, field)| ColumnTaken {
            name: name(at),
            field: field.unwrap_or(ColumnContent::Ignore),
            by: TakenBy::Name,
        });
        let first = Lines::new(&text[start.at..]).next().map_or("", |(_, line)| line);
        let is_exact = first == crate::list_text::CSV_HEAD.trim_end();
        Self {
            format,
            delimiter: sample.delimiter,
            start: start.at,
            start_line: start.line,
            head_line: Some(sample.head_line),
            columns: columns.collect(),
            is_exact: is_exact && format == FileFormat::Doorlist,
            titles: start.titles,
            words: None,
        }
    }

    /// Columns without names, by number.
    pub(super) fn headless(start: &RecordsStart, sample: &Sample<'_>, format: FileFormat) -> Self {
        let count = sample.with_head().map(Vec::len).max().unwrap_or(0);
        let places = PLACES.iter().find(|(known, _)| *known == format).map_or(&[][..], |(_, places)| places);
        let column = |at: usize| match places.get(at) {
            Some((name, field)) => (String::from(*name), *field),
            None if format == FileFormat::Proofpoint => (format!("alias {}", at - 3), ColumnContent::Alias),
            None => (format!("column {}", at + 1), ColumnContent::Ignore),
        };
        let columns = (0..count).map(column).map(|(name, field)| ColumnTaken { name, field, by: TakenBy::Place });
        Self {
            format,
            delimiter: sample.delimiter,
            start: start.at,
            start_line: start.line,
            head_line: None,
            columns: columns.collect(),
            is_exact: false,
            titles: start.titles,
            words: None,
        }
    }

    pub(super) fn has(&self, field: ColumnContent) -> bool {
        self.columns.iter().any(|column| column.field == field)
    }

    /// Something from which an address can be had.
    pub(super) fn has_addresses(&self) -> bool {
        use ColumnContent as C;
        [C::Address, C::List, C::Local, C::Alias, C::Login].iter().any(|field| self.has(*field))
    }

    /// The names of its columns.
    pub(super) fn names(&self) -> Vec<String> {
        self.columns.iter().map(|column| column.name.clone()).collect()
    }
}

/// Whether the columns of a format are known without their names.
pub(super) fn has_places(format: FileFormat) -> bool {
    PLACES.iter().any(|(known, _)| *known == format)
}
