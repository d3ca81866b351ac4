//! The version of the list that the store has.

use crate::db::{Db, Read};
use crate::error::StoreError;

/// The store's version of the list.
pub(crate) async fn version(mut db: &Db) -> Result<u64, StoreError> {
    let version = db.value("SELECT version FROM list_state WHERE id = 1", &[]).await?;
    version.ok_or_else(|| StoreError::corrupt("list_state", "its row is gone".to_owned()))
}
