//! The spool on SQLite: generation files, of which one takes new messages for each writer. A file that has grown large
//! is closed and a new one begun; a closed one is unlinked when its last message is done. Nothing is ever vacuumed.

mod generation;
mod salvage;
mod start;

use super::disk;
use super::error::SpoolError;
use super::index::CommitBatch;
use super::rows::MessageRow;
use crate::db::cause;
use crate::error::StoreError;
use doorlist_core::queue_id::QueueId;
use generation::Generation;
use sqlx::{Connection, Row as _, SqliteConnection};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

pub(super) use start::open;

/// A generation that is so old (or empty) is closed, if it has grown beyond [`SMALL`]: its room comes back once it is
/// empty.
const AGE_MAX: Duration = Duration::from_hours(1);
/// A file of this size is no burden.
const SMALL: u64 = 64 * 1024 * 1024;
/// How often a generation is begun that could not be.
const TRY_EVERY: Duration = Duration::from_secs(60);
/// The log is copied into the file when so much was written to it.
const LOG_SOFT_MAX: u64 = 16 * 1024 * 1024;
/// The writer waits for the checkpoint when so much was.
const LOG_HARD_MAX: u64 = 128 * 1024 * 1024;
/// What a row changes in the log beside its bytes: pages of the tree, rounded up.
const LOG_BYTES_PER_ROW: u64 = 8 * 1024;

/// The files, as readers see them.
#[derive(Debug)]
pub(super) struct Generations {
    folder: PathBuf,
    open: RwLock<BTreeMap<u32, Arc<Generation>>>,
    /// The number of the next file.
    next: AtomicU32,
}

impl Generations {
    /// `next` at least is the number of the next file.
    fn new(folder: PathBuf, open: BTreeMap<u32, Arc<Generation>>, next: u32) -> Self {
        let next = open.last_key_value().map_or(next, |(newest, _)| next.max(newest + 1));
        Self { folder, open: RwLock::new(open), next: AtomicU32::new(next) }
    }

    /// A new file that takes messages.
    async fn begin(&self) -> Result<Arc<Generation>, StoreError> {
        let next = begin(&self.folder, self.next.fetch_add(1, Ordering::Relaxed)).await?;
        self.open.write().unwrap_or_else(PoisonError::into_inner).insert(next.number, Arc::clone(&next));
        Ok(next)
    }

    fn get(&self, number: u32) -> Option<Arc<Generation>> {
        self.open.read().unwrap_or_else(PoisonError::into_inner).get(&number).cloned()
    }

    /// Those that take no messages any more.
    fn closed(&self) -> Vec<Arc<Generation>> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        open.values().filter(|generation| generation.is_closed()).cloned().collect()
    }

    /// Takes one out, so that its files can be removed; `None` when somebody else did.
    fn take_out(&self, number: u32) -> Option<Arc<Generation>> {
        self.open.write().unwrap_or_else(PoisonError::into_inner).remove(&number)
    }

    /// The rows from `first` to `last` in one generation.
    pub(super) async fn rows(
        &self,
        number: u32,
        first: QueueId,
        last: QueueId,
    ) -> Result<Vec<MessageRow>, sqlx::Error> {
        const SQL: &str = "SELECT m.id, m.record, m.seal, p.revision, p.state FROM message m \
            LEFT JOIN progress p ON p.id = m.id WHERE m.id BETWEEN $1 AND $2 ORDER BY m.id";
        let Some(generation) = self.get(number) else { return Ok(Vec::new()) };
        let query = sqlx::query(SQL).bind(first.as_u64().cast_signed()).bind(last.as_u64().cast_signed());
        let rows = query.fetch_all(&generation.pool).await?;
        Ok(rows.iter().filter_map(|row| read_row(row).ok()).collect())
    }

    /// The bytes in a message's row.
    pub(super) async fn body(&self, number: u32, id: QueueId) -> Result<Option<Vec<u8>>, sqlx::Error> {
        let Some(generation) = self.get(number) else { return Ok(None) };
        let query = sqlx::query_scalar::<_, Option<Vec<u8>>>("SELECT body FROM message WHERE id = $1");
        Ok(query.bind(id.as_u64().cast_signed()).fetch_optional(&generation.pool).await?.flatten())
    }
}

/// What stands in a row of the query above.
fn read_row(row: &sqlx::sqlite::SqliteRow) -> Result<MessageRow, sqlx::Error> {
    Ok(MessageRow {
        id: QueueId::from_u64(row.try_get::<i64, _>(0)?.cast_unsigned()),
        text: row.try_get(1)?,
        seal: row.try_get(2)?,
        revision: row.try_get::<Option<u32>, _>(3)?.unwrap_or(0),
        state: row.try_get(4)?,
    })
}

/// Opens writers beside the first.
#[derive(Clone, Debug)]
pub(super) struct Opener {
    generations: Arc<Generations>,
    bytes_max: u64,
}

impl Opener {
    /// A writer with a new file.
    pub(super) async fn open(&self) -> Result<SqliteSpoolWriter, StoreError> {
        let current = self.generations.begin().await?;
        let connection = current.writer().await?;
        Ok(SqliteSpoolWriter::new(self.clone(), current, connection))
    }
}

/// The one writer of one file.
#[derive(Debug)]
pub(super) struct SqliteSpoolWriter {
    generations: Arc<Generations>,
    current: Arc<Generation>,
    connection: SqliteConnection,
    begun: Instant,
    /// When the next generation could not be begun.
    tried: Option<Instant>,
    bytes_max: u64,
    /// Written to the log since the last checkpoint began, estimated.
    logged: u64,
    checkpoint: Option<JoinHandle<Result<(), sqlx::Error>>>,
}

