//! A database of either engine: opening, migrating, and running one piece of code on both. Nothing outside this crate
//! sees a pool.

use crate::error::StoreError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{PgPool, SqlitePool};
use std::path::Path;
use std::time::Duration;

/// Connections to PostgreSQL that one node holds at most.
const PG_CONNECTIONS_MAX: u32 = 10;
/// Readers of one SQLite file beside its one writer.
const SQLITE_READERS_MAX: u32 = 4;
/// How long a statement waits for another writer before it gives up.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Typed pools of one engine. On SQLite the writer has one connection, so that writers queue here and not in the file.
#[derive(Clone, Debug)]
pub(crate) enum Db {
    /// An embedded file in WAL mode with `synchronous=FULL`.
    Sqlite { writer: SqlitePool, readers: SqlitePool },
    /// A server, shared by the nodes of a cluster.
    Postgres(PgPool),
}

/// Runs the same code with `$conn` bound to a pool for reading of either engine. The body is compiled twice, once per
/// engine; SQL text is the same on both (`$1` placeholders).
macro_rules! on_reader {
    ($db:expr, $pool:ident => $body:expr) => {
        match $db {
            $crate::db::Db::Sqlite { readers: $pool, .. } => $body,
            $crate::db::Db::Postgres($pool) => $body,
        }
    };
}

/// The same with the pool for writing.
macro_rules! on_writer {
    ($db:expr, $pool:ident => $body:expr) => {
        match $db {
            $crate::db::Db::Sqlite { writer: $pool, .. } => $body,
            $crate::db::Db::Postgres($pool) => $body,
        }
    };
}
pub(crate) use {on_reader, on_writer};

impl Db {
    /// Opens (and makes, if need be) a SQLite file that survives power cuts: WAL, `synchronous=FULL`.
    pub(crate) async fn open_sqlite(file: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let writer = SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await?;
        let readers = SqlitePoolOptions::new().max_connections(SQLITE_READERS_MAX).connect_with(options).await?;
        Ok(Db::Sqlite { writer, readers })
    }

    /// Connects to a PostgreSQL server by URL.
    pub(crate) async fn open_postgres(url: &str) -> Result<Self, StoreError> {
        let pool = sqlx::postgres::PgPoolOptions::new().max_connections(PG_CONNECTIONS_MAX).connect(url).await?;
        Ok(Db::Postgres(pool))
    }
}
