//! A database of either engine: opening it, and running one statement text on both. Nothing outside this crate sees a
//! pool; no module of it needs to know which engine it talks to, unless a statement must differ.
//!
//! Statements are written for SQLite, with `$1` placeholders; [`Engine::text`] has the few words that PostgreSQL spells
//! otherwise. Bulk work goes as one JSON array of rows through `json_each($1)`, never row by row; new rows that may be
//! millions are bound ([`NewRows`]).

use crate::error::StoreError;
use crate::tenants::QueryValue;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, PgPool, Postgres, SqlSafeStr, SqlStr, Sqlite, SqlitePool, Transaction};

/// Typed pools of one engine. On SQLite the writer has one connection, so that writers queue here and not in the file.
#[derive(Clone, Debug)]
pub(crate) enum Db {
    /// An embedded file in WAL mode with `synchronous=FULL`.
    Sqlite {
        writer: SqlitePool,
        readers: SqlitePool,
        /// One connection that proves that the file takes writes.
        checker: SqlitePool,
        /// Whether a transaction has the file.
        writing: Writing,
    },
    /// A server, shared by the nodes of a cluster.
    Postgres(PgPool),
}

/// Which words a statement needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    /// The words of a statement that differ: SQLite's, PostgreSQL's.
    const WORDS: [(&str, &str, &str); 3] = [
        ("JSON_ROWS(", "json_group_array(json_array(", "json_agg(json_build_array("),
        ("json_each($1)", "json_each($1)", "json_array_elements($1::json)"),
        (" FOR UPDATE", "", " FOR UPDATE"),
    ];

    /// The statement in this engine's words.
    fn text(self, sql: &'static str) -> SqlStr {
        let text = self.words(sql);
        if text == sql { sql.into_sql_str() } else { AssertSqlSafe(text).into_sql_str() }
    }

    fn built(self, sql: &Built) -> SqlStr {
        AssertSqlSafe(self.words(&sql.text)).into_sql_str()
    }

    /// The words of the statement in this engine.
    pub(crate) fn words(self, sql: &str) -> String {
        let mut text = sql.to_owned();
        for (word, sqlite, postgres) in Self::WORDS {
            let here = if self == Engine::Sqlite { sqlite } else { postgres };
            if word != here && sql.contains(word) {
                text = text.replace(word, here);
            }
        }
        text
    }
}

/// A statement that is put together: of pieces that stand in the code, of numbers and of placeholders. A text from
/// outside cannot become part of it, only be bound to it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Built {
    text: String,
    binds: Vec<QueryValue>,
}

impl Built {
    pub(crate) fn push(&mut self, sql: &'static str) -> &mut Self {
        self.text.push_str(sql);
        self
    }

    /// A number, written out.
    pub(crate) fn number(&mut self, number: i64) -> &mut Self {
        self.text.push_str(&number.to_string());
        self
    }

    /// Numbers with commas between them.
    pub(crate) fn numbers(&mut self, numbers: impl IntoIterator<Item = i64>) -> &mut Self {
        let texts: Vec<String> = numbers.into_iter().map(|number| number.to_string()).collect();
        self.text.push_str(&texts.join(", "));
        self
    }

    pub(crate) fn bind(&mut self, value: QueryValue) -> &mut Self {
        self.binds.push(value);
        self.text.push('$');
        self.text.push_str(&self.binds.len().to_string());
        self
    }

    fn binds(&self) -> Vec<Bind<'_>> {
        self.binds.iter().map(Bind::from).collect()
    }
}

/// A row that was read.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Row {
    /// What is read from the column at this place, or from there on.
    pub(crate) fn get<'r, T: FromColumns<'r>>(&'r self, at: usize) -> Result<T, StoreError> {
        Columns { row: self, next: at }.take()
    }

    pub(crate) fn int(&self, at: usize) -> Result<i64, StoreError> {
        self.get(at)
    }

    pub(crate) fn int_or_null(&self, at: usize) -> Result<Option<i64>, StoreError> {
        self.get(at)
    }

    pub(crate) fn text(&self, at: usize) -> Result<&str, StoreError> {
        self.get(at)
    }

    pub(crate) fn text_or_null(&self, at: usize) -> Result<Option<&str>, StoreError> {
        self.get(at)
    }
}

