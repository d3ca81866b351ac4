//! When the servers of a domain are asked next whether they take `user+tag`.

use super::LearningBook;
use crate::db::{Read, binds};
use crate::error::StoreError;
use doorlist_core::domain::DomainId;
use doorlist_core::time::Timestamp;

/// When a domain's servers are asked next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextPlusControl {
    /// Those that were asked last.
    pub servers: String,
    pub at: Timestamp,
}

impl LearningBook {
    /// Of each domain whose servers were asked.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn plus_controls(&self) -> Result<Vec<(DomainId, NextPlusControl)>, StoreError> {
        let rows = (&self.db).rows("SELECT domain_id, servers, next_at FROM plus_control", &[]).await?;
        let next = |row: &crate::db::Row| {
            let at = Timestamp::from_millis(row.int(2)?);
            Ok((row.get(0)?, NextPlusControl { servers: row.text(1)?.to_owned(), at }))
        };
        rows.iter().map(next).collect()
    }

    /// Keeps when a domain's servers are asked next.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn keep_plus_control(&self, domain: DomainId, next: &NextPlusControl) -> Result<(), StoreError> {
        const SQL: &str = "
            INSERT INTO plus_control (domain_id, servers, next_at)
            SELECT id, $2, $3 FROM domain WHERE id = $1
            ON CONFLICT (domain_id) DO UPDATE SET servers = excluded.servers, next_at = excluded.next_at";
        self.db.execute(SQL, &binds![domain, &next.servers, next.at]).await.map(drop)
    }
}
