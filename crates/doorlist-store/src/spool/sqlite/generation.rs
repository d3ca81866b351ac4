//! One generation of the spool: a SQLite file, its writer's statements and its checkpoints. This module must not know
//! which generation is the current one.

use crate::error::StoreError;
use crate::spool::index::CommitBatch;
use doorlist_core::queue_id::QueueId;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, SqliteConnection, SqlitePool};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// The format that this Doorlist writes, in `PRAGMA user_version`.
pub(super) const FORMAT: i64 = 2;
const SCHEMA: &str = include_str!("../../../migrations/spool_sqlite_0001.sql");
/// What format 2 has beside.
const SCHEMA_2: &str = include_str!("../../../migrations/spool_sqlite_0002.sql");
/// Readers of one file at once; idle ones are closed, so that a hundred old generations cost no threads.
const READERS_MAX: u32 = 4;
const READER_IDLE: Duration = Duration::from_secs(10);
/// How long a statement waits for another connection's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);
/// Batches of every size have a text of their own; so many stay prepared.
const STATEMENTS_MAX: usize = 256;
/// Memory for pages of one connection, in KiB (negative: SQLite's way to say so).
const CACHE_KIB: &str = "-8192";
/// A message of 4 KiB and its record fill one page and a part of the next.
const PAGE_SIZE: u32 = 4096;
/// What SQLite keeps beside a file: its log, the log's index, and the journal of a change to the file itself.
const COMPANIONS: [&str; 3] = ["-wal", "-shm", "-journal"];
/// Frames of the log that a checkpoint with the writer waiting may have to copy.
const LAST_PASS_FRAMES: i64 = 512;
/// Passes beside the writer before that one.
const PASSES_MAX: u32 = 4;

/// A file of the spool that is open.
#[derive(Debug)]
pub(super) struct Generation {
    pub(super) number: u32,
    path: PathBuf,
    options: SqliteConnectOptions,
    /// For reading; for settling too, once the generation is closed.
    pub(super) pool: SqlitePool,
    /// Held by the writer during a commit, and by the last pass of a checkpoint.
    turnstile: tokio::sync::Mutex<()>,
    bytes: AtomicU64,
    /// It takes no messages any more.
    closed: AtomicBool,
}

impl Generation {
    /// Opens a file. What the log holds from a crash is copied into the file and synced, so that nothing rests on pages
    /// that an earlier, failed fsync left in the system's memory.
    pub(super) async fn open(folder: &Path, number: u32) -> Result<Self, StoreError> {
        let path = folder.join(file_name(number));
        if !is_database(&path) {
            return Err(StoreError::Corrupt { table: "message", why: "it is not a database".to_owned() });
        }
        prepare(&options(&path), false).await?;
        Ok(Self::new(number, path))
    }

    /// Makes a file, under another name until it is whole: a crash leaves none that looks like a damaged one. The name
    /// is not yet on stable storage.
    pub(super) async fn create(folder: &Path, number: u32) -> Result<Self, StoreError> {
        let (unfinished, path) = (folder.join(unfinished_name(number)), folder.join(file_name(number)));
        let made = prepare(&options(&unfinished).create_if_missing(true), true).await;
        let made = made.and_then(|()| {
            std::fs::rename(&unfinished, &path)
                .map_err(|error| StoreError::Io { what: format!("cannot make {}", path.display()), error })
        });
        if let Err(error) = made {
            // What cannot be removed now, the next start removes.
            drop(remove_files(&unfinished));
            return Err(error);
        }
        Ok(Self::new(number, path))
    }

    fn new(number: u32, path: PathBuf) -> Self {
        let options = options(&path);
        let pool = SqlitePoolOptions::new().max_connections(READERS_MAX).idle_timeout(READER_IDLE);
        let pool = pool.min_connections(0).connect_lazy_with(options.clone());
        let bytes = AtomicU64::new(std::fs::metadata(&path).map_or(0, |meta| meta.len()));
        let (turnstile, closed) = (tokio::sync::Mutex::new(()), AtomicBool::new(false));
        Self { number, path, options, pool, turnstile, bytes, closed }
    }

    /// The one connection that accepts into it. It never checkpoints by itself.
    pub(super) async fn writer(&self) -> Result<SqliteConnection, sqlx::Error> {
        SqliteConnection::connect_with(&self.options.clone().pragma("wal_autocheckpoint", "0")).await
    }

