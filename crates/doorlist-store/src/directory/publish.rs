//! The list in memory: built at start, replaced by its next version after each change, here or elsewhere. Readers take
//! an `Arc` and never wait; writers take turns.

use super::domain_rows::{self, StoredDomain};
use super::load::{self, put_domain, take_domains};
use super::routes::RouteTable;
use super::rows::{address_id, kind_from, standing_from};
use super::work::{Committed, UPDATES_MAX};
use crate::db::{Bind, Db, Read};
use crate::error::StoreError;
use arc_swap::ArcSwap;
use doorlist_core::domain::DomainId;
use doorlist_core::list::{Collision, DomainTable, Entry, ListUpdate, Snapshot};
use std::collections::HashSet;
use std::sync::Arc;
use tokio::task::spawn_blocking;

/// Rows of the change log that are read at a time.
const PAGE: i64 = 50_000;

/// What everybody reads.
pub(super) struct Published {
    snapshot: ArcSwap<Snapshot>,
    routes: ArcSwap<RouteTable>,
}

impl Published {
    /// Loads the list from the store.
    pub(super) async fn load(db: &Db) -> Result<Self, StoreError> {
        let loaded = load::load(db).await?;
        let (snapshot, routes) = (ArcSwap::from_pointee(loaded.snapshot), ArcSwap::from_pointee(loaded.routes));
        let published = Self { snapshot, routes };
        // What was written while it loaded.
        published.take_up(db).await?;
        Ok(published)
    }

    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    pub(super) fn routes(&self) -> Arc<RouteTable> {
        self.routes.load_full()
    }

    /// Shows a change that was just committed. If others were committed since the list was last looked at, all of them
    /// are read from the store.
    pub(super) async fn show(&self, db: &Db, committed: Committed) -> Result<(), StoreError> {
        if self.snapshot().version() + 1 != committed.applied.version {
            return self.take_up(db).await;
        }
        let Committed { applied, updates, domains, domains_now } = committed;
        let Some(updates) = updates else { return self.reload(db).await };
        self.advance(db, applied.version, updates, domains, domains_now).await
    }

    /// Takes up whatever the store has and the list has not.
    pub(super) async fn take_up(&self, db: &Db) -> Result<(), StoreError> {
        let (have, version) = (self.snapshot().version(), load::version(db).await?);
        if have == version {
            return Ok(());
        }
        // A smaller version: the store was put back from a backup.
        if version < have || rows_behind(db, have).await? > UPDATES_MAX as u64 {
            return self.reload(db).await;
        }
        let updates = changed_addresses(db, have, version).await?;
        let domains = changed_domains(db, have, version).await?;
        let domains_now = domain_rows::load(&mut &*db, &domains).await?;
        self.advance(db, version, updates, domains, domains_now).await
    }

    async fn reload(&self, db: &Db) -> Result<(), StoreError> {
        let loaded = load::load(db).await?;
        self.routes.store(Arc::new(loaded.routes));
        self.snapshot.store(Arc::new(loaded.snapshot));
        Ok(())
    }

    async fn advance(
        &self,
        db: &Db,
        version: u64,
        updates: Vec<ListUpdate>,
        domains: Vec<DomainId>,
        domains_now: Vec<StoredDomain>,
    ) -> Result<(), StoreError> {
        let old = self.snapshot();
        let tables = (!domains.is_empty()).then(|| self.tables(&old, &domains, &domains_now));
        let (table, routes) = tables.unzip();
        let next = spawn_blocking(move || next_snapshot(&old, version, &updates, table.map(Arc::new)));
        let Ok(next) = next.await.map_err(|e| StoreError::Engine(Box::new(e)))? else {
            return self.reload(db).await;
        };
        // Routes first: a domain that is accepted has somewhere to go.
        if let Some(routes) = routes {
            self.routes.store(Arc::new(routes));
        }
        self.snapshot.store(Arc::new(next));
        Ok(())
    }

    fn tables(&self, old: &Snapshot, domains: &[DomainId], now: &[StoredDomain]) -> (DomainTable, RouteTable) {
        let (mut table, mut routes) = (old.domains().clone(), RouteTable::clone(&self.routes.load()));
        take_domains(&mut table, &mut routes, &domains.iter().copied().collect::<HashSet<_>>());
        for domain in now {
            put_domain(&mut table, &mut routes, domain);
        }
        (table, routes)
    }
}

/// An address that went and came again has another row: what went must go first, or its row would seem to collide.
fn next_snapshot(
    old: &Snapshot,
    version: u64,
    updates: &[ListUpdate],
    table: Option<Arc<DomainTable>>,
) -> Result<Snapshot, Collision> {
    let gone: Vec<_> = updates.iter().filter(|update| update.entry.is_none()).cloned().collect();
    if gone.is_empty() || gone.len() == updates.len() {
        return old.with(version, updates, table);
    }
    old.with(version, &gone, None)?.with(version, updates, table)
}

async fn rows_behind(mut db: &Db, have: u64) -> Result<u64, StoreError> {
    let sql = "SELECT CAST(COALESCE(SUM(added + changed + removed), 0) AS BIGINT) FROM change WHERE id > $1";
    let row = db.row(sql, &[number(have)]).await?;
    Ok(row.map_or(Ok(0), |row| row.int(0))?.cast_unsigned())
}

/// Addresses that the changes behind `have` touched, each as the store has it now. Read a second time, they give the
/// same: nothing is lost or doubled by a change that is committed meanwhile.
async fn changed_addresses(mut db: &Db, have: u64, version: u64) -> Result<Vec<ListUpdate>, StoreError> {
    const SQL: &str = "
        SELECT r.change_id, r.place, r.domain_id, r.local, r.address_id, a.kind, a.standing
        FROM change_row AS r LEFT JOIN address AS a ON a.id = r.address_id
        WHERE (r.change_id, r.place) > ($1, $2) AND r.change_id <= $3 AND r.address_id IS NOT NULL
        ORDER BY r.change_id, r.place LIMIT $4";
    let (mut updates, mut after) = (Vec::new(), (i64::try_from(have).unwrap_or(i64::MAX), i64::MAX));
    loop {
        let binds = [Bind::Int(after.0), Bind::Int(after.1), number(version), Bind::Int(PAGE)];
        let rows = db.rows(SQL, &binds).await?;
        let Some(last) = rows.last() else { return Ok(updates) };
        after = (last.int(0)?, last.int(1)?);
        for row in &rows {
            let entry = match (row.int_or_null(5)?, row.int_or_null(6)?) {
                (Some(kind), Some(standing)) => Some(Entry {
                    kind: kind_from(kind)?,
                    standing: standing_from(standing)?,
                    id: address_id(row.int(4)?)?,
                }),
                _ => None,
            };
            let (domain, local) = (domain_rows::domain_id(row.int(2)?)?, row.text(3)?.into());
            updates.push(ListUpdate { domain, local, entry });
        }
    }
}

async fn changed_domains(mut db: &Db, have: u64, version: u64) -> Result<Vec<DomainId>, StoreError> {
    const SQL: &str = "
        SELECT DISTINCT r.domain_id FROM change AS c CROSS JOIN change_row AS r
        WHERE c.id > $1 AND c.id <= $2 AND c.domains > 0 AND r.change_id = c.id AND r.address_id IS NULL";
    let rows = db.rows(SQL, &[number(have), number(version)]).await?;
    rows.iter().map(|row| domain_rows::domain_id(row.int(0)?)).collect()
}

fn number(value: u64) -> Bind<'static> {
    Bind::Int(i64::try_from(value).unwrap_or(i64::MAX))
}
