//! The list in memory: built at start, replaced by its next version after each change, here or elsewhere. Readers take
//! an `Arc` and never wait; writers take turns.

use super::domain_rows::{self, StoredDomain};
use super::load::{self, put_domain, take_domains};
use super::routes::RouteTable;
use super::updates::{self, UPDATES_MAX};
use super::version::version;
use super::work::Committed;
use crate::db::Db;
use crate::error::StoreError;
use crate::mail_policy::table as mail_policy;
use arc_swap::ArcSwap;
use doorlist_core::domain::DomainId;
use doorlist_core::list::{Collision, DomainTable, ListUpdates, Snapshot};
use doorlist_core::mail_policy::{DomainPolicy, PolicyTable};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::task::spawn_blocking;

/// Addresses of a change that are looked up one by one for their policies; beyond, these are read anew.
const TOUCHED_MAX: usize = 50_000;

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
        // They are too many to keep, or could not be read meanwhile: read from the log, or all anew if that is quicker.
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
        let (have, version) = (self.snapshot().version(), version(db).await?);
        if have == version {
            return Ok(());
        }
        // A smaller version: the store was put back from a backup.
        if version < have || updates::rows_behind(db, have).await? > UPDATES_MAX as u64 {
            return self.reload(db).await;
        }
        let updates = updates::of_addresses(db, self.snapshot().seed(), have, version).await?;
        let domains = updates::of_domains(db, have, version).await?;
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
        updates: ListUpdates,
        domains: Vec<DomainId>,
        domains_now: Vec<StoredDomain>,
    ) -> Result<(), StoreError> {
        let old = self.snapshot();
        let policies = self.policies_after(db, &updates, &domains, &domains_now).await?;
        let tables = (!domains.is_empty()).then(|| self.tables(&old, &domains, &domains_now));
        let (table, routes) = tables.unzip();
        let next = spawn_blocking(move || next_snapshot(&old, version, updates, table.map(Arc::new)));
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
        updates: &ListUpdates,
        domains: &[DomainId],
        now: &[StoredDomain],
    ) -> Result<Option<PolicyTable>, StoreError> {
        let old = self.policies();
        let touched = updates.entries().map(|entry| entry.id);
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
                spam: domain.record.spam,
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
    updates: ListUpdates,
    table: Option<Arc<DomainTable>>,
) -> Result<Snapshot, Collision> {
    let gone = updates.gone();
    if gone.is_empty() || gone.len() == updates.len() {
        return old.with(version, updates, table);
    }
    old.with(version, gone, None)?.with(version, updates, table)
}
