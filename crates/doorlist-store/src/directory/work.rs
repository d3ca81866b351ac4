//! One transaction of changes: rows are loaded a batch at a time, changed in hand by the rules, and what differs is
//! written with the change log. The list's version is the last thing written before COMMIT; since the row that holds it
//! is locked first, versions commit in order. Must not know how the list in memory is built.

use super::domain_parts;
use super::domain_rows::{self, StoredDomain};
use super::domain_rules;
use super::draft::{Claim, Draft, Origin};
use super::held::{Held, Home};
use super::log::Log;
use super::outcome::{Applied, ApplyError, NOTES_MAX, Note, Refusal};
use super::packed;
use super::plan::{Taken, find_waiting, take_over};
use super::records::{ListCounts, VetoRecord};
use super::room;
use super::rows::{self, BATCH};
use super::taking;
use super::updates;
use crate::db::{Bind, Db, Engine, Read, Tx};
use crate::error::StoreError;
use crate::limits::CustomerLimits;
use doorlist_core::address::{DomainName, LocalPart};
use doorlist_core::change::{Actor, Change, ChangeSet, DomainChange, PlanId, Structure};
use doorlist_core::domain::DomainId;
use doorlist_core::list::{AddressId, Entry, Kind, ListUpdates, Seed};
use doorlist_core::time::Timestamp;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use tokio::task::JoinSet;

/// Changes of one change set.
pub const CHANGES_MAX: usize = 2_000_000;

/// Changed addresses of one transaction that are kept for the list in memory; beyond, loading it anew is quicker.
pub(super) const UPDATES_MAX: usize = 2_000_000;

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
    homes: HashMap<DomainName, Arc<Home>>,
    domains: BTreeSet<DomainId>,
    applied: Applied,
    seed: Seed,
    updates: Option<ListUpdates>,
    log: Log,
}

