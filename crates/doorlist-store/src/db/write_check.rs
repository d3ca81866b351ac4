//! A write that proves that the database takes writes: one row for each node, which is overwritten. Must not know how often
//! it is made.

use super::open::for_writing;
use super::{Bind, Db, Tx, binds, no_answer, waited_for};
use crate::error::StoreError;
use doorlist_core::time::Timestamp;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool, SqlitePool};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::timeout;

/// So long it waits for a lock of somebody else.
const LOCK_MAX: Duration = Duration::from_secs(1);
/// A server that takes longer has lost the connection.
const SERVER_MAX: Duration = Duration::from_secs(10);
/// Octets that it writes beside the row: a full disk has no room for them, where it had for the row alone. They are random,
/// so that nobody packs them.
const PADDING: usize = 4 * 1024;

const SQL: &str = "INSERT INTO write_check (node, time, padding) VALUES ($1, $2, $3)
                   ON CONFLICT (node) DO UPDATE SET time = excluded.time, padding = excluded.padding";

/// How many transactions of this process have a file: one, or none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Writing(Arc<AtomicUsize>);

/// Says that a transaction has the file, until dropped.
#[derive(Debug)]
pub(crate) struct AtWork(Arc<AtomicUsize>);

impl Writing {
    pub(super) fn begin(&self) -> AtWork {
        self.0.fetch_add(1, Ordering::Relaxed);
        AtWork(Arc::clone(&self.0))
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a check writes.
pub(crate) fn padding() -> Result<String, StoreError> {
    let mut octets = [0; PADDING];
    getrandom::fill(&mut octets).map_err(|e| StoreError::Engine(Box::new(e)))?;
    Ok(octets.iter().map(|octet| format!("{octet:02x}")).collect())
}

/// The connection of checks to a SQLite file. It does not queue with others, which would hide whom they all wait for.
pub(super) fn checker(options: SqliteConnectOptions) -> SqlitePool {
    let pool = for_writing().min_connections(0).idle_timeout(SERVER_MAX);
    pool.connect_lazy_with(options.busy_timeout(LOCK_MAX))
}

impl Db {
    /// Writes this node's row. Nothing is written while this process has the SQLite file for a change of its own, or all
    /// connections to a server: then work is done.
    ///
    /// # Errors
    /// Why nothing can be written.
    pub(crate) async fn check_write(&self, node: u16, now: Timestamp) -> Result<(), StoreError> {
        let padding = padding()?;
        let written = match self {
            Db::Sqlite { .. } if self.is_at_work() => Ok(()),
            Db::Sqlite { checker, .. } => check_file(checker, &binds![node, now, &padding]).await,
            Db::Postgres(pool) => check_server(pool, (node, now, padding)).await,
        };
        if self.is_at_work() { Ok(()) } else { written.map_err(StoreError::without_change) }
    }

    /// Whether a change of this process has the SQLite file.
    pub(crate) fn is_at_work(&self) -> bool {
        matches!(self, Db::Sqlite { writing, .. } if writing.0.load(Ordering::Relaxed) > 0)
    }
}

async fn check_file(checker: &SqlitePool, row: &[Bind<'_>]) -> Result<(), StoreError> {
    let mut tx = Tx::Sqlite(checker.begin_with("BEGIN IMMEDIATE").await?, Writing::default().begin());
    tx.execute(SQL, row).await?;
    tx.commit().await
}

/// On a connection that is closed if it takes too long: nobody can tell what it is waiting for.
async fn check_server(pool: &PgPool, row: (u16, Timestamp, String)) -> Result<(), StoreError> {
    if pool.num_idle() == 0 && pool.size() >= pool.options().get_max_connections() {
        return Ok(());
    }
    let mut connection = match pool.acquire().await {
        Ok(connection) => connection,
        Err(error) => return Err(waited_for(pool, error).await.into()),
    };
    match timeout(SERVER_MAX, write_row(&mut connection, row)).await {
        Ok(written) => Ok(written?),
        Err(_) => {
            drop(connection.detach());
            Err(StoreError::Engine(no_answer(SERVER_MAX).into()))
        }
    }
}

/// A lock on the whole list is waited for, the one that a change has on its row is not.
async fn write_row(
    connection: &mut PgConnection,
    (node, now, padding): (u16, Timestamp, String),
) -> Result<(), sqlx::Error> {
    let mut tx = connection.begin().await?;
    let lock_max = AssertSqlSafe(format!("SET LOCAL lock_timeout = {}", LOCK_MAX.as_millis()));
    sqlx::query(lock_max).execute(&mut *tx).await?;
    sqlx::query("LOCK TABLE list_state IN ROW EXCLUSIVE MODE").execute(&mut *tx).await?;
    sqlx::query(SQL).bind(i64::from(node)).bind(now.as_millis()).bind(padding).execute(&mut *tx).await?;
    tx.commit().await
}
