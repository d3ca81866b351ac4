//! Rows that travel as one JSON text: bulk statements read them with `json_each($1)`, and large answers come packed. Must
//! not know what a row means.

use crate::db::{Row, Tx, binds};
use crate::error::StoreError;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The rows of a bulk statement as text.
pub(crate) fn to_json<T: Serialize + ?Sized>(rows: &T) -> Result<String, StoreError> {
    serde_json::to_string(rows).map_err(|e| StoreError::corrupt("address", e.to_string()))
}

/// The same of rows with one column each: numbers or names.
pub(crate) fn keys<T: Serialize>(keys: impl IntoIterator<Item = T>) -> Result<String, StoreError> {
    to_json(&keys.into_iter().map(|key| [key]).collect::<Vec<_>>())
}

/// Runs a bulk statement with these rows, unless there are none.
pub(crate) async fn write_rows(tx: &mut Tx, sql: &'static str, rows: &[Value]) -> Result<(), StoreError> {
    if !rows.is_empty() {
        tx.execute(sql, &binds![&to_json(rows)?]).await?;
    }
    Ok(())
}

/// The rows of a packed text; PostgreSQL has none for no rows.
pub(crate) fn unpack<'a, T: Deserialize<'a>>(row: &'a Row, table: &'static str) -> Result<Vec<T>, StoreError> {
    match row.text_or_null(0)? {
        Some(text) => from_json(text, table),
        None => Ok(Vec::new()),
    }
}

/// What a text of a table says.
pub(crate) fn from_json<'a, T: Deserialize<'a>>(text: &'a str, table: &'static str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|e| StoreError::corrupt(table, e.to_string()))
}
