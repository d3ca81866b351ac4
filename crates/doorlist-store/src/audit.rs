//! Who did what over HTTP: entries in a chain, each sealed with the hash of the one before it on its node, so that one
//! that is changed or taken out is noticed. Must not know what an entry says, nor how hashes are made.

use crate::db::{Bind, Db, Read};
use crate::directory::{Directory, to_json};
use crate::error::StoreError;
use doorlist_core::time::Timestamp;
use serde_json::json;

/// Entries that one read gives at most.
pub const AUDIT_PAGE_MAX: u32 = 10_000;

/// The audit, in the store of the list. A clone is another handle on the same.
#[derive(Clone)]
pub struct Audit {
    db: Db,
}

/// A link of the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its number on its node, from 1.
    pub number: u64,
    /// When.
    pub time: Timestamp,
    /// What: one line of text.
    pub entry: String,
    /// Its seal.
    pub hash: String,
}

impl Audit {
    /// The audit beside this list.
    pub fn of(directory: &Directory) -> Self {
        Self { db: directory.db().clone() }
    }

    /// The last link of a node's chain.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn last(&self, node: u16) -> Result<Option<AuditEntry>, StoreError> {
        Ok(self.before(node, None, 1).await?.pop())
    }

    /// Links of a node's chain before a number, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn before(&self, node: u16, before: Option<u64>, limit: u32) -> Result<Vec<AuditEntry>, StoreError> {
        const SQL: &str = "
            SELECT number, time, entry, hash FROM audit WHERE node = $1 AND number < $2 ORDER BY number DESC LIMIT $3";
        let before = before.and_then(|number| i64::try_from(number).ok()).unwrap_or(i64::MAX);
        let binds = [Bind::Int(node.into()), Bind::Int(before), Bind::Int(limit.min(AUDIT_PAGE_MAX).into())];
        let rows = (&self.db).rows(SQL, &binds).await?;
        let entry = |row: &crate::db::Row| {
            Ok(AuditEntry {
                number: row.int(0)?.cast_unsigned(),
                time: Timestamp::from_millis(row.int(1)?),
                entry: row.text(2)?.to_owned(),
                hash: row.text(3)?.to_owned(),
            })
        };
        rows.iter().map(entry).collect()
    }

    /// Adds links to a node's chain, all or none.
    ///
    /// # Errors
    /// When the store fails, or one of the numbers is taken.
    pub async fn append(&self, node: u16, entries: &[AuditEntry]) -> Result<(), StoreError> {
        const SQL: &str = "
            INSERT INTO audit (node, number, time, entry, hash)
            SELECT CAST(value ->> 0 AS BIGINT), CAST(value ->> 1 AS BIGINT), CAST(value ->> 2 AS BIGINT),
                   CAST(value ->> 3 AS TEXT), CAST(value ->> 4 AS TEXT)
            FROM json_each($1)";
        let row = |it: &AuditEntry| json!([node, it.number, it.time.as_millis(), it.entry, it.hash]);
        let rows: Vec<_> = entries.iter().map(row).collect();
        let mut tx = self.db.begin().await?;
        tx.execute(SQL, &[Bind::Text(&to_json(&rows)?)]).await?;
        tx.commit().await
    }
}
