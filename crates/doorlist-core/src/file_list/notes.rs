//! Notes on a file besides its rows: what was skipped, and what a person should know.

use std::fmt;

/// What was rightly left out. Its text is a label for a number: `guests, whose mailboxes are elsewhere: 12`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Skipped {
    /// Of another domain, where the file has several by nature.
    OtherDomain,
    /// Guests of a tenant: their mail is elsewhere.
    Guest,
    /// `SIP:`, `X500:` and the like.
    NotSmtp,
    /// Accounts of the system itself: `galsync`, discovery mailboxes, daemons.
    System,
    /// A catch-all such as `@example.test`.
    CatchAll,
    /// Removed by a person, in our own export.
    Vetoed,
    /// Closed accounts, which bounce.
    Closed,
    /// Addresses whose mail the file refuses: `550 ...`, REJECT, `error:`, `:fail:`.
    Refused,
    /// Lines whose key says that a password is behind it.
    Secret,
    /// Records that are no entries: deletions and modifications.
    Change,
    /// Rows without an address.
    NoAddress,
    /// The line that makes a domain a virtual one.
    DomainLine,
}

impl Skipped {
    /// Every kind, in the order in which they are told.
    pub const ALL: [Skipped; 12] = [
        Skipped::OtherDomain,
        Skipped::Guest,
        Skipped::NotSmtp,
        Skipped::System,
        Skipped::CatchAll,
        Skipped::Vetoed,
        Skipped::Closed,
        Skipped::Refused,
        Skipped::Secret,
        Skipped::Change,
        Skipped::NoAddress,
        Skipped::DomainLine,
    ];
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Skipped::OtherDomain => "addresses of other domains",
            Skipped::Guest => "guests, whose mailboxes are elsewhere",
            Skipped::NotSmtp => "values that are not email addresses (SIP, X500 and others)",
            Skipped::System => "system accounts",
            Skipped::CatchAll => "catch-all lines",
            Skipped::Vetoed => "addresses that were vetoed at the time of the export",
            Skipped::Closed => "closed accounts, whose mail bounces",
            Skipped::Refused => "addresses that the file rejects",
            Skipped::Secret => "lines with a password, which is not kept",
            Skipped::Change => "records that delete or modify an entry",
            Skipped::NoAddress => "rows without an email address",
            Skipped::DomainLine => "lines that name a domain",
        })
    }
}

/// What a person must know before the list is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileNote {
    /// The file accepts every name of the domain.
    CatchAll {
        /// The first such line.
        line: u32,
    },
    /// Accounts that cannot sign in.
    Blocked(u64),
    /// Aliases and forwarders that are switched off in the system that exports them.
    SwitchedOff(u64),
    /// This kind of export does not hold aliases.
    NoAliases {
        /// How to get them.
        how: &'static str,
    },
    /// Cells that hold the name of a type instead of values.
    TypeNames {
        /// Name of the column.
        column: String,
        cells: u64,
    },
    /// Cells that end in dots: cut by the program that printed them.
    CutOff {
        /// Name of the column.
        column: String,
        cells: u64,
    },
    /// Addresses that forward to another domain or a program, taken as mailboxes.
    ForwardsElsewhere(u64),
    /// Addresses that forward to several, taken as distribution lists.
    ForwardsToSeveral(u64),
    /// Records that delete or modify.
    Changes(u64),
    /// A head line and nothing else.
    HeadOnly,
    /// Parts of the file are not in its encoding.
    Mixed,
    /// A column or key that is not used has addresses of the domain, too.
    UnreadColumn {
        /// Name of the column.
        column: String,
        /// How many that their rows do not list.
        addresses: u64,
    },
    /// Lines above the header, which are titles and no rows.
    TitleLines {
        lines: u32,
        /// Line of the header.
        head: u32,
        /// Addresses of the domain in them.
        addresses: u64,
    },
    /// A column of words, in a table that has no other addresses of its accounts.
    WordColumn {
        /// Name of the column.
        column: String,
        words: u64,
    },
    /// A column of members has addresses of the domain that are no groups of the file.
    Members {
        /// Name of the column.
        column: String,
        addresses: u64,
    },
    /// Invisible characters at the edges of values, which are no part of them.
    Invisible(u64),
    /// Words beside addresses, which may be names or passwords, and are not listed.
    Words(u64),
}

