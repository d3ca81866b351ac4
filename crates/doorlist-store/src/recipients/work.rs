//! One transaction of changes: rows are loaded a batch at a time, changed in hand by the rules, and what differs is
//! written with the change log. The list's version is the last thing written before COMMIT; since the row that holds it
//! is locked first, versions commit in order. Must not know how the list in memory is built.

use super::codes::BATCH;
use super::domain_parts;
use super::domain_rows::{self, StoredDomain};
use super::log::TransactionLog;
use super::outcome::ApplyError;
use super::packed;
use super::plan::applying::{TakenPlan, find_waiting, take_over};
use super::related_rows;
use super::room;
use super::rows;
use super::soft_period;
use super::updates::{self, UPDATES_MAX};
use crate::db::{Db, Engine, Read, Tx, binds};
use crate::error::StoreError;
use crate::limits::CustomerLimits;
use doorlist_core::address::{DomainName, LocalPart};
use doorlist_core::change::{Actor, Change, ChangeSet, DomainChange, PlanId};
use doorlist_core::domain::DomainId;
use doorlist_core::list::{AddressId, Entry, EntryKind, ListUpdates, Seed};
use doorlist_core::list_change::{
    AddressState, Applied, Draft, ListCounts, ListDomain, Refusal, RowsNeeded, change_domain, check_name,
    check_removal, new_domain,
};
use doorlist_core::time::Timestamp;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use tokio::task::JoinSet;

/// Changes of one change set.
pub const CHANGES_MAX: usize = 2_000_000;

/// What was committed, as the list in memory needs it.
pub(super) struct Committed {
    pub(super) applied: Applied,
    /// `None`: more than [`UPDATES_MAX`], or not known; they are read from the log, or the list is loaded anew.
    pub(super) updates: Option<ListUpdates>,
    /// Domains that changed, and what they are now; one that is gone is only in the first.
    pub(super) domains: Vec<DomainId>,
    pub(super) domains_now: Vec<StoredDomain>,
}

/// A transaction under way.
pub(super) struct Work {
    /// What is read beside the transaction.
    db: Db,
    tx: Tx,
    now: Timestamp,
    actor: Actor,
    base: Option<u64>,
    limits: CustomerLimits,
    version: u64,
    next_address: i64,
    list_domains: HashMap<DomainName, Arc<ListDomain>>,
    domains: BTreeSet<DomainId>,
    applied: Applied,
    seed: Seed,
    updates: Option<ListUpdates>,
    log: TransactionLog,
}

impl Work {
    /// Begins, and locks out every other change. `seed` is that of the list in memory; `base`: see [`super::RecipientStore::apply`].
    pub(super) async fn begin(
        db: &Db,
        (seed, base): (Seed, Option<u64>),
        now: Timestamp,
        actor: &Actor,
        limits: CustomerLimits,
    ) -> Result<Self, StoreError> {
        const LOCK: &str = "SELECT version, next_address FROM list_state WHERE id = 1 FOR UPDATE";
        let mut tx = db.begin().await?;
        let gone = || StoreError::corrupt("list_state", "its row is gone".to_owned());
        let row = tx.row(LOCK, &[]).await?.ok_or_else(gone)?;
        let version = row.get(0)?;
        Ok(Self {
            db: db.clone(),
            tx,
            now,
            actor: actor.clone(),
            base,
            limits,
            version,
            next_address: row.int(1)?,
            list_domains: HashMap::new(),
            domains: BTreeSet::new(),
            applied: Applied { version, ..Applied::default() },
            updates: Some(ListUpdates::new(seed)),
            seed,
            log: TransactionLog::new(version + 1),
        })
    }

    /// Does all changes of a set, in order.
    pub(super) async fn run(&mut self, set: &ChangeSet) -> Result<(), ApplyError> {
        if set.changes.len() > CHANGES_MAX {
            let what = "changes in one set; split it";
            return Err(Refusal::TooMany { what: what.to_owned(), limit: CHANGES_MAX as u64 }.into());
        }
        let mut rest = set.changes.as_slice();
        while let [first, later @ ..] = rest {
            if let Change::Plan { id } = first {
                if set.changes.len() > 1 {
                    return Err(Refusal::PlanNotAlone.into());
                }
                let plan = self.find_plan(*id).await?;
                return self.take_over(plan).await;
            }
            if let Change::Domain { name, change } = first {
                self.domain(name, change).await?;
                rest = later;
                continue;
            }
            let of_addresses = |change: &&Change| !matches!(change, Change::Domain { .. });
            let (batch, later) = rest.split_at(rest.iter().take(BATCH).take_while(of_addresses).count());
            self.addresses(batch).await?;
            rest = later;
        }
        Ok(())
    }

    /// The plan, if it waits and nothing that it is about has moved since it was made.
    pub(super) async fn find_plan(&mut self, id: PlanId) -> Result<TakenPlan, ApplyError> {
        find_waiting(&mut self.tx, id).await
    }

