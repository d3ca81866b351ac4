//! Reads recipients from a file of any mail system and detects its format: exports of mail servers and gateways,
//! tables, maps, LDIF, plain lists.
//!
//! Decoration around an address is accepted. A value that is not an address of the domain is a problem of its row and
//! does not stop the other rows. Values that are no recipients (guests, other protocols, other domains) are counted.
//! Every limit has a name.

mod account;
mod boxed_tables;
mod cells;
mod cleaned;
mod column_words;
mod columns;
mod commands;
mod credentials;
mod encoding;
mod findings;
mod format;
mod heads;
mod kind;
mod kinds;
mod ldif;
mod line_kinds;
mod lines;
mod map_values;
mod mapped;
mod maps;
mod notes;
mod other_domains;
mod other_texts;
mod plain;
mod proxy_lines;
mod recognise;
mod record_table;
mod records_of_keys;
mod refusals;
mod rejected;
mod sample;
mod secrets;
mod shape;
mod table;
mod targets;
mod title_lines;
pub(crate) mod values;
mod word_columns;

pub use cleaned::cleaned;
pub use columns::{BadMap, ColumnContent, ColumnMap, ColumnTaken, TakenBy};
pub use encoding::{Encoding, text_of};
pub use format::{FileFormat, UnknownFormat};
pub use notes::{FileNote, Skipped};
pub use other_domains::OTHER_DOMAINS_KEPT_MAX;
pub use record_table::RecordTable;
pub use rejected::rejected;

use crate::address::DomainName;
use crate::source_rows::{RowProblem, SourceRow};
use findings::Findings;
use recognise::TextLayout;

/// Maximum bytes of a file.
pub const FILE_BYTES_MAX: usize = 100 * 1024 * 1024;
/// Maximum rows of a file.
pub const ROWS_MAX: usize = 1_000_000;
/// Maximum number of addresses in a file, with aliases.
pub const ADDRESSES_MAX: usize = 4_000_000;
/// Maximum bytes of a cell or value.
pub const FIELD_BYTES_MAX: usize = 1024 * 1024;
/// Replacement of a password.
const MASKED: &str = "****";

/// Options for reading a file.
#[derive(Clone, Copy, Debug)]
pub struct ParseOptions<'a> {
    /// Whose list it is.
    pub domain: &'a DomainName,
    /// Its domain aliases; their addresses belong to the domain.
    pub domain_aliases: &'a [DomainName],
    /// The format, if it was given.
    pub format: Option<FileFormat>,
    /// The column mapping, if it was given.
    pub columns: &'a [ColumnMap],
}

/// The content of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileList {
    pub recognised: Recognised,
    /// Its addresses in file order, an account before its aliases. May have duplicates.
    pub rows: Vec<SourceRow>,
    /// Bad rows, the first [`crate::source_rows::PROBLEMS_KEPT_MAX`].
    pub problems: Vec<RowProblem>,
    /// Total number of bad rows.
    pub problems_total: u64,
    /// Number of skipped values, by kind.
    pub skipped: Vec<(Skipped, u64)>,
    /// Addresses of other domains, the most frequent domains first, at most [`OTHER_DOMAINS_KEPT_MAX`] domains.
    pub other_domains: Vec<(DomainName, u64)>,
    /// Notes for the person who imports it.
    pub notes: Vec<FileNote>,
}

/// The detected format of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recognised {
    pub format: FileFormat,
    pub encoding: Encoding,
    /// Separator of cells, in a table.
    pub delimiter: Option<char>,
    /// Line number of the header.
    pub head_line: Option<u32>,
    /// The meaning of each column.
    pub columns: Vec<ColumnTaken>,
    /// Needed to find its rows again.
    table: Option<shape::TableLayout>,
}