impl SqliteSpoolWriter {
    fn new(opener: Opener, current: Arc<Generation>, connection: SqliteConnection) -> Self {
        let Opener { generations, bytes_max } = opener;
        let begun = Instant::now();
        Self { generations, current, connection, begun, tried: None, bytes_max, logged: 0, checkpoint: None }
    }

    /// For writers beside this one.
    pub(super) fn opener(&self) -> Opener {
        Opener { generations: Arc::clone(&self.generations), bytes_max: self.bytes_max }
    }

    /// The generation that takes this writer's messages.
    pub(super) fn current(&self) -> u32 {
        self.current.number
    }

    /// Writes a batch in its generation. `Ok` means that it is on stable storage.
    pub(super) async fn write(&mut self, batch: &CommitBatch) -> Result<(), SpoolError> {
        let written = if batch.generation == self.current.number {
            self.logged += log_bytes(batch);
            self.current.write(&mut self.connection, batch).await
        } else if let Some(closed) = self.generations.get(batch.generation) {
            closed.settle(batch).await
        } else {
            Ok(())
        };
        written.map_err(|error| self.explain(&error))
    }

    /// What is due between two commits: checkpoints, a new generation, the end of an empty one. Fails only where the
    /// disk did.
    pub(super) async fn maintain(&mut self, is_empty: impl Fn(u32) -> bool) -> Result<(), SpoolError> {
        self.take_checkpoint().await?;
        if self.logged >= LOG_SOFT_MAX && self.checkpoint.is_none() {
            self.logged = 0;
            let generation = Arc::clone(&self.current);
            self.checkpoint = Some(tokio::spawn(async move { generation.checkpoint().await }));
        }
        let bytes = self.current.bytes();
        let old = || self.begun.elapsed() >= AGE_MAX || is_empty(self.current.number);
        let due = bytes >= self.bytes_max || (bytes >= SMALL && old());
        if due && self.tried.is_none_or(|tried| tried.elapsed() >= TRY_EVERY) {
            self.tried = Some(Instant::now());
            // As long as it fails (no room, no file handles) the old one goes on.
            drop(self.begin_next().await);
        }
        for closed in self.generations.closed() {
            if is_empty(closed.number)
                && let Some(empty) = self.generations.take_out(closed.number)
            {
                // What cannot be unlinked is empty: the next start removes it.
                drop(empty.remove().await);
            }
        }
        Ok(())
    }

    /// Looks whether the running checkpoint is done; waits for it when the log has grown too long.
    async fn take_checkpoint(&mut self) -> Result<(), SpoolError> {
        let overdue = self.logged >= LOG_HARD_MAX;
        let Some(running) = self.checkpoint.take_if(|running| overdue || running.is_finished()) else { return Ok(()) };
        match running.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.explain(&error)),
            Err(ended) => Err(SpoolError::Bad(ended.to_string())),
        }
    }

    async fn begin_next(&mut self) -> Result<(), StoreError> {
        let next = self.generations.begin().await?;
        let connection = next.writer().await?;
        let old = std::mem::replace(&mut self.connection, connection);
        // Its log is copied when the last connection of the old generation closes.
        drop(old.close().await);
        self.current.close();
        (self.current, self.begun, self.tried, self.logged) = (next, Instant::now(), None, 0);
        Ok(())
    }

    /// What a failed commit means: whether it may be tried again, or nothing on this disk can be trusted any more.
    fn explain(&self, error: &sqlx::Error) -> SpoolError {
        let code = error.as_database_error().and_then(|error| error.code()).unwrap_or_default();
        match code.as_ref() {
            SQLITE_FULL => SpoolError::Full(cause(error)),
            SQLITE_BUSY | SQLITE_BUSY_SNAPSHOT | SQLITE_NOMEM => SpoolError::Away(cause(error)),
            SQLITE_IOERR_FSYNC | SQLITE_IOERR_DIR_FSYNC => SpoolError::Bad(cause(error)),
            _ if disk::has_no_room(&self.generations.folder) => SpoolError::Full(cause(error)),
            _ => SpoolError::Bad(cause(error)),
        }
    }

    /// Copies the log and closes the files.
    pub(super) async fn close(mut self) {
        if let Some(running) = self.checkpoint.take() {
            drop(running.await);
        }
        drop(self.connection.close().await);
        self.current.pool.close().await;
        for generation in self.generations.closed() {
            generation.pool.close().await;
        }
    }
}

/// Extended result codes, as the driver gives them: <https://www.sqlite.org/rescode.html>.
const SQLITE_BUSY: &str = "5";
const SQLITE_NOMEM: &str = "7";
const SQLITE_FULL: &str = "13";
const SQLITE_BUSY_SNAPSHOT: &str = "517";
const SQLITE_IOERR_FSYNC: &str = "1034";
const SQLITE_IOERR_DIR_FSYNC: &str = "1290";

fn log_bytes(batch: &CommitBatch) -> u64 {
    let bytes = batch.accepts.iter().map(|accept| accept.body.row_bytes().map_or(0, <[u8]>::len) + accept.text.len());
    let settled = batch.gone.len() + batch.steps.len();
    let rows = batch.accepts.len() + settled + batch.taught.len() + batch.counted.len();
    bytes.sum::<usize>() as u64 + rows as u64 * LOG_BYTES_PER_ROW
}

/// A new generation whose name is on stable storage.
async fn begin(folder: &Path, number: u32) -> Result<Arc<Generation>, StoreError> {
    let generation = Generation::create(folder, number).await?;
    disk::sync_folder(folder)
        .map_err(|error| StoreError::Io { what: format!("cannot sync {}", folder.display()), error })?;
    Ok(Arc::new(generation))
}
