//! A large body as rows of chunks in PostgreSQL. Their commits do not wait for the disk: the message's own commit does,
//! and the log of the database is written in order.

use super::super::error::SpoolError;
use crate::db::{cause, waited_for};
use doorlist_core::queue_id::QueueId;
use sqlx::PgPool;

async fn away(pool: &PgPool, error: sqlx::Error) -> SpoolError {
    SpoolError::Away(cause(&waited_for(pool, error).await))
}

pub(super) async fn write(pool: &PgPool, name: QueueId, number: i32, bytes: &[u8]) -> Result<(), SpoolError> {
    let insert = sqlx::query("INSERT INTO spool_chunk (body, number, bytes) VALUES ($1, $2, $3)");
    match insert.bind(name.as_u64().cast_signed()).bind(number).bind(bytes).execute(pool).await {
        Ok(_) => Ok(()),
        Err(error) => Err(away(pool, error).await),
    }
}

/// Empty behind the last.
pub(super) async fn read(pool: &PgPool, name: QueueId, number: i32) -> Result<Vec<u8>, SpoolError> {
    let select = sqlx::query_scalar("SELECT bytes FROM spool_chunk WHERE body = $1 AND number = $2");
    match select.bind(name.as_u64().cast_signed()).bind(number).fetch_optional(pool).await {
        Ok(bytes) => Ok(bytes.unwrap_or_default()),
        Err(error) => Err(away(pool, error).await),
    }
}

pub(super) async fn remove(pool: &PgPool, names: &[QueueId]) {
    let names: Vec<i64> = names.iter().map(|name| name.as_u64().cast_signed()).collect();
    // Gone already, or the database is away: the next start sweeps what has no row.
    drop(sqlx::query("DELETE FROM spool_chunk WHERE body = ANY($1)").bind(names).execute(pool).await);
}
