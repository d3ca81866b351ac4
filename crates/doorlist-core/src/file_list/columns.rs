//! The meaning of table columns, and `--map`.

use super::format::words;
use std::fmt;
use std::str::FromStr;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ColumnContent {
    /// The row's own address.
    Address,
    /// The address of a distribution list, in the row of each of its members.
    List,
    /// Its part before the `@`.
    Local,
    /// The domain of that part.
    Domain,
    /// Further addresses of the same account, one or several in a cell, or local parts.
    Alias,
    /// Mailbox or distribution list.
    Kind,
    /// Active, switched off or vetoed, in our own export.
    Standing,
    /// The account that the address is an alias of.
    Account,
    /// Where mail to the address goes.
    Target,
    /// The name to sign in with: an address where there is no other.
    Login,
    Status,
    /// `True` where signing in is blocked.
    Blocked,
    Guest,
    /// Never shown, never kept.
    Password,
    /// Of no use here.
    Ignore,
}

impl ColumnContent {
    /// Every field with its word on the command line.
    pub const ALL: [(ColumnContent, &'static str); 15] = [
        (ColumnContent::Address, "address"),
        (ColumnContent::List, "list"),
        (ColumnContent::Local, "local"),
        (ColumnContent::Domain, "domain"),
        (ColumnContent::Alias, "alias"),
        (ColumnContent::Kind, "kind"),
        (ColumnContent::Standing, "standing"),
        (ColumnContent::Account, "account"),
        (ColumnContent::Target, "target"),
        (ColumnContent::Login, "login"),
        (ColumnContent::Status, "status"),
        (ColumnContent::Blocked, "blocked"),
        (ColumnContent::Guest, "guest"),
        (ColumnContent::Password, "password"),
        (ColumnContent::Ignore, "ignore"),
    ];
}

impl fmt::Display for ColumnContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::ALL.iter().find(|(field, _)| field == self).map_or("", |(_, word)| word))
    }
}

impl FromStr for ColumnContent {
    type Err = BadMap;

    fn from_str(text: &str) -> Result<Self, BadMap> {
        let word = text.trim();
        // People say `aliases` of a column that holds several.
        let is_word = |known: &str| {
            let mut endings = ["", "s", "es"].iter();
            endings.any(|ending| word.strip_suffix(ending).is_some_and(|word| word.eq_ignore_ascii_case(known)))
        };
        let found = Self::ALL.iter().find(|(_, known)| is_word(known));
        found.map(|(field, _)| *field).ok_or_else(|| BadMap::UnknownField(word.to_owned()))
    }
}

/// What a person says of a column: `E-mail=address`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnMap {
    /// Its name in the head line, or its number from 1.
    pub column: String,
    pub field: ColumnContent,
}

/// A `--map` that says nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadMap {
    /// No `=` in it, or nothing before it.
    #[error("map a column as COLUMN=FIELD, for example \"E-mail=address\"")]
    NoField,
    #[error("unknown field {0:?}; use one of {known}", known = words(&ColumnContent::ALL.map(|(_, word)| word)))]
    UnknownField(String),
}

impl FromStr for ColumnMap {
    type Err = BadMap;

    fn from_str(text: &str) -> Result<Self, BadMap> {
        let (column, field) = text.rsplit_once('=').ok_or(BadMap::NoField)?;
        if column.trim().is_empty() {
            return Err(BadMap::NoField);
        }
        Ok(Self { column: column.trim().to_owned(), field: field.parse()? })
    }
}

impl fmt::Display for ColumnMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.column, self.field)
    }
}

/// What one column was taken for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnTaken {
    /// Its name in the head line; `column 3` where there is none.
    pub name: String,
    pub field: ColumnContent,
    /// How that was seen.
    pub by: TakenBy,
}

/// How a column's meaning was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakenBy {
    /// By its name in the head line.
    Name,
    /// By its place, in a format without a head line.
    Place,
    /// By what its cells hold.
    Content,
    /// Said so with `--map`.
    Map,
}

impl fmt::Display for TakenBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TakenBy::Name => "by its name",
            TakenBy::Place => "by its place",
            TakenBy::Content => "by its content",
            TakenBy::Map => "as mapped",
        })
    }
}
