//! The end of changes that are too many, whole ones: first those that cannot be undone any more, of the customer that has
//! most of them; then those of the customer that has most, while that is more than its share; then the oldest of all. None
//! that is younger than an hour. Must not know what a change did.

use super::changes::{CHANGES, FOLLOWED, Old, SHARE};
use super::{Retention, RetentionLimits, before};
use crate::db::{Read, binds};
use crate::error::StoreError;
use crate::recipients::UNDO_MAX;
use doorlist_core::time::Timestamp;

/// Changes that go before it is looked again who has most: that reads all of them.
const BEFORE_NEXT_LOOK: u64 = 10_000;

impl Retention {
    /// Removes changes while there are more than may be; how many went.
    pub(super) async fn trim_too_many_changes(
        &self,
        terms: &RetentionLimits,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let counted: Option<u64> = (&self.db).value("SELECT COUNT(*) FROM change", &[]).await?;
        let mut too_many = counted.unwrap_or(0).saturating_sub(terms.changes_max);
        let mut gone = 0;
        while too_many > 0 {
            let next = self.next_to_go(terms, now, too_many.min(BEFORE_NEXT_LOOK)).await?;
            if next.is_empty() {
                break;
            }
            for old in next.chunks(CHANGES as usize) {
                self.remove_changes(old).await?;
                gone += old.len() as u64;
            }
            too_many = too_many.saturating_sub(next.len() as u64);
        }
        Ok(gone)
    }

    async fn next_to_go(&self, terms: &RetentionLimits, now: Timestamp, number: u64) -> Result<Vec<Old>, StoreError> {
        const OF_ALL: &str = "
            SELECT id, COALESCE(batch, id), added + changed + removed + domains FROM change WHERE time < $1 ORDER BY id LIMIT $2";
        let (beyond_undo, settled) = (before(now, UNDO_MAX), before(now, FOLLOWED));
        if let Some((customer, _)) = self.who_has_most(beyond_undo).await? {
            return self.oldest_of(customer, beyond_undo, number).await;
        }
        if let Some((customer, has)) = self.who_has_most(settled).await?
            && has > terms.changes_max / SHARE
        {
            return self.oldest_of(customer, settled, number).await;
        }
        (&self.db).list(OF_ALL, &binds![settled, number]).await
    }

    /// The customer that has most changes from before this moment, and how many; 0: domains that are gone.
    async fn who_has_most(&self, before: i64) -> Result<Option<(i64, u64)>, StoreError> {
        const SQL: &str = "
            SELECT COALESCE(d.customer_id, 0), COUNT(*) AS has
            FROM change AS c JOIN change_domain AS t ON t.change_id = c.id LEFT JOIN domain AS d ON d.id = t.domain_id
            WHERE c.time < $1 GROUP BY COALESCE(d.customer_id, 0) ORDER BY has DESC, COALESCE(d.customer_id, 0) LIMIT 1";
        (&self.db).value(SQL, &binds![before]).await
    }

    async fn oldest_of(&self, customer: i64, before: i64, number: u64) -> Result<Vec<Old>, StoreError> {
        const SQL: &str = "
            SELECT c.id, COALESCE(c.batch, c.id), c.added + c.changed + c.removed + c.domains FROM change AS c
            WHERE c.time < $1 AND EXISTS (
                SELECT 1 FROM change_domain AS t LEFT JOIN domain AS d ON d.id = t.domain_id
                WHERE t.change_id = c.id AND COALESCE(d.customer_id, 0) = $3)
            ORDER BY c.id LIMIT $2";
        (&self.db).list(SQL, &binds![before, number, customer]).await
    }
}
