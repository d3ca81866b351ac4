//! Reads recipients from a file of any mail system and detects its format: exports of mail servers and gateways,
//! tables, maps, LDIF, plain lists.
//!
//! Decoration around an address is accepted. A value that is not an address of the domain is a problem of its row and
//! does not stop the other rows. Values that are no recipients (guests, other protocols, other domains) are counted.
//! Every limit has a name.

mod account;
mod cells;
mod columns;
mod encoding;
mod findings;
mod format;
mod heads;
mod kind;
mod kinds;
mod ldif;
mod line_kinds;
mod lines;
mod mapped;
mod maps;
mod notes;
mod plain;
mod proxy_lines;
mod recognise;
mod rejected;
mod sample;
mod shape;
mod table;
mod targets;
pub(crate) mod values;

pub use columns::{BadMap, ColumnMap, ColumnTaken, Field, TakenBy};
pub use encoding::Encoding;
pub use format::{FileFormat, UnknownFormat};
pub use notes::{FileNote, Skipped};
pub use rejected::rejected;

use crate::address::DomainName;
use crate::source_rows::{RowProblem, SourceRow};
use findings::Findings;
use recognise::Plan;

/// Bytes of a file that is read.
pub const FILE_BYTES_MAX: usize = 100 * 1024 * 1024;
/// Rows of a file that are read.
pub const ROWS_MAX: usize = 1_000_000;
/// Addresses that the rows of a file name, aliases among them.
pub const ADDRESSES_MAX: usize = 4_000_000;
/// Bytes of one cell or value.
pub const FIELD_BYTES_MAX: usize = 1024 * 1024;
/// What stands for a password.
const MASKED: &str = "****";

/// What is known of a file before it is read.
#[derive(Clone, Copy, Debug)]
pub struct ParseOptions<'a> {
    /// Whose list it is.
    pub domain: &'a DomainName,
    /// Its other names: their addresses are those of the domain.
    pub domain_aliases: &'a [DomainName],
    /// What the file is, if a person says so.
    pub format: Option<FileFormat>,
    /// What its columns are, if a person says so.
    pub columns: &'a [ColumnMap],
}

/// What a file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileList {
    /// What it was taken for.
    pub recognised: Recognised,
    /// Its addresses in the file's order, an account before its aliases. One address may stand there several times.
    pub rows: Vec<SourceRow>,
    /// What could not be taken, the first [`crate::source_rows::PROBLEMS_KEPT_MAX`].
    pub problems: Vec<RowProblem>,
    /// How many problems there are in all.
    pub problems_total: u64,
    /// What was rightly left out, by kind.
    pub skipped: Vec<(Skipped, u64)>,
    /// What a person must know.
    pub notes: Vec<FileNote>,
}

/// What a file was taken for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recognised {
    /// Which export or list.
    pub format: FileFormat,
    /// How its characters are written.
    pub encoding: Encoding,
    /// What parts its cells, in a table.
    pub delimiter: Option<char>,
    /// The line with the names of the columns.
    pub head_line: Option<u32>,
    /// What each column was taken for.
    pub columns: Vec<ColumnTaken>,
    /// How its rows are found again.
    table: Option<shape::Table>,
}

/// Why a whole file is refused. Nothing of it is used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAList {
    /// More octets than [`FILE_BYTES_MAX`].
    #[error("the file is larger than {} MiB; split it", FILE_BYTES_MAX / 1024 / 1024)]
    TooLarge,
    /// More rows than [`ROWS_MAX`].
    #[error("the file has more than {ROWS_MAX} rows; split it")]
    TooManyRows,
    /// More addresses than [`ADDRESSES_MAX`].
    #[error("the file has more than {ADDRESSES_MAX} addresses; split it")]
    TooManyAddresses,
    /// A spreadsheet, an archive, a page: by its first bytes.
    #[error("the file is {0}, not a list; save it as CSV, or as text with one address per line")]
    OtherKind(&'static str),
    /// Control characters all over: a binary file.
    #[error("the file is not text; save it as CSV, or as UTF-8 text with one address per line")]
    NotText,
    #[error("the file is empty; nothing was changed")]
    Empty,
    /// A table, but no column holds addresses.
    #[error(
        "no column has addresses of {domain}; the columns are: {columns}. Give --map COLUMN=address, or --map \
         COLUMN=local for local parts; if the file is not a table, give --format plain"
    )]
    NoAddresses {
        /// The names of the columns.
        columns: String,
        /// Whose addresses were looked for.
        domain: String,
    },
    /// A column that was mapped is not there.
    #[error("unknown column {column:?}; the columns are: {columns}")]
    NoSuchColumn {
        /// The one that was named.
        column: String,
        /// Those that are there.
        columns: String,
    },
}

/// Detects the format and reads the file.
pub fn parse(bytes: &[u8], options: &ParseOptions<'_>) -> Result<FileList, NotAList> {
    if bytes.len() > FILE_BYTES_MAX {
        return Err(NotAList::TooLarge);
    }
    kind::of_bytes(bytes)?;
    let (encoding, text) = encoding::decode(bytes);
    kind::of_text(&text)?;
    // Ctrl-Z ended files in DOS, and still does in some old exports.
    let text = text.trim_end_matches('\u{1a}');
    if text.trim().is_empty() {
        return Err(NotAList::Empty);
    }
    let mut found = Findings::new(options);
    let plan = recognise::recognise(text, options, &mut found)?;
    let (format, table) = match plan {
        Plan::Table(table) => {
            table::read(text, &table, &mut found)?;
            (table.format, Some(table))
        }
        Plan::Lines(format) => {
            read_lines(text, format, &mut found)?;
            (format, None)
        }
    };
    found.within_limits()?;
    if encoding == Encoding::Utf8Mixed {
        found.note(FileNote::Mixed);
    }
    let delimiter = table.as_ref().map(|table| char::from(table.delimiter));
    let head_line = table.as_ref().and_then(|table| table.head_line);
    let columns = table.as_ref().map(|table| table.columns.clone()).unwrap_or_default();
    Ok(found.into_list(Recognised { format, encoding, delimiter, head_line, columns, table }))
}

fn read_lines(text: &str, format: FileFormat, found: &mut Findings<'_>) -> Result<(), NotAList> {
    match format {
        FileFormat::Ldif | FileFormat::ZimbraVerbose => ldif::read(text, format, found),
        FileFormat::Passwd => plain::read_passwd(text, found),
        FileFormat::ExchangeValues => proxy_lines::read(text, found),
        FileFormat::Plain | FileFormat::Plesk | FileFormat::Zimbra => plain::read(text, format, found),
        _ => maps::read(text, format, found),
    }
}

#[cfg(test)]
mod tests;