    /// From now on it takes no messages.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Size of the file after the last checkpoint.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Writes a batch: `Ok` means that its commit has reached the disk.
    pub(super) async fn write(&self, writer: &mut SqliteConnection, batch: &CommitBatch) -> Result<(), sqlx::Error> {
        let _turn = self.turnstile.lock().await;
        let written = transaction(batch).execute(&mut *writer).await;
        if written.is_err() {
            // The commit itself may have ended the transaction already.
            drop(sqlx::query("ROLLBACK").execute(writer).await);
        }
        written.map(drop)
    }

    /// Settles in a generation that takes no more messages.
    pub(super) async fn settle(&self, batch: &CommitBatch) -> Result<(), sqlx::Error> {
        let mut connection = self.pool.acquire().await?;
        self.write(&mut connection, batch).await
    }

    /// Copies the log into the file: most of it beside the writer, the rest while the writer waits, so that the log
    /// begins anew. Without that rest it would grow as long as mail comes without a pause.
    pub(super) async fn checkpoint(&self) -> Result<(), sqlx::Error> {
        let mut connection = self.pool.acquire().await?;
        for _ in 0..PASSES_MAX {
            let (_, frames, copied) = pass(&mut connection).await?;
            if frames - copied <= LAST_PASS_FRAMES {
                break;
            }
        }
        let _turn = self.turnstile.lock().await;
        pass(&mut connection).await?;
        self.bytes.store(std::fs::metadata(&self.path).map_or(0, |meta| meta.len()), Ordering::Relaxed);
        Ok(())
    }

    /// Closes it and removes its files: no row is left in it.
    pub(super) async fn remove(&self) -> std::io::Result<()> {
        self.pool.close().await;
        remove_files(&self.path)
    }
}

/// How each connection to a file is opened.
fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .page_size(PAGE_SIZE)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT)
        .statement_cache_capacity(STATEMENTS_MAX)
        .pragma("cache_size", CACHE_KIB)
        .disable_statement_logging()
}

/// Removes a file and what SQLite may have left beside it.
fn remove_files(path: &Path) -> std::io::Result<()> {
    for companion in COMPANIONS {
        let mut path = path.to_path_buf().into_os_string();
        path.push(companion);
        // The last connection has removed them already, as a rule.
        drop(std::fs::remove_file(path));
    }
    std::fs::remove_file(path)
}

/// A file name like `gen-0001.db`.
pub(super) fn file_name(number: u32) -> String {
    format!("gen-{number:04}.db")
}

/// The name of a file that is being made, which holds no message yet.
fn unfinished_name(number: u32) -> String {
    format!("new-{number:04}.db")
}

/// Whether a name is that of a file that was being made, or of what SQLite keeps beside it.
pub(super) fn is_unfinished(name: &str) -> bool {
    let name = COMPANIONS.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    let number = name.strip_prefix("new-").and_then(|name| name.strip_suffix(".db")).and_then(|name| name.parse().ok());
    number.is_some_and(|number| number > 0 && unfinished_name(number) == name)
}

/// The number of a generation file's name, if it is one.
pub(super) fn number_of(name: &str) -> Option<u32> {
    let number = name.strip_prefix("gen-")?.strip_suffix(".db")?.parse().ok()?;
    (number > 0 && file_name(number) == name).then_some(number)
}

/// Whether a file begins as those of SQLite do; looked at without SQLite, which would write into an empty one.
fn is_database(path: &Path) -> bool {
    let mut start = [0; 16];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut start));
    read.is_ok() && &start == b"SQLite format 3\0"
}

async fn prepare(options: &SqliteConnectOptions, create: bool) -> Result<(), StoreError> {
    let mut first = SqliteConnection::connect_with(options).await?;
    let checked = async {
        check_format(&mut first, create).await?;
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut first).await?;
        Ok(())
    };
    let checked = checked.await;
    // Closed before anybody moves the file.
    first.close().await?;
    checked
}