    /// Takes over everything that it staged.
    pub(super) async fn take_over(&mut self, taken: TakenPlan) -> Result<(), ApplyError> {
        let first = self.next_address;
        let mut reading = JoinSet::new();
        reading.spawn(updates::of_plan(self.db.clone(), self.seed, taken.batch, first));
        take_over(&mut self.tx, &taken, (first, self.version + 1), self.now).await?;
        self.next_address = first.saturating_add(taken.numbers());
        take_number(&mut self.next_address.clone(), "addresses in the life of a store")?;
        self.log.adopt((taken.batch, taken.last_place()), first, taken.differences());
        self.applied = Applied { version: self.version, ..taken.applied().clone() };
        self.domains.extend(taken.domains);
        // If they could not be read meanwhile, they are read from the log. They are not waited for: all connections of a
        // server may be with others, who wait for this transaction.
        let read = reading.try_join_next();
        self.updates = read.and_then(Result::ok).and_then(Result::ok).flatten();
        Ok(())
    }

    /// Writes change log and version, and commits. Refuses what makes the lists of a customer larger than they may be.
    pub(super) async fn commit(mut self, summary: &str) -> Result<Committed, ApplyError> {
        room::for_addresses(&mut self.tx, self.log.grown(), self.limits.addresses).await?;
        for id in soft_period::settle(&mut self.tx, &mut self.log, self.now).await? {
            self.applied.domains += u64::from(self.domains.insert(id));
        }
        let domains: Vec<_> = self.domains.iter().copied().collect();
        if !self.applied.changes_something() {
            self.tx.rollback().await?;
            return Ok(Committed { applied: self.applied, updates: None, domains, domains_now: Vec::new() });
        }
        self.applied.version = self.version + 1;
        self.applied.change_id = Some(self.applied.version);
        self.log.finish(&mut self.tx, &self.applied, &self.actor, summary, self.now).await?;
        let domains_now = domain_rows::load(&mut self.tx, &domains).await?;
        if self.tx.engine() == Engine::Postgres {
            self.tx.execute("SELECT pg_notify('doorlist_list', '')", &[]).await?;
        }
        let state = "UPDATE list_state SET version = $1, next_address = $2 WHERE id = 1";
        self.tx.execute(state, &binds![self.applied.version, self.next_address]).await?;
        self.tx.commit().await?;
        Ok(Committed { applied: self.applied, updates: self.updates, domains, domains_now })
    }

    async fn addresses(&mut self, batch: &[Change]) -> Result<(), ApplyError> {
        let mut changes = Vec::with_capacity(batch.len());
        for change in batch {
            if let Some(address) = change.address() {
                changes.push((self.list_domain(address.domain()).await?, address.local(), change));
            }
        }
        let mut draft = self.load(&changes).await?;
        let (now, by, next_address) = (self.now, self.actor.name.as_str(), &mut self.next_address);
        let mut fresh = || take_number(next_address, "addresses in the life of a store").map(AddressId);
        for (domain, _, change) in changes {
            draft.apply(&domain, change, (by, now), &mut fresh)?;
        }
        Ok(self.flush(draft).await?)
    }

    /// Loads every row that these changes can concern.
    async fn load(&mut self, changes: &[(Arc<ListDomain>, &LocalPart, &Change)]) -> Result<Draft, StoreError> {
        let mut wanted: HashMap<DomainId, (Arc<ListDomain>, BTreeSet<&LocalPart>, bool)> = HashMap::new();
        for (domain, local, change) in changes {
            let (_, locals, all_aliases) =
                wanted.entry(domain.id).or_insert_with(|| (Arc::clone(domain), BTreeSet::new(), false));
            let needed = RowsNeeded::by(change);
            locals.extend(std::iter::once(*local).chain(needed.other));
            *all_aliases |= needed.all_aliases;
        }
        let mut draft = Draft::default();
        for (domain, locals, all_aliases) in wanted.into_values() {
            related_rows::load(&mut self.tx, &mut draft, &domain, locals, all_aliases).await?;
        }
        Ok(draft)
    }

    /// Writes what differs, with its rows of the change log.
    async fn flush(&mut self, mut draft: Draft) -> Result<(), StoreError> {
        rows::write(&mut self.tx, &draft, self.now).await?;
        for address in draft.changed() {
            let (was, is) = (address.before.as_ref(), address.now.as_ref());
            let listed = |state: Option<&AddressState>| state.is_some_and(AddressState::is_listed);
            self.applied.count_address((&address.local, &address.domain.name), listed(was), listed(is));
            // Policies follow the account of an alias.
            let shown = |state: &AddressState| (state.entry(), state.account.as_ref().map(|(account, _)| *account));
            if was.map(shown) != is.map(shown) {
                self.update(address.domain.id, &address.local, is.map(AddressState::entry));
            }
            self.log.address(address)?;
        }
        self.log.write(&mut self.tx).await?;
        self.applied.add_findings(&mut draft);
        Ok(())
    }

