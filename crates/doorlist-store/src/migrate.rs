//! The shape of the tables, in numbered steps that are only ever added. Each part of the store (directory, spool, mail
//! log) has its own row of numbers, since on SQLite each has its own file. Must not know what the tables mean.

use crate::db::{Db, Engine, Read, binds};
use crate::error::StoreError;
use sqlx::{AssertSqlSafe, Postgres, Transaction};

/// One step, written for PostgreSQL with a few words that SQLite spells otherwise (see [`for_engine`]).
pub(crate) struct Migration {
    pub(crate) format: i64,
    pub(crate) sql: &'static str,
}

/// PostgreSQL's name of the lock under which one node at a time changes the shape of tables.
const MIGRATION_LOCK: i64 = 0x646f_6f72_6c69_7374;

/// Brings a part's tables to the newest shape; refuses a store that a newer Doorlist has written.
pub(crate) async fn migrate(db: &Db, part: &str, migrations: &[Migration]) -> Result<(), StoreError> {
    // Done at every start, of which nobody asked for a change.
    bring_up(db, part, migrations).await.map_err(StoreError::without_change)
}

async fn bring_up(db: &Db, part: &str, migrations: &[Migration]) -> Result<(), StoreError> {
    let mut tx = db.begin().await?;
    if tx.engine() == Engine::Postgres {
        tx.execute("SELECT pg_advisory_xact_lock($1)", &binds![MIGRATION_LOCK]).await?;
    }
    let formats = "CREATE TABLE IF NOT EXISTS doorlist_format (part TEXT PRIMARY KEY, format BIGINT NOT NULL)";
    tx.execute_script(formats.to_owned()).await?;
    let found = tx.value("SELECT format FROM doorlist_format WHERE part = $1", &binds![part]).await?.unwrap_or(0);
    let known = migrations.last().map_or(0, |newest| newest.format);
    if found > known {
        return Err(StoreError::TooNew { found, known });
    }
    for migration in migrations.iter().filter(|migration| migration.format > found) {
        let script = for_engine(tx.engine(), migration.sql);
        tx.execute_script(script).await?;
    }
    let note = "INSERT INTO doorlist_format (part, format) VALUES ($1, $2) \
                ON CONFLICT (part) DO UPDATE SET format = excluded.format";
    tx.execute(note, &binds![part, known]).await?;
    tx.commit().await
}

/// Brings the tables of a part on PostgreSQL to the newest of its formats, each a script that makes it of the one before:
/// `formats` is the table with its number. Two nodes with this `lock` do not do it at once.
pub(crate) async fn make_postgres_tables(
    mut tx: Transaction<'_, Postgres>,
    lock: i64,
    formats: &str,
    schemas: &[&'static str],
) -> Result<(), StoreError> {
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(lock).execute(&mut *tx).await?;
    let there: bool =
        sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL").bind(formats).fetch_one(&mut *tx).await?;
    let found = match there {
        true => {
            let version = AssertSqlSafe(format!("SELECT version FROM {formats}"));
            sqlx::query_scalar::<_, i32>(version).fetch_one(&mut *tx).await?
        }
        false => 0,
    };
    let known = schemas.len() as i64;
    if i64::from(found) > known {
        return Err(StoreError::TooNew { found: found.into(), known });
    }
    for schema in schemas.iter().skip(usize::try_from(found).unwrap_or_default()) {
        sqlx::raw_sql(*schema).execute(&mut *tx).await?;
    }
    Ok(tx.commit().await?)
}

/// A row id of SQLite is an `INTEGER PRIMARY KEY`; texts compare by bytes there without being told.
pub(crate) fn for_engine(engine: Engine, sql: &str) -> String {
    match engine {
        Engine::Postgres => sql.replace(" WITHOUT ROWID", ""),
        Engine::Sqlite => sql
            .replace("BIGINT PRIMARY KEY", "INTEGER PRIMARY KEY")
            .replace("BYTEA", "BLOB")
            .replace(" COLLATE \"C\"", ""),
    }
}