impl Work {
    /// Begins, and locks out every other change. `seed` is that of the list in memory; `base`: see [`super::Directory::apply`].
    pub(super) async fn begin(
        db: &Db,
        (seed, base): (Seed, Option<u64>),
        now: Timestamp,
        actor: &Actor,
        limits: CustomerLimits,
    ) -> Result<Self, StoreError> {
        const LOCK: &str = "SELECT version, next_address FROM list_state WHERE id = 1 FOR UPDATE";
        let mut tx = db.begin().await?;
        let gone = || rows::corrupt("list_state", "its row is gone".to_owned());
        let row = tx.row(LOCK, &[]).await?.ok_or_else(gone)?;
        let version = u64::try_from(row.int(0)?).unwrap_or(0);
        Ok(Self {
            db: db.clone(),
            tx,
            now,
            actor: actor.clone(),
            base,
            limits,
            version,
            next_address: row.int(1)?,
            homes: HashMap::new(),
            domains: BTreeSet::new(),
            applied: Applied { version, ..Applied::default() },
            updates: Some(ListUpdates::new(seed)),
            seed,
            log: Log::new(version + 1),
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
    pub(super) async fn find_plan(&mut self, id: PlanId) -> Result<Taken, ApplyError> {
        find_waiting(&mut self.tx, id).await
    }

    /// Takes over everything that it staged.
    pub(super) async fn take_over(&mut self, taken: Taken) -> Result<(), ApplyError> {
        let first = self.next_address;
        let mut reading = JoinSet::new();
        reading.spawn(updates::of_plan(self.db.clone(), self.seed, taken.batch, first));
        take_over(&mut self.tx, &taken, (first, self.version + 1), self.now).await?;
        self.next_address = first.saturating_add(taken.numbers());
        take_number(&mut self.next_address.clone(), "addresses in the life of a store")?;
        self.log.adopt(taken.batch, first, taken.differences());
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
        let version = i64::try_from(self.applied.version).unwrap_or(i64::MAX);
        let binds = [Bind::Int(version), Bind::Int(self.next_address)];
        self.tx.execute(state, &binds).await?;
        self.tx.commit().await?;
        Ok(Committed { applied: self.applied, updates: self.updates, domains, domains_now })
    }

    /// A batch of changes to addresses.
    async fn addresses(&mut self, batch: &[Change]) -> Result<(), ApplyError> {
        let mut changes = Vec::with_capacity(batch.len());
        for change in batch {
            if let Some(address) = taking::address_of(change) {
                changes.push((self.home(address.domain()).await?, address.local(), change));
            }
        }
        let mut draft = self.load(&changes).await?;
        let (now, by, next_address) = (self.now, self.actor.name.as_str(), &mut self.next_address);
        let mut fresh = || take_number(next_address, "addresses in the life of a store").map(AddressId);
        for (home, local, change) in changes {
            match change {
                Change::Claim { structure, source, .. } => {
                    let at = Origin { now, by, place: None, key: None };
                    draft.claim(&home, local, Claim { structure, source, at, switched_off: false }, &mut fresh)?;
                }
                Change::Withdraw { source, .. } => draft.withdraw(&home, local, source),
                Change::Veto { .. } => {
                    let veto = VetoRecord { since: now, by: by.to_owned() };
                    draft.veto(&home, local, veto, &mut fresh)?;
                }
                Change::Reassign { to, source, .. } => {
                    let at = Origin { now, by, place: None, key: None };
                    let structure = &Structure::AliasOf(to.clone());
                    draft.reassign(&home, local, to, Claim { structure, source, at, switched_off: false })?;
                }
                Change::Rename { to, .. } => draft.give_name(&home, local, to)?,
                Change::SetActive { active, .. } => draft.set_active(&home, local, *active)?,
                Change::Domain { .. } | Change::Plan { .. } => {}
            }
        }
        Ok(self.flush(draft).await?)
    }

    /// Takes in hand every row that these changes can concern: the addresses, the accounts that claims lead to, and the
    /// aliases of accounts that may go or become something else.
    async fn load(&mut self, changes: &[(Arc<Home>, &LocalPart, &Change)]) -> Result<Draft, StoreError> {
        let mut wanted: HashMap<DomainId, (Arc<Home>, BTreeSet<&LocalPart>, bool)> = HashMap::new();
        for (home, local, change) in changes {
            let (_, locals, with_aliases) =
                wanted.entry(home.id).or_insert_with(|| (Arc::clone(home), BTreeSet::new(), false));
            locals.insert(local);
            match change {
                Change::Claim { structure: Structure::Mailbox, .. } => {}
                // What has aliases itself cannot become one: they are looked at, too.
                Change::Claim { structure: Structure::AliasOf(account), .. } => {
                    locals.insert(account);
                    *with_aliases = true;
                }
                Change::Reassign { to, .. } | Change::Rename { to, .. } => {
                    locals.insert(to);
                    *with_aliases = true;
                }
                _ => *with_aliases = true,
            }
        }
        let mut draft = Draft::default();
        for (home, locals, with_aliases) in wanted.into_values() {
            taking::with_relations(&mut self.tx, &mut draft, &home, locals, with_aliases).await?;
        }
        Ok(draft)
    }

    /// Writes what differs, with its rows of the change log.
    async fn flush(&mut self, draft: Draft) -> Result<(), StoreError> {
        rows::write(&mut self.tx, &draft, self.now).await?;
        for slot in draft.slots() {
            let (was, is) = (slot.before.as_ref(), slot.now.as_ref());
            if was == is {
                continue;
            }
            match (was.is_some_and(|held| held.is_listed()), is.is_some_and(|held| held.is_listed())) {
                (false, true) => self.applied.added += 1,
                (true, false) => self.applied.removed += 1,
                _ => self.applied.changed += 1,
            }
            // Policies follow the account of an alias.
            let shown = |held: &Held| (held.entry(), held.account.as_ref().map(|(account, _)| *account));
            if was.map(shown) != is.map(shown) {
                self.update(slot.home.id, &slot.local, is.map(|held| held.entry()));
            }
            self.log.address(slot)?;
        }
        self.log.write(&mut self.tx).await?;
        self.applied.same += draft.same;
        self.applied.vetoed += draft.vetoed;
        self.applied.conflicts += draft.conflicts;
        self.note(draft.notes);
        Ok(())
    }

    fn update(&mut self, domain: DomainId, local: &LocalPart, entry: Option<Entry>) {
        self.updates = self.updates.take().filter(|updates| updates.len() < UPDATES_MAX);
        if let Some(updates) = &mut self.updates {
            updates.push(domain, local.as_str(), entry);
        }
    }

    fn note(&mut self, notes: Vec<Note>) {
        let room = NOTES_MAX - self.applied.notes.len();
        self.applied.notes_omitted += notes.len().saturating_sub(room) as u64;
        self.applied.notes.extend(notes.into_iter().take(room));
    }

    /// The domain of an address, by its name or an alias. A plan that was made before its last change is out of date.
    async fn home(&mut self, name: &DomainName) -> Result<Arc<Home>, ApplyError> {
        if let Some(home) = self.homes.get(name) {
            return Ok(Arc::clone(home));
        }
        let domain = self.existing(name).await?;
        let home = Arc::new(Home { id: domain.id, name: domain.name });
        self.homes.insert(name.clone(), Arc::clone(&home));
        Ok(home)
    }

    async fn existing(&mut self, name: &DomainName) -> Result<StoredDomain, ApplyError> {
        let domain = self.find(name).await?.ok_or_else(|| Refusal::UnknownDomain { name: name.clone() })?;
        match self.base {
            Some(base) if domain.changed > base => Err(ApplyError::Moved { base, now: self.version }),
            _ => Ok(domain),
        }
    }

    async fn find(&mut self, name: &DomainName) -> Result<Option<StoredDomain>, StoreError> {
        let Some(id) = domain_rows::id_of(&mut self.tx, name).await? else { return Ok(None) };
        Ok(domain_rows::load(&mut self.tx, &[id]).await?.into_iter().next())
    }

    /// A change to a domain.
    async fn domain(&mut self, name: &DomainName, change: &DomainChange) -> Result<(), ApplyError> {
        self.homes.clear();
        if let DomainChange::Add { customer, servers } = change {
            self.must_be_free(name, None).await?;
            let record = domain_rules::new_domain(name, customer, servers)?;
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
            self.must_not_be_alias(name, &before)?;
            self.erase_list(&before).await?;
            domain_rows::delete(&mut self.tx, before.id).await?;
            return Ok(self.changed_domain(Some(&before), None).await?);
        }
        if let DomainChange::AddAlias(alias) = change {
            self.must_be_free(alias, Some(&before)).await?;
        }
        let mut now = before.clone();
        domain_rules::change(&before.name, &mut now.record, change)?;
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

    /// A name is one domain or an alias of one domain; `of` is the domain whose alias it may be already.
    async fn must_be_free(&mut self, name: &DomainName, of: Option<&StoredDomain>) -> Result<(), ApplyError> {
        let Some(owner) = self.find(name).await? else { return Ok(()) };
        let (name, domain) = (name.clone(), owner.name);
        Err(match of {
            Some(of) if of.id == owner.id && name != domain => return Ok(()),
            Some(of) if name == domain => Refusal::AliasIsDomain { name, domain: of.name.clone() },
            None if name == domain => Refusal::DomainTaken { name, customer: owner.record.customer },
            _ => Refusal::NameIsAlias { name, domain },
        }
        .into())
    }

    /// Whoever removes a domain names it, not one of its aliases.
    fn must_not_be_alias(&self, name: &DomainName, domain: &StoredDomain) -> Result<(), Refusal> {
        if *name == domain.name {
            return Ok(());
        }
        Err(Refusal::NameIsAlias { name: name.clone(), domain: domain.name.clone() })
    }

    /// Removes all addresses of a domain: its aliases first, since they lead to its accounts.
    async fn erase_list(&mut self, domain: &StoredDomain) -> Result<(), StoreError> {
        let home = Arc::new(Home { id: domain.id, name: domain.name.clone() });
        for kind in [Some(Kind::Alias), None] {
            loop {
                let page = packed::page(&mut self.tx, &home, "", kind, BATCH).await?;
                if page.is_empty() {
                    break;
                }
                let mut draft = Draft::default();
                rows::take_all(&mut draft, &home, page);
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
