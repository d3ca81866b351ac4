//! What a source (file, directory, push) lists for one domain, in the same form for all readers.

mod packed;
mod settle;

pub use packed::PackedRows;
pub use settle::{SourceList, settle, settle_packed};

use crate::address::LocalPart;
use crate::change::Structure;
use std::fmt;
use std::sync::Arc;

/// Problems of rows that are kept one by one; more are counted.
pub const PROBLEMS_KEPT_MAX: usize = 10_000;
/// Characters of a bad value that a problem shows.
pub const VALUE_SHOWN_MAX: usize = 120;

/// One address of the domain that the source says is there. The addresses of a domain alias are those of the domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceRow {
    /// Whom, in the domain.
    pub local: LocalPart,
    pub structure: Structure,
    /// The source says that it is listed but takes no mail. Only our own exports say so; a disabled login does not.
    pub switched_off: bool,
    /// Where in the source.
    pub place: Place,
}

/// Where in its source a row stands, for people who ask where an address came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A line of a file, from 1. A record of several lines is at its first one.
    Line(u32),
    /// An entry of a directory.
    Entry(Arc<EntryPlace>),
    /// An item of pushed data, from 1.
    Item(u32),
}

/// An entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryPlace {
    /// What stays the same when the entry is renamed or moved: objectGUID or entryUUID, as text.
    pub key: Option<Box<str>>,
    /// Distinguished name of the entry.
    pub dn: Box<str>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Line(line) => write!(f, "line {line}"),
            Place::Entry(entry) => f.write_str(&entry.dn),
            Place::Item(item) => write!(f, "item {item}"),
        }
    }
}

/// A row, or a value of it, that could not be taken.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RowProblem {
    /// Where: `line 812`, a distinguished name.
    pub place: String,
    /// The column or attribute, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// The value, at most [`VALUE_SHOWN_MAX`] characters, control characters escaped.
    pub value: String,
    /// What is wrong with it and what to do.
    pub why: String,
}

/// A value as a problem shows it.
pub fn shown(value: &[u8]) -> String {
    String::from_utf8_lossy(value).chars().take(VALUE_SHOWN_MAX).flat_map(char::escape_debug).collect()
}
