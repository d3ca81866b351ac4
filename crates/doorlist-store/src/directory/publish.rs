//! The list in memory: built at start, replaced by its next version after each change, here or elsewhere. Readers take
//! an `Arc` and never wait; writers take turns.

use super::domain_rows::{self, StoredDomain};
use super::load::{self, put_domain, take_domains};
use super::packed;
use super::routes::RouteTable;
use super::rows::{kind_from, standing_from};
use super::work::{Committed, UPDATES_MAX};
use crate::db::{Bind, Db, Read};
use crate::error::StoreError;
use crate::mail_policy;
use arc_swap::ArcSwap;
use doorlist_core::domain::DomainId;
use doorlist_core::list::{AddressId, Collision, DomainTable, Entry, ListUpdate, Snapshot};
use doorlist_core::mail_policy::{DomainPolicy, PolicyTable};
use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::task::spawn_blocking;

/// Rows of the change log that are read at a time.
const PAGE: i64 = 20_000;
/// Addresses of a change that are looked up one by one for their policies; beyond, these are read anew.
const TOUCHED_MAX: usize = 50_000;

/// What everybody reads.
pub(super) struct Published {
    snapshot: ArcSwap<Snapshot>,
    routes: ArcSwap<RouteTable>,
    policies: ArcSwap<PolicyTable>,
    /// Changes to policies that are shown; written by whoever has the turn.
    policy: AtomicI64,
}

