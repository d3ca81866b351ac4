//! A database of the list that is lost or damaged stops the start. It is never replaced by an empty one: with an empty
//! list every sender would be refused. Must not know what is in it.

use crate::error::StoreError;
use std::path::Path;

/// Made by the first start after the database was: where it is, there was a list.
const LATER_THAN_THE_LIST: &str = "spool";

/// Fails when the state folder was used before and its database is missing or empty.
pub(super) fn refuse_if_lost(folder: &Path, file: &Path) -> Result<(), StoreError> {
    let is_empty = file.metadata().map_or(true, |meta| meta.len() == 0);
    if is_empty && folder.join(LATER_THAN_THE_LIST).is_dir() {
        return Err(StoreError::Lost { file: file.to_owned() });
    }
    Ok(())
}

/// Says what SQLite's word for damage means, and what to do.
pub(super) fn explain(error: StoreError, file: &Path) -> StoreError {
    const CORRUPT: i64 = 11;
    const NOT_A_DATABASE: i64 = 26;
    let (StoreError::Engine(source) | StoreError::NotKept(source)) = &error else { return error };
    let code = source.downcast_ref::<sqlx::Error>().and_then(|error| error.as_database_error()?.code());
    // Extended codes keep the plain one in their low byte.
    match code.and_then(|code| code.parse::<i64>().ok()).map(|code| code & 0xff) {
        Some(CORRUPT | NOT_A_DATABASE) => StoreError::Damaged { file: file.to_owned(), why: source.to_string() },
        _ => error,
    }
}
