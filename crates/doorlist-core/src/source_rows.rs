//! What a source (file, directory, push) lists for one domain, in the same form for all readers.

mod normalize;
mod packed;

pub use normalize::{NormalizedRows, normalize, normalize_packed};
pub use packed::PackedRows;

use crate::address::LocalPart;
use crate::change::Structure;
use std::fmt;
use std::sync::Arc;

/// Maximum number of problems that are kept; more are only counted.
pub const PROBLEMS_KEPT_MAX: usize = 10_000;
/// Maximum characters of a bad value in a problem.
pub const VALUE_SHOWN_MAX: usize = 120;

/// One address that the source lists. Addresses of a domain alias count as addresses of the domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceRow {
    /// Local part in the domain.
    pub local: LocalPart,
    pub structure: Structure,
    /// Listed, but accepts no mail. Only Doorlist's own exports have this; a disabled login is not enough.
    pub switched_off: bool,
    pub place: RowPosition,
}

/// The position of a row in its source, to show where an address came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowPosition {
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
    /// Identifier that survives renames and moves: objectGUID or entryUUID, as text.
    pub key: Option<Box<str>>,
    /// Distinguished name of the entry.
    pub dn: Box<str>,
}

impl fmt::Display for RowPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RowPosition::Line(line) => write!(f, "line {line}"),
            RowPosition::Entry(entry) => f.write_str(&entry.dn),
            RowPosition::Item(item) => write!(f, "item {item}"),
        }
    }
}

/// A bad row or value.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RowProblem {
    /// Position, such as `line 812` or a distinguished name.
    pub place: String,
    /// The column or attribute, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// The value, at most [`VALUE_SHOWN_MAX`] characters, control characters escaped.
    pub value: String,
    /// What is wrong with it and what to do.
    pub why: String,
}

/// Escapes and shortens a value for a problem.
pub fn shown(value: &[u8]) -> String {
    let mut out = String::new();
    for c in String::from_utf8_lossy(value).chars().take(VALUE_SHOWN_MAX) {
        // A quote is seen as it stands in the file.
        if matches!(c, '"' | '\'') { out.push(c) } else { out.extend(c.escape_debug()) }
    }
    out
}