impl Published {
    /// Loads the list from the store.
    pub(super) async fn load(db: &Db) -> Result<Self, StoreError> {
        let loaded = load::load(db).await?;
        let published = Self {
            snapshot: ArcSwap::from_pointee(loaded.snapshot),
            routes: ArcSwap::from_pointee(loaded.routes),
            policies: ArcSwap::from_pointee(loaded.policies),
            policy: AtomicI64::new(loaded.policy),
        };
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

    pub(super) fn policies(&self) -> Arc<PolicyTable> {
        self.policies.load_full()
    }

    /// Shows a change that was just committed. If others were committed since the list was last looked at, all of them
    /// are read from the store.
    pub(super) async fn show(&self, db: &Db, committed: Committed) -> Result<(), StoreError> {
        if self.snapshot().version() + 1 != committed.applied.version {
            return self.take_up(db).await;
        }
        let Committed { applied, updates, domains, domains_now } = committed;
        // They are many, and were written before the change was made: read from there, or all anew if that is quicker.
        let Some(updates) = updates else { return self.take_up(db).await };
        self.advance(db, applied.version, updates, domains, domains_now).await?;
        // What an account had set goes with it.
        self.take_up_policies(db).await
    }

    /// Takes up whatever the store has and the list has not, and so with policies.
    pub(super) async fn take_up(&self, db: &Db) -> Result<(), StoreError> {
        self.take_up_list(db).await?;
        self.take_up_policies(db).await
    }

    /// Reads the policies anew if they were changed.
    pub(super) async fn take_up_policies(&self, db: &Db) -> Result<(), StoreError> {
        if mail_policy::count(db).await? == self.policy.load(Ordering::Relaxed) {
            return Ok(());
        }
        let (policy, policies) = mail_policy::load(db).await?;
        self.policies.store(Arc::new(policies));
        self.policy.store(policy, Ordering::Relaxed);
        Ok(())
    }

    async fn take_up_list(&self, db: &Db) -> Result<(), StoreError> {
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
        self.policies.store(Arc::new(loaded.policies));
        self.policy.store(loaded.policy, Ordering::Relaxed);
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
        let policies = self.policies_after(db, &updates, &domains, &domains_now).await?;
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
        if let Some(policies) = policies {
            self.policies.store(Arc::new(policies));
        }
        self.snapshot.store(Arc::new(next));
        Ok(())
    }

    /// The policies as a change of the list leaves them: settings of domains that changed, and who is whose alias.
    async fn policies_after(
        &self,
        db: &Db,
        updates: &[ListUpdate],
        domains: &[DomainId],
        now: &[StoredDomain],
    ) -> Result<Option<PolicyTable>, StoreError> {
        let old = self.policies();
        let touched = updates.iter().filter_map(|update| update.entry.map(|entry| entry.id));
        let touched: Vec<_> = if old.accounts().len() == 0 { Vec::new() } else { touched.collect() };
        if domains.is_empty() && touched.is_empty() {
            return Ok(None);
        }
        if touched.len() > TOUCHED_MAX {
            let (policy, policies) = mail_policy::load(db).await?;
            self.policy.store(policy, Ordering::Relaxed);
            return Ok(Some(policies));
        }
        let mut aliases = mail_policy::aliases_of(db, &touched).await?;
        aliases.retain(|(id, account)| !old.has_alias(*id, *account));
        if domains.is_empty() && aliases.is_empty() {
            return Ok(None);
        }
        let mut table = PolicyTable::clone(&old);
        for (id, account) in aliases {
            table.put_alias(id, account);
        }
        for id in domains {
            let rules = table.domain(*id).map(|policy| Arc::clone(&policy.rules)).unwrap_or_default();
            let policy = now.iter().find(|domain| domain.id == *id).map(|domain| DomainPolicy {
                rules,
                message_max: domain.record.message_max,
                technical_contact: domain.technical_contact.clone(),
            });
            table.put_domain(*id, policy.unwrap_or_default());
        }
        Ok(Some(table))
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
    const CHANGES: &str = "SELECT batch, first_address FROM change WHERE id > $1 AND id <= $2 ORDER BY id";
    let mut updates = Vec::new();
    for change in db.rows(CHANGES, &[number(have), number(version)]).await? {
        rows_of_change(db, (change.int(0)?, change.int(1)?), &mut updates).await?;
    }
    Ok(updates)
}

/// The addresses of one batch of rows; `first_address` is where the numbers of its new ones begin.
async fn rows_of_change(
    mut db: &Db,
    (batch, first_address): (i64, i64),
    updates: &mut Vec<ListUpdate>,
) -> Result<(), StoreError> {
    const SQL: &str = "
        SELECT CAST(JSON_ROWS(r.place, r.domain_id, r.local, COALESCE(r.address_id, $1 + r.place), a.kind, a.standing)) AS TEXT)
        FROM (SELECT place, domain_id, local, address_id FROM change_row
              WHERE batch = $2 AND place > $3 AND local IS NOT NULL ORDER BY place LIMIT $4) AS r
        LEFT JOIN address AS a ON a.id = COALESCE(r.address_id, $1 + r.place) AND a.local = r.local";
    type Packed<'a> = (i64, u32, Cow<'a, str>, u32, Option<i64>, Option<i64>);
    let mut after = 0;
    loop {
        let binds = [Bind::Int(first_address), Bind::Int(batch), Bind::Int(after), Bind::Int(PAGE)];
        let Some(row) = db.row(SQL, &binds).await? else { return Ok(()) };
        let mut rows: Vec<Packed<'_>> = packed::unpack(&row, "change_row")?;
        rows.sort_by_key(|row| row.0);
        let Some(last) = rows.last() else { return Ok(()) };
        after = last.0;
        for (_, domain, local, id, kind, standing) in rows {
            let entry = match (kind, standing) {
                (Some(kind), Some(standing)) => {
                    let (kind, standing) = (kind_from(kind)?, standing_from(standing)?);
                    Some(Entry { kind, standing, id: AddressId(id) })
                }
                _ => None,
            };
            updates.push(ListUpdate { domain: DomainId(domain), local: local.as_ref().into(), entry });
        }
    }
}

async fn changed_domains(mut db: &Db, have: u64, version: u64) -> Result<Vec<DomainId>, StoreError> {
    const SQL: &str = "
        SELECT DISTINCT r.domain_id FROM change AS c CROSS JOIN change_row AS r
        WHERE c.id > $1 AND c.id <= $2 AND c.domains > 0 AND r.batch = c.batch AND r.local IS NULL";
    let rows = db.rows(SQL, &[number(have), number(version)]).await?;
    rows.iter().map(|row| domain_rows::domain_id(row.int(0)?)).collect()
}

fn number(value: u64) -> Bind<'static> {
    Bind::Int(i64::try_from(value).unwrap_or(i64::MAX))
}
