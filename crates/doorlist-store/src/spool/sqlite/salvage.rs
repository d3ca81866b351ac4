//! Saving what can be read of a damaged generation: its rows from the front up to the damage, and from the back down to
//! it, go into a new file.

use super::begin;
use super::generation::{self, Generation};
use crate::error::StoreError;
use futures_util::TryStreamExt;
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{Connection, Row as _, SqliteConnection};
use std::path::Path;
use std::sync::Arc;

/// Copies the readable rows of generation `number` into generation `next`; `None` if there are none.
pub(super) async fn salvage(folder: &Path, number: u32, next: u32) -> Result<Option<Generation>, StoreError> {
    let options = SqliteConnectOptions::new().filename(folder.join(generation::file_name(number))).read_only(true);
    let Ok(mut damaged) = SqliteConnection::connect_with(&options).await else { return Ok(None) };
    let fresh = begin(folder, next).await?;
    let mut writer = fresh.writer().await?;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut writer).await?;
    for order in ["", "DESC"] {
        copy_messages(&mut damaged, &mut writer, order).await?;
        copy_progress(&mut damaged, &mut writer, order).await?;
        copy_outcomes(&mut damaged, &mut writer, order).await?;
    }
    sqlx::query("COMMIT").execute(&mut writer).await?;
    let saved: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM message").fetch_one(&mut writer).await?;
    writer.close().await?;
    // It may be too damaged to be closed in good order.
    drop(damaged.close().await);
    let fresh = Arc::into_inner(fresh).filter(|_| saved > 0);
    Ok(fresh)
}

/// Rows up to the first that cannot be read.
async fn copy_messages(from: &mut SqliteConnection, to: &mut SqliteConnection, order: &str) -> Result<(), StoreError> {
    let sql = format!("SELECT id, record, seal, body FROM message ORDER BY id {order}");
    let mut rows = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch(from);
    while let Ok(Some(row)) = rows.try_next().await {
        let Ok((id, record, seal, body)) = message(&row) else { continue };
        sqlx::query("INSERT OR IGNORE INTO message (id, record, seal, body) VALUES ($1, CAST($2 AS TEXT), $3, $4)")
            .bind(id)
            .bind(record)
            .bind(seal)
            .bind(body)
            .execute(&mut *to)
            .await?;
    }
    Ok(())
}

async fn copy_outcomes(from: &mut SqliteConnection, to: &mut SqliteConnection, order: &str) -> Result<(), StoreError> {
    let sql = format!("SELECT id, recipient, state FROM outcome ORDER BY id {order}, recipient {order}");
    let mut rows = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch(from);
    while let Ok(Some(row)) = rows.try_next().await {
        let read = (row.try_get::<i64, _>(0), row.try_get::<i64, _>(1), row.try_get::<Vec<u8>, _>(2));
        let (Ok(id), Ok(recipient), Ok(state)) = read else { continue };
        sqlx::query("INSERT OR IGNORE INTO outcome (id, recipient, state) VALUES ($1, $2, CAST($3 AS TEXT))")
            .bind(id)
            .bind(recipient)
            .bind(state)
            .execute(&mut *to)
            .await?;
    }
    Ok(())
}

/// Id, record, seal and body.
type SalvagedRow = (i64, Vec<u8>, i64, Option<Vec<u8>>);

fn message(row: &SqliteRow) -> Result<SalvagedRow, sqlx::Error> {
    Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?))
}

async fn copy_progress(from: &mut SqliteConnection, to: &mut SqliteConnection, order: &str) -> Result<(), StoreError> {
    let sql = format!("SELECT id, revision, state FROM progress ORDER BY id {order}");
    let mut rows = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch(from);
    while let Ok(Some(row)) = rows.try_next().await {
        let read = (row.try_get::<i64, _>(0), row.try_get::<i64, _>(1), row.try_get::<Vec<u8>, _>(2));
        let (Ok(id), Ok(revision), Ok(state)) = read else { continue };
        sqlx::query("INSERT OR IGNORE INTO progress (id, revision, state) VALUES ($1, $2, CAST($3 AS TEXT))")
            .bind(id)
            .bind(revision)
            .bind(state)
            .execute(&mut *to)
            .await?;
    }
    Ok(())
}
