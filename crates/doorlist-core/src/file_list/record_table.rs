//! Records of keys and values that another reader found, JSON for one: they are read as the rows of a table whose columns
//! are the keys, so that one set of words says what a key means.

use super::columns::ColumnContent;
use super::findings::Findings;
use super::heads::{self, normal};
use super::table;
use super::{FILE_BYTES_MAX, FileList, NotAList, ParseOptions, Recognised, encoding, other_domains};
use super::{MASKED, recognise, rejected, secrets, values};
use std::collections::BTreeMap;

/// Keys that are columns of their own; values of further ones share one.
const KEYS_MAX: usize = 1000;
/// Keys that an error names.
const KEYS_SHOWN_MAX: usize = 50;
/// The column of further keys.
const FURTHER_KEYS: &str = "further keys";
/// The column of the records' numbers. With it even one key makes a table.
const NUMBER: &str = "item";

/// The records so far, as comma-separated text.
#[derive(Debug)]
pub struct RecordTable {
    keys: Vec<String>,
    places: BTreeMap<String, usize>,
    /// Values of the record that has not ended.
    cells: Vec<String>,
    rows: String,
    records: u32,
}

impl Default for RecordTable {
    fn default() -> Self {
        let keys = vec![NUMBER.to_owned()];
        Self { keys, places: BTreeMap::new(), cells: Vec::new(), rows: String::new(), records: 0 }
    }
}

impl RecordTable {
    /// A value of the record; several of one key are joined. Secrets are not kept.
    pub fn put(&mut self, key: &str, value: &str) {
        let at = self.place(key);
        if self.cells.len() <= at {
            self.cells.resize(at + 1, String::new());
        }
        let value = values::trimmed(value);
        let value = if secrets::is_name(&normal(key)) && !value.is_empty() { MASKED } else { value };
        let cell = &mut self.cells[at];
        if !cell.is_empty() && !value.is_empty() {
            cell.push(';');
        }
        // A record is one line.
        cell.extend(value.chars().map(|c| if matches!(c, '\n' | '\r') { ' ' } else { c }));
    }

    fn place(&mut self, key: &str) -> usize {
        let key = if self.keys.len() > KEYS_MAX && !self.places.contains_key(key) { FURTHER_KEYS } else { key };
        if let Some(at) = self.places.get(key) {
            return *at;
        }
        let at = self.keys.len();
        // An address in the first line would say that it is a row.
        self.keys.push(key.replace('@', " at ").replace(['\n', '\r'], " "));
        self.places.insert(key.to_owned(), at);
        at
    }

    /// Ends a record, which may have no value.
    pub fn end(&mut self) -> Result<(), NotAList> {
        self.records = self.records.saturating_add(1);
        self.rows.push_str(&self.records.to_string());
        for cell in self.cells.iter().skip(1) {
            self.rows.push(',');
            quote(cell, &mut self.rows);
        }
        self.rows.push('\n');
        self.cells.clear();
        if self.rows.len() > FILE_BYTES_MAX { Err(NotAList::TooLarge) } else { Ok(()) }
    }

    /// Whether the name of a key says what its values are, and that they are no secrets.
    pub fn is_known(key: &str) -> bool {
        heads::field_of(&normal(key))
            .is_some_and(|field| !matches!(field, ColumnContent::Ignore | ColumnContent::Password))
    }

    /// The records as they are read, and the rejected ones as CSV.
    pub fn read(self, options: &ParseOptions<'_>) -> Result<(FileList, String), NotAList> {
        let mut text = String::new();
        for (at, key) in self.keys.iter().enumerate() {
            if at > 0 {
                text.push(',');
            }
            quote(key, &mut text);
        }
        text.push('\n');
        text.push_str(&self.rows);
        drop(self.rows);
        let mut found = Findings::new(options);
        found.count_items();
        let table = recognise::table_of_keys(&text, options, &found).map_err(|error| told(error, &self.keys))?;
        table::read(&text, &table, &mut found)?;
        found.within_limits()?;
        other_domains::check(&found)?;
        let list = found.into_list(Recognised {
            format: table.format,
            encoding: encoding::Encoding::Utf8,
            delimiter: None,
            head_line: None,
            columns: table.columns.clone(),
            table: Some(table),
        });
        let rejected = if list.problems_total > 0 { rejected::of_text(&text, &list) } else { String::new() };
        Ok((list, rejected))
    }
}

/// The error with the keys of the records, of which one may be a secret where names are keys.
fn told(error: NotAList, keys: &[String]) -> NotAList {
    let shown = keys.iter().skip(1).filter(|key| !secrets::may_be_password(key)).take(KEYS_SHOWN_MAX);
    let shown = shown.map(String::as_str).collect::<Vec<_>>().join(", ");
    match error {
        NotAList::NoAddresses { domain, words, .. } => NotAList::NoAddresses { columns: shown, domain, words },
        NotAList::NoSuchColumn { column, .. } => NotAList::NoSuchColumn { column, columns: shown },
        error => error,
    }
}

fn quote(cell: &str, out: &mut String) {
    if cell.is_empty() {
        return;
    }
    out.push('"');
    for c in cell.chars() {
        if c == '"' {
            out.push('"');
        }
        out.push(c);
    }
    out.push('"');
}
