//! Opening a database of either engine, and what its pools hold at most.

use super::{Db, Writing, connect, write_check};
use crate::error::StoreError;
use nix::fcntl::OFlag;
use sqlx::Connection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use std::fs::{DirBuilder, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

/// Connections to PostgreSQL that one node holds at most.
pub(super) const PG_CONNECTIONS_MAX: u32 = 10;
/// Readers of one SQLite file beside its one writer.
const SQLITE_READERS_MAX: u32 = 4;
/// How long a statement waits for another process that writes: an import of a million rows holds the file so long.
const BUSY_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a caller waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// Page cache of the connection that writes, in KiB (SQLite counts so when the number is negative). Rows come sorted, so that
/// an import seldom returns to a page that it has left; what the cache holds is memory that each large change takes.
const WRITER_CACHE_KIB: &str = "-4096";
/// Page cache of each connection that reads. What it lacks is in the system's cache, which all share: larger ones were not
/// faster, and filled for hours. A long reading goes through all of them in turn.
const READER_CACHE_KIB: &str = "-2048";

impl Db {
    /// Opens (and makes, if need be) a SQLite file that survives power cuts: WAL, `synchronous=FULL`. The file is the
    /// owner's alone, and so is a folder that has to be made.
    pub(crate) async fn open_sqlite(file: &Path) -> Result<Self, StoreError> {
        make_private(file)?;
        let options = SqliteConnectOptions::new()
            .filename(file)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let checker = write_check::checker(options.clone());
        let (write, read) =
            (options.clone().pragma("cache_size", WRITER_CACHE_KIB), options.pragma("cache_size", READER_CACHE_KIB));
        let writer = for_writing().connect_with(write).await?;
        let readers = SqlitePoolOptions::new().max_connections(SQLITE_READERS_MAX).connect_with(read).await?;
        Ok(Db::Sqlite { writer, readers, checker, writing: Writing::default() })
    }

    /// Connects to a PostgreSQL server by URL.
    pub(crate) async fn open_postgres(url: &str) -> Result<Self, StoreError> {
        let pool = PgPoolOptions::new().max_connections(PG_CONNECTIONS_MAX).acquire_timeout(ACQUIRE_TIMEOUT);
        Ok(Db::Postgres(connect(pool, PgConnectOptions::from_str(url)?).await?))
    }
}

/// One connection that writes. A full disk ends a transaction in the middle, and nobody can roll it back after that: the
/// connection counts as in a transaction for ever, and is replaced by another one.
pub(super) fn for_writing() -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(1)
        .before_acquire(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
}

/// SQLite would make the file readable for everybody; its `-wal` and `-shm` take the mode of the file.
fn make_private(file: &Path) -> Result<(), StoreError> {
    let failed = |what: &str, path: &Path, error| StoreError::Io { what: format!("{what} {}", path.display()), error };
    if let Some(folder) = file.parent() {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(|e| failed("cannot make the folder", folder, e))?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    // A link is not followed, a fifo not waited for.
    let opened = options.custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits()).open(file);
    opened.map(drop).map_err(|e| failed("cannot open", file, e))
}