/// Why a whole file is rejected. Nothing of it is used.
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
    /// Many control characters: a binary file.
    #[error("the file is not text; save it as CSV, or as UTF-8 text with one address per line")]
    NotText,
    #[error(
        "the file is a log or queue of a mail server, not a list, and names recipients that were rejected, too; export the \
         mailboxes instead, for example with doveadm user '*' or postmap -s"
    )]
    MailLog,
    #[error(
        "the file is a dump of a database, not a list; export the addresses alone instead, for example with mysql -B -e \
         'SELECT username FROM mailbox' or SELECT ... INTO OUTFILE"
    )]
    SqlDump,
    #[error("the file is empty; nothing was changed")]
    Empty,
    /// A table without a column of addresses.
    #[error(
        "no column has addresses of {domain}; the columns are: {columns}. {}",
        how_to_read(words.as_deref())
    )]
    NoAddresses {
        /// The names of the columns.
        columns: String,
        domain: String,
        /// The column whose words may be local parts.
        words: Option<String>,
    },
    /// All addresses belong to other domains: the file of another customer.
    #[error(
        "the file has no address of {domain}; its addresses ({addresses}) belong to other domains: {others}. Nothing was \
         changed; check the file, or import it for its own domain"
    )]
    OtherDomain {
        domain: String,
        /// How many, of all domains.
        addresses: u64,
        /// The most frequent of those domains, each with its count.
        others: String,
    },
    /// A mapped column does not exist.
    #[error("unknown column {column:?}; the columns are: {columns}")]
    NoSuchColumn { column: String, columns: String },
}

/// What a person may say of a table without a column of addresses.
fn how_to_read(words: Option<&str>) -> String {
    match words {
        Some(column) => {
            format!(
                "If the words of column {column:?} are local parts, --map {}=local reads them",
                notes::quoted(column)
            )
        }
        None => "Give --map COLUMN=address, or --map COLUMN=local for local parts; if the file is not a table, give \
                 --format plain"
            .to_owned(),
    }
}

/// Detects the format and reads the file.
pub fn parse(bytes: &[u8], options: &ParseOptions<'_>) -> Result<FileList, NotAList> {
    if bytes.len() > FILE_BYTES_MAX {
        return Err(NotAList::TooLarge);
    }
    kind::of_bytes(bytes)?;
    let (encoding, text) = encoding::decode(bytes);
    kind::of_text(&text)?;
    other_texts::refuse(&text)?;
    // Ctrl-Z ended files in DOS, and still does in some old exports.
    let text = text.trim_end_matches('\u{1a}');
    if text.trim().is_empty() {
        return Err(NotAList::Empty);
    }
    let text = &*boxed_tables::unboxed(text);
    let mut found = Findings::new(options);
    let plan = recognise::recognise(text, options, &found)?;
    let (format, table) = match plan {
        TextLayout::Table(table) => {
            title_lines::tell(&table, &mut found);
            table::read(text, &table, &mut found)?;
            (table.format, Some(table))
        }
        TextLayout::Lines(format) => {
            read_lines(text, format, &mut found)?;
            (format, None)
        }
    };
    found.within_limits()?;
    other_domains::check(&found)?;
    if encoding == Encoding::Utf8Mixed {
        found.note(FileNote::Mixed);
    }
    // In our own export they are part of the name.
    if format != FileFormat::Doorlist {
        cleaned::tell_edges(text, &mut found);
    }
    let delimiter = table.as_ref().map(|table| char::from(table.delimiter));
    let head_line = table.as_ref().and_then(|table| table.head_line);
    let columns = table.as_ref().map(|table| table.columns.clone()).unwrap_or_default();
    Ok(found.into_list(Recognised { format, encoding, delimiter, head_line, columns, table }))
}

fn read_lines(text: &str, format: FileFormat, found: &mut Findings<'_>) -> Result<(), NotAList> {
    match format {
        FileFormat::Ldif | FileFormat::ZimbraVerbose => ldif::read(text, format, found),
        FileFormat::Credentials => credentials::read(text, found),
        FileFormat::Records => records_of_keys::read(text, found),
        FileFormat::Passwd => plain::read_passwd(text, found),
        FileFormat::ExchangeValues => proxy_lines::read(text, found),
        FileFormat::Plain | FileFormat::Plesk | FileFormat::Zimbra => plain::read(text, format, found),
        _ => maps::read(text, format, found),
    }
}

#[cfg(test)]
mod tests;