macro_rules! bound {
    ($text:expr, $binds:expr) => {{
        let mut query: sqlx::query::Query<'_, _, _> = sqlx::query($text);
        for bind in $binds {
            query = match bind {
                $crate::db::Bind::Int(value) => query.bind(value),
                $crate::db::Bind::IntOrNull(value) => query.bind(value),
                $crate::db::Bind::Text(value) => query.bind(value),
                $crate::db::Bind::TextOrNull(value) => query.bind(value),
                $crate::db::Bind::Flag(value) => query.bind(value),
                $crate::db::Bind::FlagOrNull(value) => query.bind(value),
            };
        }
        query
    }};
}

mod bulk;
mod cause;
mod open;
mod values;
mod write_check;
pub(crate) use bound;
pub(crate) use bulk::{Cell, NewRows};
pub(crate) use cause::{cause, connect, no_answer, waited_for};
pub(crate) use values::{Bind, Columns, FromColumns, SOFT_WHILE_EMPTY, binds, column_as, columns_of, variant, word};
pub(crate) use write_check::padding as write_check_padding;
use write_check::{AtWork, Writing};

/// Whatever can be read from: the pools, or a transaction that sees its own writes.
pub(crate) trait Read {
    fn rows(
        &mut self,
        sql: &'static str,
        binds: &[Bind<'_>],
    ) -> impl Future<Output = Result<Vec<Row>, StoreError>> + Send;

    /// The one row of a statement, or none.
    fn row(
        &mut self,
        sql: &'static str,
        binds: &[Bind<'_>],
    ) -> impl Future<Output = Result<Option<Row>, StoreError>> + Send
    where
        Self: Send,
    {
        async move { Ok(self.rows(sql, binds).await?.into_iter().next()) }
    }

    /// That row as what is wanted: its first column, or all of them.
    fn value<T: for<'r> FromColumns<'r>>(
        &mut self,
        sql: &'static str,
        binds: &[Bind<'_>],
    ) -> impl Future<Output = Result<Option<T>, StoreError>> + Send
    where
        Self: Send,
    {
        async move { self.row(sql, binds).await?.map(|row| row.get(0)).transpose() }
    }

    /// All rows of a statement, each as what is wanted.
    fn list<T: for<'r> FromColumns<'r>>(
        &mut self,
        sql: &'static str,
        binds: &[Bind<'_>],
    ) -> impl Future<Output = Result<Vec<T>, StoreError>> + Send
    where
        Self: Send,
    {
        async move { self.rows(sql, binds).await?.iter().map(|row| row.get(0)).collect() }
    }
}

impl Db {
    fn engine(&self) -> Engine {
        match self {
            Db::Sqlite { .. } => Engine::Sqlite,
            Db::Postgres(_) => Engine::Postgres,
        }
    }

    /// All rows of a statement that was put together.
    pub(crate) async fn built(&self, sql: &Built) -> Result<Vec<Row>, StoreError> {
        self.fetch(self.engine().built(sql), &sql.binds()).await
    }

    async fn fetch(&self, text: SqlStr, binds: &[Bind<'_>]) -> Result<Vec<Row>, StoreError> {
        match self {
            Db::Sqlite { readers, .. } => {
                Ok(bound!(text, binds).fetch_all(readers).await?.into_iter().map(Row::Sqlite).collect())
            }
            Db::Postgres(pool) => {
                let rows = bound!(text, binds).fetch_all(pool).await;
                match rows {
                    Ok(rows) => Ok(rows.into_iter().map(Row::Postgres).collect()),
                    Err(error) => Err(waited_for(pool, error).await.into()),
                }
            }
        }
    }

    /// Runs one statement that writes, in a transaction of its own; answers with the rows that it touched.
    pub(crate) async fn execute(&self, sql: &'static str, binds: &[Bind<'_>]) -> Result<u64, StoreError> {
        let mut tx = self.begin().await?;
        let touched = tx.execute(sql, binds).await?;
        tx.commit().await?;
        Ok(touched)
    }
}

impl Read for &Db {
    async fn rows(&mut self, sql: &'static str, binds: &[Bind<'_>]) -> Result<Vec<Row>, StoreError> {
        self.fetch(self.engine().text(sql), binds).await
    }
}

impl Db {
    /// Begins to write who may send what, or who is told. The row that counts such changes is locked first, as by a
    /// change of the list: whoever took it last would wait for others that wait for it.
    pub(crate) async fn begin_policy(&self) -> Result<Tx, StoreError> {
        let mut tx = self.begin().await?;
        tx.policy_changed().await?;
        Ok(tx)
    }

    /// Begins to write. On SQLite nobody else writes from here on; on PostgreSQL rows are locked as they are read.
    pub(crate) async fn begin(&self) -> Result<Tx, StoreError> {
        match self {
            Db::Sqlite { writer, writing, .. } => {
                let tx = writer.begin_with("BEGIN IMMEDIATE").await.map_err(StoreError::not_kept)?;
                Ok(Tx::Sqlite(tx, writing.begin()))
            }
            Db::Postgres(pool) => match pool.begin().await {
                Ok(tx) => Ok(Tx::Postgres(tx)),
                Err(error) => Err(StoreError::not_kept(waited_for(pool, error).await)),
            },
        }
    }
}

/// Everything between BEGIN and COMMIT. Dropped, it is rolled back.
pub(crate) enum Tx {
    /// With what says that the file is taken.
    Sqlite(Transaction<'static, Sqlite>, AtWork),
    Postgres(Transaction<'static, Postgres>),
}

impl Tx {
    pub(crate) fn engine(&self) -> Engine {
        match self {
            Tx::Sqlite(..) => Engine::Sqlite,
            Tx::Postgres(_) => Engine::Postgres,
        }
    }

    /// Runs a statement; answers with the rows that it touched.
    pub(crate) async fn execute(&mut self, sql: &'static str, binds: &[Bind<'_>]) -> Result<u64, StoreError> {
        let text = self.engine().text(sql);
        match self {
            Tx::Sqlite(tx, _) => bound!(text, binds).execute(&mut **tx).await.map(|done| done.rows_affected()),
            Tx::Postgres(tx) => bound!(text, binds).execute(&mut **tx).await.map(|done| done.rows_affected()),
        }
        .map_err(StoreError::not_kept)
    }

    /// Notes that who may send what has changed, or who is told: every node reads that anew.
    pub(crate) async fn policy_changed(&mut self) -> Result<(), StoreError> {
        self.execute("UPDATE list_state SET policy = policy + 1 WHERE id = 1", &[]).await?;
        if self.engine() == Engine::Postgres {
            self.execute("SELECT pg_notify('doorlist_list', '')", &[]).await?;
        }
        Ok(())
    }

    /// Runs several statements without placeholders: a migration.
    pub(crate) async fn execute_script(&mut self, script: String) -> Result<(), StoreError> {
        match self {
            Tx::Sqlite(tx, _) => sqlx::raw_sql(AssertSqlSafe(script)).execute(&mut **tx).await.map(|_| ()),
            Tx::Postgres(tx) => sqlx::raw_sql(AssertSqlSafe(script)).execute(&mut **tx).await.map(|_| ()),
        }
        .map_err(StoreError::not_kept)
    }

    /// Undoes it, at once and not only when the connection is used again.
    pub(crate) async fn rollback(self) -> Result<(), StoreError> {
        match self {
            Tx::Sqlite(tx, _) => Ok(tx.rollback().await?),
            Tx::Postgres(tx) => Ok(tx.rollback().await?),
        }
    }

    /// Makes it last. A connection that is lost here leaves the outcome open, and the error says so.
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        let committed = match self {
            Tx::Sqlite(tx, at_work) => {
                let committed = tx.commit().await;
                drop(at_work);
                committed
            }
            Tx::Postgres(tx) => tx.commit().await,
        };
        committed.map_err(|error| match error {
            sqlx::Error::Io(_) | sqlx::Error::WorkerCrashed => StoreError::Unknown(Box::new(error)),
            other => StoreError::not_kept(other),
        })
    }
}

impl Read for Tx {
    async fn rows(&mut self, sql: &'static str, binds: &[Bind<'_>]) -> Result<Vec<Row>, StoreError> {
        let text = self.engine().text(sql);
        match self {
            Tx::Sqlite(tx, _) => {
                let rows = bound!(text, binds).fetch_all(&mut **tx).await;
                rows.map(|rows| rows.into_iter().map(Row::Sqlite).collect())
            }
            Tx::Postgres(tx) => {
                let rows = bound!(text, binds).fetch_all(&mut **tx).await;
                rows.map(|rows| rows.into_iter().map(Row::Postgres).collect())
            }
        }
        .map_err(StoreError::not_kept)
    }
}