impl fmt::Display for FileNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FileNote::CatchAll { line } => {
                write!(
                    f,
                    "the file has a catch-all in line {line}, which a list cannot have; only its explicit addresses are imported: \
                     add the recipients that it stands for"
                )
            }
            FileNote::Blocked(n) => {
                let (accounts, they) = if *n == 1 { ("account is", "it is") } else { ("accounts are", "they are") };
                write!(
                    f,
                    "{n} {accounts} blocked from signing in; {they} imported, because shared mailboxes are blocked, too"
                )
            }
            FileNote::SwitchedOff(n) => write!(
                f,
                "aliases that are switched off in the file: {n}; they are imported, remove those that receive no mail"
            ),
            FileNote::NoAliases { how } => write!(f, "this export has no aliases; {how}"),
            FileNote::TypeNames { column, cells } => write!(
                f,
                "column {column:?} holds the name of a type instead of addresses (cells: {cells}); export it joined: \
                 @{{n='{column}';e={{$_.{column} -join ';'}}}}"
            ),
            FileNote::CutOff { column, cells } => write!(
                f,
                "column {column:?} is cut off (cells: {cells}); export it with Export-Csv, values joined by ';'"
            ),
            FileNote::ForwardsElsewhere(n) => {
                write!(f, "addresses that forward to another domain or to a program: {n}; imported as mailboxes")
            }
            FileNote::ForwardsToSeveral(n) => write!(
                f,
                "addresses that forward to several others: {n}; listed as distribution lists, whose members stay with \
                 the mail server"
            ),
            FileNote::Changes(n) => {
                write!(f, "records that delete or modify an entry: {n}; skipped, export the entries themselves")
            }
            FileNote::HeadOnly => f.write_str("the file has a header and no rows"),
            FileNote::Mixed => f.write_str("parts of the file are not UTF-8; save the whole file as UTF-8"),
            FileNote::UnreadColumn { column, addresses } => write!(
                f,
                "column {column:?} is not used and has further addresses of the domain: {addresses}; if they are \
                 aliases, --map {}=alias reads them",
                quoted(column)
            ),
            FileNote::TitleLines { lines, head, addresses } => {
                let found = format!("; addresses of the domain in them, which are not listed: {addresses}");
                let found = if *addresses > 0 { found.as_str() } else { "" };
                write!(f, "lines above the header in line {head}, which are not read: {lines}{found}")
            }
            FileNote::WordColumn { column, words } => write!(
                f,
                "column {column:?} is not used and has words: {words}; if they are local parts, --map {}=local reads them",
                quoted(column)
            ),
            FileNote::Members { column, addresses } => write!(
                f,
                "column {column:?} has members of groups, who are not listed, with addresses of the domain: {addresses}; \
                 import the mailboxes as well, under another --source"
            ),
            FileNote::Invisible(n) => write!(f, "invisible characters at the edges of values: {n}; left out"),
            FileNote::Words(n) => write!(
                f,
                "words beside addresses: {n}; not listed, because they may be anything. Map a column of local parts with \
                 --map COLUMN=local, or put each local part on a line of its own"
            ),
        }
    }
}

/// A word as it is typed on a command line.
pub(super) fn quoted(word: &str) -> String {
    if word.contains(|c: char| c.is_whitespace() || "'\"$&;<>()|".contains(c)) {
        format!("'{}'", word.replace('\'', "'\\''"))
    } else {
        word.to_owned()
    }
}
