//! What can go wrong with the store, in words that say what was kept. Driver errors stay inside, boxed.

/// A failure of the store. The public text never shows a password: connection URLs are not part of it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The engine said no, or is away. Nothing of the running change was kept.
    #[error("the store did not answer or rejected the request: {0}; nothing of this change was kept")]
    Engine(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The connection was lost in the middle of a commit: it may have happened or not.
    #[error(
        "the connection to the store was lost during a commit: {0}; check in the change log whether the change \
             was made"
    )]
    Unknown(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A file of the state folder cannot be read or written.
    #[error("{what}: {source}")]
    Io {
        /// The operation and its file.
        what: String,
        source: std::io::Error,
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
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        StoreError::Engine(Box::new(error))
    }
}
