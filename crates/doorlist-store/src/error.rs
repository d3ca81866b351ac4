//! What can go wrong with the store, in words that say what was kept. Driver errors stay inside, boxed; their cause is
//! told once, and they are no source of ours, which whoever prints errors with their sources would tell again.

use crate::db::cause;
use std::error::Error;

/// A failure of the store. The public text never shows a password: connection URLs are not part of it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The engine said no, or is away. No change was under way.
    #[error("cannot use the database: {}", told(&**.0))]
    Engine(Box<dyn Error + Send + Sync>),
    /// The same in the middle of a change, of which nothing was kept.
    #[error("cannot use the database: {}; nothing of this change was kept", told(&**.0))]
    NotKept(Box<dyn Error + Send + Sync>),
    /// The connection was lost in the middle of a commit: it may have happened or not.
    #[error(
        "the connection to the database was lost during a commit: {}; check in the change log whether the change \
             was made",
        told(&**.0)
    )]
    Unknown(Box<dyn Error + Send + Sync>),
    /// Another process has the number of this node.
    #[error(
        "another Doorlist runs as node {node} on this database: give each node a number of its own, from 0 to 1023, \
             with the setting spool.node (a process that was just ended may hold its number for a few seconds)"
    )]
    NodeTaken { node: i16 },
    /// A file of the state folder cannot be read or written.
    #[error("{what}: {error}")]
    Io {
        /// The operation and its file.
        what: String,
        error: std::io::Error,
    },
    /// The store was written by a newer Doorlist.
    #[error("the store has format {found}, but this version supports only up to {known}; run the newer version")]
    TooNew { found: i64, known: i64 },
    /// The state folder was used before, and its database is not there any more.
    #[error(
        "{} is missing or empty, but this state folder was in use: restore the file from a backup, or move the whole \
         folder away to start with an empty list",
        .file.display()
    )]
    Lost { file: std::path::PathBuf },
    /// SQLite cannot read its file.
    #[error(
        "{} is damaged ({why}): restore the file from a backup, or recover its data with `sqlite3 .recover`; nothing \
         was changed, and the mail in the queue is safe",
        .file.display()
    )]
    Damaged { file: std::path::PathBuf, why: String },
    /// A row that breaks its own rules: was it edited by hand?
    #[error("cannot read a row of {table} ({why}); it was not changed")]
    Corrupt { table: &'static str, why: String },
}

impl StoreError {
    /// A row of this table breaks its own rules.
    pub(crate) fn corrupt(table: &'static str, why: String) -> Self {
        StoreError::Corrupt { table, why }
    }

    /// A statement of a change failed, so that all of it was rolled back.
    pub(crate) fn not_kept(error: sqlx::Error) -> Self {
        StoreError::NotKept(Box::new(error))
    }

    /// The cause alone, for who says himself what was tried.
    pub(crate) fn why(&self) -> String {
        match self {
            StoreError::Engine(error) | StoreError::NotKept(error) | StoreError::Unknown(error) => told(&**error),
            other => other.to_string(),
        }
    }

    /// The same, said to whoever did not try to change anything.
    pub(crate) fn without_change(self) -> Self {
        match self {
            StoreError::NotKept(error) => StoreError::Engine(error),
            other => other,
        }
    }
}

fn told(error: &(dyn Error + Send + Sync + 'static)) -> String {
    error.downcast_ref().map_or_else(|| error.to_string(), cause)
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        StoreError::Engine(Box::new(error))
    }
}
