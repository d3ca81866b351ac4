//! The end of changes: whole ones when their term is over, and the rows of the oldest when there are too many rows. Must not
//! know what a row says.
//!
//! Rows that are too many go in this order: first those of changes that cannot be undone any more, then those of the
//! customer that has most while that is more than its share, then the oldest of all. So nobody's flood of changes takes
//! another customer's undo away while it can be avoided.

use super::{Retention, RetentionLimits, STEP, before};
use crate::db::{Bind, Read, Row};
use crate::error::StoreError;
use crate::json_rows::to_json;
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

impl Old {
    pub(super) fn of(row: &Row) -> Result<Self, StoreError> {
        let batch = row.int_or_null(1)?.unwrap_or(row.int(0)?);
        Ok(Self { id: row.int(0)?, batch, rows: row.int(2)?.max(0).cast_unsigned() })
    }
}

impl Retention {
    /// Removes changes beyond their term; how many went.
    pub(super) async fn trim_changes(&self, terms: &RetentionLimits, now: Timestamp) -> Result<u64, StoreError> {
        const OLD: &str = "
            SELECT id, batch, added + changed + removed + domains FROM change WHERE time < $1 ORDER BY time, id LIMIT $2";
        let bound = before(now, terms.changes);
        let mut gone = 0;
        loop {
            let old = (&self.db).rows(OLD, &[Bind::Int(bound), Bind::Int(CHANGES)]).await?;
            if old.is_empty() {
                return Ok(gone);
            }
            let old = old.iter().map(Old::of).collect::<Result<Vec<_>, _>>()?;
            self.remove_changes(&old).await?;
            gone += old.len() as u64;
        }
    }

    /// Removes rows of changes while there are more than may be; how many went.
    pub(super) async fn trim_change_rows(&self, terms: &RetentionLimits, now: Timestamp) -> Result<u64, StoreError> {
        const ALL: &str = "
            SELECT CAST(COALESCE(SUM(added + changed + removed + domains), 0) AS BIGINT) FROM change WHERE NOT rows_gone";
        let mut rows = (&self.db).row(ALL, &[]).await?.map_or(Ok(0), |row| row.int(0))?.max(0).cast_unsigned();
        let mut gone = 0;
        while rows > terms.change_rows_max {
            let victims = self.victims(terms, now).await?;
            if victims.is_empty() {
                break;
            }
            for victim in victims {
                // Said first: whoever needs the rows must not take what is left of them for all.
                let mut tx = self.db.begin().await?;
                tx.execute("UPDATE change SET rows_gone = TRUE WHERE id = $1", &[Bind::Int(victim.id)]).await?;
                tx.commit().await?;
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
            SELECT id, batch, added + changed + removed + domains FROM change
            WHERE NOT rows_gone AND time < $1 ORDER BY time, id LIMIT $2";
        const LARGEST: &str = "
            SELECT d.customer_id, CAST(SUM(c.added + c.changed + c.removed + c.domains) AS BIGINT) AS rows_of
            FROM change AS c JOIN change_domain AS t ON t.change_id = c.id JOIN domain AS d ON d.id = t.domain_id
            WHERE NOT c.rows_gone GROUP BY d.customer_id ORDER BY rows_of DESC, d.customer_id LIMIT 1";
        const OF_CUSTOMER: &str = "
            SELECT c.id, c.batch, c.added + c.changed + c.removed + c.domains FROM change AS c
            WHERE NOT c.rows_gone AND c.time < $3 AND EXISTS (SELECT 1 FROM change_domain AS t JOIN domain AS d ON d.id = t.domain_id
                WHERE t.change_id = c.id AND d.customer_id = $1)
            ORDER BY c.id LIMIT $2";
        const OF_ALL: &str = "
            SELECT id, batch, added + changed + removed + domains FROM change
            WHERE NOT rows_gone AND time < $1 ORDER BY id LIMIT $2";
        let mut db = &self.db;
        let (beyond_undo, settled) = (Bind::Int(before(now, UNDO_MAX)), Bind::Int(before(now, FOLLOWED)));
        let number = Bind::Int(CHANGES);
        let mut found = db.rows(BEYOND_UNDO, &[beyond_undo, number]).await?;
        if found.is_empty()
            && let Some(largest) = db.row(LARGEST, &[]).await?
            && largest.int(1)?.max(0).cast_unsigned() > terms.change_rows_max / SHARE
        {
            found = db.rows(OF_CUSTOMER, &[Bind::Int(largest.int(0)?), number, settled]).await?;
        }
        if found.is_empty() {
            found = db.rows(OF_ALL, &[settled, number]).await?;
        }
        found.iter().map(Old::of).collect()
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
        let batches = to_json(&old.iter().map(|old| [old.batch]).collect::<Vec<_>>())?;
        let ids = to_json(&old.iter().map(|old| [old.id]).collect::<Vec<_>>())?;
        let mut tx = self.db.begin().await?;
        tx.execute(SAID, &[Bind::Int(last)]).await?;
        tx.execute(ROWS, &[Bind::Text(&batches)]).await?;
        tx.execute(DOMAINS, &[Bind::Text(&ids)]).await?;
        tx.execute(CHANGES, &[Bind::Text(&ids)]).await?;
        tx.commit().await
    }

    async fn remove_rows(&self, batch: i64) -> Result<u64, StoreError> {
        const SQL: &str = "
            DELETE FROM change_row WHERE batch = $1 AND place IN
            (SELECT r.place FROM change_row AS r WHERE r.batch = $1 ORDER BY r.place LIMIT $2)";
        let mut gone = 0;
        loop {
            let mut tx = self.db.begin().await?;
            let step = tx.execute(SQL, &[Bind::Int(batch), Bind::Int(STEP)]).await?;
            tx.commit().await?;
            gone += step;
            if step == 0 {
                return Ok(gone);
            }
        }
    }
}
