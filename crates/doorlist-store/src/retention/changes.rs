//! The end of changes: whole ones when their term is over, and the rows of the oldest when there are too many rows. Must not
//! know what a row says.
//!
//! Rows that are too many go in this order: first those of changes that cannot be undone any more, then those of the
//! customer that has most while that is more than its share, then the oldest of all. So nobody's flood of changes takes
//! another customer's undo away while it can be avoided.

use super::{Retention, RetentionLimits, STEP, before};
use crate::db::{Bind, Read, binds, columns_of};
use crate::error::StoreError;
use crate::json_rows::keys;
use crate::recipients::UNDO_MAX;
use doorlist_core::time::Timestamp;
use std::time::Duration;

/// Changes that are looked at, or removed, together.
pub(super) const CHANGES: i64 = 100;
/// A change with more rows than this goes in transactions of its own.
const ROWS_OF_SMALL: u64 = 10;
/// A customer that has more than this part of all rows that may be gives way first.
pub(super) const SHARE: u64 = 10;

/// Other nodes follow the list by the rows of its changes; by then they have.
pub(super) const FOLLOWED: Duration = Duration::from_hours(1);

/// A change that goes, or whose rows do.
pub(super) struct Old {
    id: i64,
    /// Under which its rows stand.
    batch: i64,
    rows: u64,
}

columns_of! { Old { id, batch, rows } }

impl Retention {
    /// Removes changes beyond their term; how many went.
    pub(super) async fn trim_changes(&self, terms: &RetentionLimits, now: Timestamp) -> Result<u64, StoreError> {
        const OLD: &str = "
            SELECT id, COALESCE(batch, id), added + changed + removed + domains FROM change WHERE time < $1 ORDER BY time, id LIMIT $2";
        let bound = before(now, terms.changes);
        let mut gone = 0;
        loop {
            let old: Vec<Old> = (&self.db).list(OLD, &binds![bound, CHANGES]).await?;
            if old.is_empty() {
                return Ok(gone);
            }
            self.remove_changes(&old).await?;
            gone += old.len() as u64;
        }
    }

    /// Removes rows of changes while there are more than may be; how many went.
    pub(super) async fn trim_change_rows(&self, terms: &RetentionLimits, now: Timestamp) -> Result<u64, StoreError> {
        const ALL: &str = "
            SELECT CAST(COALESCE(SUM(added + changed + removed + domains), 0) AS BIGINT) FROM change WHERE NOT rows_gone";
        let mut rows: u64 = (&self.db).value(ALL, &[]).await?.unwrap_or(0);
        let mut gone = 0;
        while rows > terms.change_rows_max {
            let victims = self.victims(terms, now).await?;
            if victims.is_empty() {
                break;
            }
            for victim in victims {
                // Said first: whoever needs the rows must not take what is left of them for all.
                self.db.execute("UPDATE change SET rows_gone = TRUE WHERE id = $1", &binds![victim.id]).await?;
                gone += self.remove_rows(victim.batch).await?;
                rows = rows.saturating_sub(victim.rows);
                if rows <= terms.change_rows_max {
                    break;
                }
            }
        }
        Ok(gone)
    }

    /// Whose rows go next, the first of them first.
    async fn victims(&self, terms: &RetentionLimits, now: Timestamp) -> Result<Vec<Old>, StoreError> {
        const BEYOND_UNDO: &str = "
            SELECT id, COALESCE(batch, id), added + changed + removed + domains FROM change
            WHERE NOT rows_gone AND time < $1 ORDER BY time, id LIMIT $2";
        const LARGEST: &str = "
            SELECT d.customer_id, CAST(SUM(c.added + c.changed + c.removed + c.domains) AS BIGINT) AS rows_of
            FROM change AS c JOIN change_domain AS t ON t.change_id = c.id JOIN domain AS d ON d.id = t.domain_id
            WHERE NOT c.rows_gone GROUP BY d.customer_id ORDER BY rows_of DESC, d.customer_id LIMIT 1";
        const OF_CUSTOMER: &str = "
            SELECT c.id, COALESCE(c.batch, c.id), c.added + c.changed + c.removed + c.domains FROM change AS c
            WHERE NOT c.rows_gone AND c.time < $3 AND EXISTS (SELECT 1 FROM change_domain AS t JOIN domain AS d ON d.id = t.domain_id
                WHERE t.change_id = c.id AND d.customer_id = $1)
            ORDER BY c.id LIMIT $2";
        const OF_ALL: &str = "
            SELECT id, COALESCE(batch, id), added + changed + removed + domains FROM change
            WHERE NOT rows_gone AND time < $1 ORDER BY id LIMIT $2";
        let mut db = &self.db;
        let (beyond_undo, settled) = (Bind::from(now - UNDO_MAX), Bind::from(now - FOLLOWED));
        let number = Bind::from(CHANGES);
        let mut found: Vec<Old> = db.list(BEYOND_UNDO, &[beyond_undo, number]).await?;
        if found.is_empty()
            && let Some((customer, rows)) = db.value::<(i64, u64)>(LARGEST, &[]).await?
            && rows > terms.change_rows_max / SHARE
        {
            found = db.list(OF_CUSTOMER, &binds![customer, number, settled]).await?;
        }
        if found.is_empty() {
            found = db.list(OF_ALL, &[settled, number]).await?;
        }
        Ok(found)
    }

    /// Removes changes with their rows, at most [`CHANGES`] of them. Whoever knows the list only up to one of them reads it anew.
    pub(super) async fn remove_changes(&self, old: &[Old]) -> Result<(), StoreError> {
        const ROWS: &str = "
            DELETE FROM change_row WHERE batch IN (SELECT CAST(value ->> 0 AS BIGINT) FROM json_each($1))";
        const DOMAINS: &str = "
            DELETE FROM change_domain WHERE change_id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM json_each($1))";
        const CHANGES: &str = "DELETE FROM change WHERE id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM json_each($1))";
        const SAID: &str = "UPDATE list_state SET changes_gone = $1 WHERE id = 1 AND changes_gone < $1";
        for large in old.iter().filter(|old| old.rows > ROWS_OF_SMALL) {
            self.remove_rows(large.batch).await?;
        }
        let last = old.iter().map(|old| old.id).max().unwrap_or(0);
        let batches = keys(old.iter().map(|old| old.batch))?;
        let ids = keys(old.iter().map(|old| old.id))?;
        let mut tx = self.db.begin().await?;
        tx.execute(SAID, &binds![last]).await?;
        tx.execute(ROWS, &binds![&batches]).await?;
        tx.execute(DOMAINS, &binds![&ids]).await?;
        tx.execute(CHANGES, &binds![&ids]).await?;
        tx.commit().await
    }

    async fn remove_rows(&self, batch: i64) -> Result<u64, StoreError> {
        const SQL: &str = "
            DELETE FROM change_row WHERE batch = $1 AND place IN
            (SELECT r.place FROM change_row AS r WHERE r.batch = $1 ORDER BY r.place LIMIT $2)";
        let mut gone = 0;
        loop {
            let step = self.db.execute(SQL, &binds![batch, STEP]).await?;
            gone += step;
            if step == 0 {
                return Ok(gone);
            }
        }
    }
}
