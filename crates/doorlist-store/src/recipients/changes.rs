//! Reading the change log: who changed what, and what was there before. Must not change or undo anything.

use super::domain_rows;
use super::handle::RecipientStore;
use super::log_rows::{change_row, recorded};
use super::records::{AddressChange, ChangeEntry, ChangeRow};
use crate::db::{Read, Row, binds, columns_of};
use crate::error::StoreError;
use doorlist_core::address::{DomainName, LocalPart};
use doorlist_core::domain::DomainId;

columns_of! { ChangeEntry { id, time, actor, summary, added, changed, removed, domains, rows_gone } }

impl RecipientStore {
    /// The change log, newest first: older than `before`, of one domain if it is given.
    pub async fn changes(
        &self,
        domain: Option<&DomainName>,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<ChangeEntry>, StoreError> {
        const ALL: &str = "
            SELECT id, time, actor, via, summary, added, changed, removed, domains, rows_gone FROM change
            WHERE id < $1 ORDER BY id DESC LIMIT $2";
        const OF_DOMAIN: &str = "
            SELECT c.id, c.time, c.actor, c.via, c.summary, c.added, c.changed, c.removed, c.domains, c.rows_gone
            FROM change_domain AS t JOIN change AS c ON c.id = t.change_id
            WHERE t.change_id < $1 AND t.domain_id = $3 ORDER BY t.change_id DESC LIMIT $2";
        let (before, mut db) = (before.unwrap_or(u64::MAX), self.db());
        let Some(name) = domain else { return db.list(ALL, &binds![before, limit]).await };
        let Some(id) = domain_rows::id_of(&mut db, name).await? else { return Ok(Vec::new()) };
        db.list(OF_DOMAIN, &binds![before, limit, id]).await
    }

    /// One entry of the change log.
    pub async fn change(&self, id: u64) -> Result<Option<ChangeEntry>, StoreError> {
        let next = id.checked_add(1);
        Ok(self.changes(None, next, 1).await?.into_iter().find(|entry| entry.id == id))
    }

    /// What changes did to an address of a domain, newest first.
    pub async fn changes_of_address(
        &self,
        domain: DomainId,
        local: &LocalPart,
        limit: u32,
    ) -> Result<Vec<AddressChange>, StoreError> {
        // Rows of plans that wait are of no change yet.
        const SQL: &str = "
            SELECT c.id, c.time, c.actor, c.via, c.summary, r.before, r.after
            FROM change_row AS r JOIN change AS c ON c.batch = r.batch
            WHERE r.domain_id = $1 AND r.local = $2 ORDER BY c.id DESC LIMIT $3";
        let rows = self.db().rows(SQL, &binds![domain, local.as_str(), limit]).await?;
        let change = |row: &Row| {
            Ok(AddressChange {
                change: row.get(0)?,
                time: row.get(1)?,
                actor: row.get(2)?,
                summary: row.get(4)?,
                before: recorded(row.text_or_null(5)?)?,
                after: recorded(row.text_or_null(6)?)?,
            })
        };
        rows.iter().map(change).collect()
    }

    /// What a change changed, behind the row `after`; with it what to ask for next.
    pub async fn change_rows(
        &self,
        id: u64,
        after: Option<u64>,
        limit: u32,
    ) -> Result<(Vec<ChangeRow>, Option<u64>), StoreError> {
        let (rows, next) = self.numbered_rows(id, after, limit).await?;
        Ok((rows.into_iter().map(|(_, row)| row).collect(), next))
    }

    /// The same, each row with the number of its domain.
    pub(super) async fn numbered_rows(
        &self,
        id: u64,
        after: Option<u64>,
        limit: u32,
    ) -> Result<(Vec<(DomainId, ChangeRow)>, Option<u64>), StoreError> {
        const SQL: &str = "
            SELECT r.place, r.domain_name, COALESCE(r.address_id, c.first_address + r.place), r.local, r.before, r.after,
                   r.domain_id
            FROM change AS c JOIN change_row AS r ON r.batch = c.batch
            WHERE c.id = $1 AND r.place > $2 ORDER BY r.place LIMIT $3";
        let rows = self.db().rows(SQL, &binds![id, after.unwrap_or(0), limit]).await?;
        let full = rows.len() >= limit as usize;
        let last = rows.last().filter(|_| full).map(|row| row.get(0)).transpose()?;
        let read = rows.iter().map(|row| Ok((row.get(6)?, change_row(row)?)));
        Ok((read.collect::<Result<_, StoreError>>()?, last))
    }
}
