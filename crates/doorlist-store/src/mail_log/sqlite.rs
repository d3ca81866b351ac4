//! The mail log on SQLite: a file for each day. What is lost with the power is the last second: commits do not wait for
//! the disk, but a file is never left torn.

use super::LoggedMail;
use super::asked::{self, AskedDay, AskedTables, DayConnection};
use super::day::Day;
use super::query::{COLUMNS, MailEntryColumns, Question, indexes, read};
use crate::StoreError;
use crate::db::bound;
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Sqlite, SqliteConnection};
use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The folder of the log in the state folder.
const FOLDER: &str = "mail";
/// The format that this Doorlist writes, in `PRAGMA user_version`.
const FORMAT: i64 = 1;
const SCHEMA: &str = include_str!("../../migrations/mail_log_sqlite_0001.sql");
/// Rows of one statement: more cost less each, and twelve values a row must stay below SQLite's limit of 32,766.
const ROWS_MAX: usize = 64;
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// The files of all days.
#[derive(Clone, Debug)]
pub(super) struct Files {
    folder: Arc<Path>,
}

impl Files {
    pub(super) async fn open(state: &Path) -> Result<Self, StoreError> {
        let folder = state.join(FOLDER);
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder);
        made.map_err(|error| StoreError::Io { what: format!("cannot make {}", folder.display()), error })?;
        let files = Self { folder: folder.into() };
        if let Some(newest) = files.list()?.last() {
            // A newer Doorlist's file is found now and not at the first mail.
            files.connect(*newest, false).await?.close().await?;
        }
        Ok(files)
    }

    fn path(&self, day: Day) -> PathBuf {
        self.folder.join(format!("mail-{}.db", day.text()))
    }

    /// The days that have a file, oldest first.
    pub(super) fn list(&self) -> Result<Vec<Day>, StoreError> {
        let failed = |error| StoreError::Io { what: format!("cannot list {}", self.folder.display()), error };
        let mut days = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            let day = name.to_str().and_then(|name| name.strip_prefix("mail-")?.strip_suffix(".db"));
            days.extend(day.and_then(Day::parse));
        }
        days.sort_unstable();
        Ok(days)
    }

    /// The same with what each takes up.
    pub(super) fn sizes(&self) -> Result<Vec<(Day, u64)>, StoreError> {
        let size = |path: PathBuf| fs::metadata(path).map_or(0, |metadata| metadata.len());
        let sized = |day| {
            let mut log = self.path(day).into_os_string();
            log.push("-wal");
            (day, size(self.path(day)) + size(log.into()))
        };
        Ok(self.list()?.into_iter().map(sized).collect())
    }

    async fn connect(&self, day: Day, create: bool) -> Result<SqliteConnection, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(self.path(day))
            .create_if_missing(create)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(BUSY_TIMEOUT)
            .disable_statement_logging();
        let mut connection = options.connect().await?;
        let found: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut connection).await?;
        if found == 0 && create {
            let sql = format!("BEGIN; {SCHEMA} PRAGMA user_version = {FORMAT}; COMMIT");
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
        } else if found > FORMAT {
            return Err(StoreError::TooNew { found, known: FORMAT });
        }
        Ok(connection)
    }

    pub(super) async fn search(&self, day: Day, question: Question) -> Result<Vec<LoggedMail>, StoreError> {
        let mut connection = self.connect(day, false).await?;
        let query = bound!(AssertSqlSafe(question.sql("entry", "id DESC")), question.binds());
        let rows = query.fetch_all(&mut connection).await?;
        connection.close().await?;
        Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
    }

    /// Opens a day to read what was asked for, also one that was begun without its tables.
    pub(super) async fn connect_asked(&self, day: Day) -> Result<SqliteConnection, StoreError> {
        let mut connection = self.connect(day, false).await?;
        sqlx::raw_sql(AssertSqlSafe(asked::script())).execute(&mut connection).await?;
        Ok(connection)
    }

    /// Makes a day that is over quick to search.
    pub(super) async fn finish(&self, day: Day) -> Result<(), StoreError> {
        let mut connection = self.connect(day, false).await?;
        for sql in indexes("entry", "id") {
            sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await?;
        }
        Ok(connection.close().await?)
    }

    pub(super) fn drop_day(&self, day: Day) -> Result<(), StoreError> {
        let path = self.path(day);
        for end in ["-wal", "-shm"] {
            let mut companion = path.clone().into_os_string();
            companion.push(end);
            // Gone already, as a rule: the last connection took them along.
            drop(fs::remove_file(companion));
        }
        fs::remove_file(&path)
            .map_err(|error| StoreError::Io { what: format!("cannot remove {}", path.display()), error })
    }
}

/// Writes into one day at a time.
#[derive(Debug)]
pub(super) struct SqliteLogWriter {
    files: Files,
    open: Option<(Day, SqliteConnection)>,
}

impl SqliteLogWriter {
    pub(super) fn new(files: Files) -> Self {
        Self { files, open: None }
    }

    pub(super) async fn write(&mut self, day: Day, mut entries: Vec<MailEntryColumns>) -> Result<(), StoreError> {
        let mut connection = self.take(day).await?;
        while !entries.is_empty() {
            let later = entries.split_off(entries.len().min(ROWS_MAX));
            insert(entries).execute(&mut connection).await?;
            entries = later;
        }
        self.open = Some((day, connection));
        Ok(())
    }

    pub(super) async fn write_asked(&mut self, day: Day, asked: AskedDay) -> Result<(), StoreError> {
        let mut connection = self.take(day).await?;
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::raw_sql(AssertSqlSafe(asked::script())).execute(&mut *transaction).await?;
        AskedTables::of_file().write(&mut DayConnection::Sqlite(&mut transaction), asked).await?;
        transaction.commit().await?;
        self.open = Some((day, connection));
        Ok(())
    }

    /// The connection to a day; whoever fails does not give it back.
    async fn take(&mut self, day: Day) -> Result<SqliteConnection, StoreError> {
        match self.open.take() {
            Some((open, connection)) if open == day => Ok(connection),
            other => {
                if let Some((_, connection)) = other {
                    connection.close().await?;
                }
                self.files.connect(day, true).await
            }
        }
    }

    pub(super) async fn close(self) {
        if let Some((_, connection)) = self.open {
            // Nothing is lost: the next one to open the file reads the log beside it.
            drop(connection.close().await);
        }
    }
}

fn insert(entries: Vec<MailEntryColumns>) -> sqlx::query::Query<'static, Sqlite, SqliteArguments> {
    let mut sql = format!("INSERT INTO entry ({COLUMNS}) VALUES ");
    for at in 0..entries.len() {
        sql.push_str(if at == 0 { "(?,?,?,?,?,?,?,?,?,?,?,?)" } else { ",(?,?,?,?,?,?,?,?,?,?,?,?)" });
    }
    entries.into_iter().fold(sqlx::query(AssertSqlSafe(sql)), |query, entry| {
        let query = query.bind(entry.time).bind(entry.action).bind(entry.queue_id).bind(entry.sender);
        let query = query.bind(entry.recipient).bind(entry.domain).bind(entry.client).bind(entry.reason);
        query.bind(entry.reply).bind(entry.message_id).bind(entry.size).bind(entry.times)
    })
}