async fn check_format(connection: &mut SqliteConnection, create: bool) -> Result<(), StoreError> {
    let found: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *connection).await?;
    match found {
        FORMAT => Ok(()),
        0 if create => {
            let sql = format!("BEGIN; {SCHEMA} {SCHEMA_2} PRAGMA user_version = {FORMAT}; COMMIT");
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await?;
            Ok(())
        }
        1 => {
            let sql = format!("BEGIN; {SCHEMA_2} PRAGMA user_version = {FORMAT}; COMMIT");
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await?;
            Ok(())
        }
        0 => Err(StoreError::Corrupt { table: "message", why: "the file belongs to another spool".to_owned() }),
        found => Err(StoreError::TooNew { found, known: FORMAT }),
    }
}

/// One pass of a checkpoint that waits for nobody: (busy, frames in the log, frames copied).
async fn pass(connection: &mut SqliteConnection) -> Result<(i64, i64, i64), sqlx::Error> {
    sqlx::query_as("PRAGMA wal_checkpoint(PASSIVE)").fetch_one(connection).await
}

type SqliteQuery = sqlx::query::Query<'static, sqlx::Sqlite, sqlx::sqlite::SqliteArguments>;

/// The whole transaction as one text: one way to SQLite's thread and back for a batch.
fn transaction(batch: &CommitBatch) -> SqliteQuery {
    let mut sql = String::from("BEGIN IMMEDIATE;");
    for at in 0..batch.accepts.len() {
        let (before, number) = (if at == 0 { INSERT } else { "," }, 4 * at + 1);
        let places = [number, number + 1, number + 2, number + 3].map(|place| format!("${place}"));
        sql.extend([before, "(", &places.join(","), ")"]);
    }
    let gone = 4 * batch.accepts.len() + 1;
    let (steps, taught, counted) = (gone + 1, gone + 2, gone + 3);
    if !batch.accepts.is_empty() {
        sql.push(';');
    }
    if !batch.gone.is_empty() {
        sql.push_str(&format!("DELETE FROM message WHERE id IN (SELECT value FROM json_each(${gone}));"));
        sql.push_str(&format!("DELETE FROM progress WHERE id IN (SELECT value FROM json_each(${gone}));"));
    }
    if !batch.steps.is_empty() {
        sql.push_str(&STEPS.replace("$1", &format!("${steps}")));
    }
    if !batch.counted.is_empty() {
        sql.push_str(&COUNTED.replace("$1", &format!("${counted}")));
    }
    if !batch.taught.is_empty() {
        sql.push_str(&TAUGHT.replace("$1", &format!("${taught}")));
    }
    sql.push_str("COMMIT");
    bind(sqlx::query(AssertSqlSafe(sql)), batch)
}

const INSERT: &str = "INSERT INTO message (id, record, seal, body) VALUES ";
const STEPS: &str = "INSERT INTO progress (id, revision, state) \
    SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each($1) WHERE true \
    ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, state = excluded.state;";
const TAUGHT: &str = "INSERT INTO outcome (id, recipient, state) \
    SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each($1) WHERE true \
    ON CONFLICT (id, recipient) DO NOTHING;";
const COUNTED: &str = "DELETE FROM outcome \
    WHERE (id, recipient) IN (SELECT value ->> 0, value ->> 1 FROM json_each($1));";

fn bind(mut statements: SqliteQuery, batch: &CommitBatch) -> SqliteQuery {
    for accept in &batch.accepts {
        statements = statements
            .bind(accept.id.as_u64().cast_signed())
            .bind(accept.text.clone())
            .bind(i64::from(accept.seal))
            .bind(accept.body.row_bytes().map(<[u8]>::to_vec));
    }
    let gone: Vec<i64> = batch.gone.iter().map(|gone| gone.id.as_u64().cast_signed()).collect();
    let steps = batch.steps.iter().map(|step| (step.id.as_u64().cast_signed(), step.revision, &step.text));
    let number = |id: QueueId| id.as_u64().cast_signed();
    let taught = batch.taught.iter().map(|outcome| (number(outcome.id), outcome.recipient, outcome.encode()));
    let counted = batch.counted.iter().map(|(id, recipient)| (number(*id), *recipient));
    let (taught, counted) = (taught.collect::<Vec<_>>(), counted.collect::<Vec<_>>());
    statements.bind(json(&gone)).bind(json(&steps.collect::<Vec<_>>())).bind(json(&taught)).bind(json(&counted))
}

/// Numbers and texts always have a JSON form.
fn json(list: &impl serde::Serialize) -> String {
    serde_json::to_string(list).unwrap_or_default()
}