    fn update(&mut self, domain: DomainId, local: &LocalPart, entry: Option<Entry>) {
        self.updates = self.updates.take().filter(|updates| updates.len() < UPDATES_MAX);
        if let Some(updates) = &mut self.updates {
            updates.push(domain, local.as_str(), entry);
        }
    }

    /// The domain of an address, by its name or an alias. A plan that was made before its last change is out of date.
    async fn list_domain(&mut self, name: &DomainName) -> Result<Arc<ListDomain>, ApplyError> {
        if let Some(domain) = self.list_domains.get(name) {
            return Ok(Arc::clone(domain));
        }
        let domain = Arc::new(self.existing(name).await?.list_domain());
        self.list_domains.insert(name.clone(), Arc::clone(&domain));
        Ok(domain)
    }

    async fn existing(&mut self, name: &DomainName) -> Result<StoredDomain, ApplyError> {
        let domain = domain_rows::find(&mut self.tx, name)
            .await?
            .ok_or_else(|| Refusal::UnknownDomain { name: name.clone() })?;
        match self.base {
            Some(base) if domain.changed > base => Err(ApplyError::Moved { base, now: self.version }),
            _ => Ok(domain),
        }
    }

    async fn domain(&mut self, name: &DomainName, change: &DomainChange) -> Result<(), ApplyError> {
        self.list_domains.clear();
        if let DomainChange::Add { customer, servers } = change {
            self.must_be_free(name, None).await?;
            let record = new_domain(name, customer, servers)?;
            let mut number = domain_parts::take_domain_number(&mut self.tx).await?;
            let id = DomainId(take_number(&mut number, "domains in the life of a store")?);
            let (name, counts) = (name.clone(), ListCounts::default());
            let mut domain = StoredDomain { id, name, changed: 0, counts, record, technical_contact: None };
            domain_rows::insert(&mut self.tx, &domain, self.now).await?;
            room::for_domain(&mut self.tx, id, self.limits.domains).await?;
            domain.record.customer_id = domain_rows::owner(&mut self.tx, id).await?;
            return Ok(self.changed_domain(None, Some(&domain)).await?);
        }
        let before = self.existing(name).await?;
        if matches!(change, DomainChange::Remove) {
            check_removal(name, &before.name)?;
            self.erase_list(&before).await?;
            domain_rows::delete(&mut self.tx, before.id, self.now).await?;
            return Ok(self.changed_domain(Some(&before), None).await?);
        }
        if let DomainChange::AddAlias(alias) = change {
            self.must_be_free(alias, Some(&before)).await?;
        }
        let mut now = before.clone();
        change_domain(&before.name, &mut now.record, change)?;
        if now == before {
            return Ok(());
        }
        domain_rows::update(&mut self.tx, &before, &now, self.now).await?;
        now.record.customer_id = domain_rows::owner(&mut self.tx, now.id).await?;
        if now.record.customer_id != before.record.customer_id {
            room::for_domain(&mut self.tx, now.id, self.limits.domains).await?;
        }
        Ok(self.changed_domain(Some(&before), Some(&now)).await?)
    }

    async fn changed_domain(
        &mut self,
        before: Option<&StoredDomain>,
        now: Option<&StoredDomain>,
    ) -> Result<(), StoreError> {
        // Several settings of one domain are one domain changed.
        let is_new = before.or(now).is_some_and(|domain| self.domains.insert(domain.id));
        self.applied.domains += u64::from(is_new);
        self.log.domain(before, now)?;
        self.log.write(&mut self.tx).await
    }

    /// `alias_of` is the domain that wants the name as an alias, and may have it already.
    async fn must_be_free(&mut self, name: &DomainName, alias_of: Option<&StoredDomain>) -> Result<(), ApplyError> {
        let Some(owner) = domain_rows::find(&mut self.tx, name).await? else { return Ok(()) };
        let alias_of = alias_of.map(StoredDomain::list_domain);
        Ok(check_name(name, (&owner.list_domain(), &owner.record.customer), alias_of.as_ref())?)
    }

    /// Removes all addresses of a domain: its aliases first, since they lead to its accounts.
    async fn erase_list(&mut self, domain: &StoredDomain) -> Result<(), StoreError> {
        let list_domain = Arc::new(domain.list_domain());
        for kind in [Some(EntryKind::Alias), None] {
            loop {
                let page = packed::page(&mut self.tx, &list_domain, "", kind, BATCH).await?;
                if page.is_empty() {
                    break;
                }
                let mut draft = Draft::default();
                related_rows::put_all(&mut draft, &list_domain, page);
                draft.erase_all();
                self.flush(draft).await?;
            }
        }
        Ok(())
    }
}

/// Numbers are 32 bits and never given twice.
fn take_number(next: &mut i64, what: &str) -> Result<u32, Refusal> {
    let number =
        u32::try_from(*next).map_err(|_| Refusal::TooMany { what: what.to_owned(), limit: u32::MAX.into() })?;
    *next += 1;
    Ok(number)
}
