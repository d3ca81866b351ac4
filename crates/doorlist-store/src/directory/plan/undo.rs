//! The inverse of a change, made from its rows in the log. What was changed again since is left to whoever changed it.

use super::stage::Stage;
use super::tally::Tally;
use super::{Planned, UNDO_MAX, domain_at};
use crate::db::Db;
use crate::directory::domain_rows::StoredDomain;
use crate::directory::draft::{Draft, Undone};
use crate::directory::held::{Held, Home};
use crate::directory::outcome::{ApplyError, Note, Refusal};
use crate::directory::records::{ChangeRow, DomainRecord};
use crate::directory::rows::BATCH;
use crate::directory::{Directory, load, taking};
use crate::error::StoreError;
use doorlist_core::address::DomainName;
use doorlist_core::change::{Actor, NamedBy, Via};
use doorlist_core::domain::DomainId;
use doorlist_core::list::AddressId;
use doorlist_core::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Rows of the log that are read at a time.
const PAGE: u32 = 10_000;

/// Makes the plan; with `summary`, its rows are staged.
pub(super) async fn plan(
    directory: &Directory,
    change: u64,
    actor: &Actor,
    summary: Option<&str>,
    now: Timestamp,
) -> Result<Planned, ApplyError> {
    let db = directory.db();
    let base = load::version(db).await?;
    let entry = directory.change(change).await?.ok_or(Refusal::NoSuchChange { change })?;
    if now.since(entry.time) > UNDO_MAX {
        return Err(Refusal::TooOldToUndo { change }.into());
    }
    if entry.rows_gone {
        return Err(Refusal::RowsGone { change }.into());
    }
    let (addresses, domains) = rows_of(directory, change).await?;
    let mut undo =
        Undo { db, tally: Tally::default(), homes: BTreeMap::new(), domains: Vec::new(), drafts: Vec::new() };
    for (name, (id, before, after)) in domains {
        undo.domain(name, id, before, after).await?;
    }
    for ((name, id), rows) in addresses {
        undo.addresses(name, id, rows).await?;
    }
    undo.finish(base, actor, summary, now).await
}

type Addresses = BTreeMap<(DomainName, DomainId), Vec<Undone>>;
type Domains = BTreeMap<DomainName, (DomainId, Option<DomainRecord>, Option<DomainRecord>)>;

/// What the change did, by domain. Several changes of one domain in one set are one: the first before, the last after.
async fn rows_of(directory: &Directory, change: u64) -> Result<(Addresses, Domains), StoreError> {
    let (mut addresses, mut domains) = (Addresses::new(), Domains::new());
    let mut after = None;
    loop {
        let (rows, next) = directory.numbered_rows(change, after, PAGE).await?;
        for (domain_id, row) in rows {
            match row {
                ChangeRow::Address { id, address, before, after } => {
                    let undone = Undone { local: address.local().clone(), id, before, after };
                    addresses.entry((address.domain().clone(), domain_id)).or_default().push(undone);
                }
                ChangeRow::Domain { name, before, after } => {
                    let entry = domains.entry(name).or_insert((domain_id, before, None));
                    entry.2 = after;
                }
            }
        }
        after = next;
        if after.is_none() {
            return Ok((addresses, domains));
        }
    }
}

struct Undo<'a> {
    db: &'a Db,
    tally: Tally,
    /// Domains that are touched and there.
    homes: BTreeMap<DomainName, Arc<Home>>,
    domains: Vec<(Arc<Home>, Option<DomainRecord>, Option<DomainRecord>)>,
    drafts: Vec<Draft>,
}

impl Undo<'_> {
    /// A domain goes back to what it was if nobody touched it since. One that was added goes only while it is empty.
    async fn domain(
        &mut self,
        name: DomainName,
        id: DomainId,
        before: Option<DomainRecord>,
        after: Option<DomainRecord>,
    ) -> Result<(), StoreError> {
        let current = domain_at(self.db, &name).await?.1;
        let empty = |domain: &StoredDomain| {
            let counts = domain.counts;
            counts.mailboxes + counts.aliases + counts.lists == 0
        };
        let removes_a_list = before.is_none() && current.as_ref().is_some_and(|domain| !empty(domain));
        let is = |record: Option<&DomainRecord>| match (&current, record) {
            (Some(current), Some(record)) => current.record.is_as(record),
            (current, record) => current.is_none() && record.is_none(),
        };
        if is(before.as_ref()) {
            self.tally.applied.same += 1;
        } else if !is(after.as_ref()) || removes_a_list {
            self.tally.note(vec![Note::DomainChangedSince { name }]);
        } else {
            let home = Arc::new(Home { id: current.map_or(id, |domain| domain.id), name: name.clone() });
            self.tally.applied.domains += 1;
            self.homes.insert(name, Arc::clone(&home));
            self.domains.push((home, after, before));
        }
        Ok(())
    }

    async fn addresses(&mut self, name: DomainName, id: DomainId, rows: Vec<Undone>) -> Result<(), StoreError> {
        let coming_back = self.homes.get(&name).filter(|home| home.id == id).cloned();
        let home = match (domain_at(self.db, &name).await?.1, coming_back) {
            (Some(domain), _) if domain.id == id => Arc::new(Home { id, name: domain.name }),
            (None, Some(home)) => home,
            // What has the name now is another domain, and somebody else's perhaps.
            (Some(_) | None, _) => {
                self.tally.note(vec![Note::DomainChangedSince { name }]);
                return Ok(());
            }
        };
        let mut draft = Draft::default();
        for chunk in rows.chunks(BATCH) {
            let accounts = chunk.iter().filter_map(|row| row.before.as_ref()?.account.as_ref());
            let locals = chunk.iter().map(|row| &row.local).chain(accounts).collect();
            let mut db = self.db;
            taking::with_relations(&mut db, &mut draft, &home, locals, true).await?;
        }
        draft.restore(&home, &rows);
        self.homes.insert(name, home);
        self.drafts.push(draft);
        Ok(())
    }

    async fn finish(
        mut self,
        base: u64,
        actor: &Actor,
        summary: Option<&str>,
        now: Timestamp,
    ) -> Result<Planned, ApplyError> {
        let name = self.homes.keys().next().map(DomainName::as_str).unwrap_or_default().to_owned();
        // What is of several domains is of nobody who has one of them.
        let whose = self.homes.values().next().filter(|_| self.homes.len() == 1).map(|home| home.id);
        let mut stage = match summary {
            Some(_) => Some(Stage::begin_for(self.db, (&name, whose), "undo", base, actor, now).await?),
            None => None,
        };
        for (home, before, after) in &mut self.domains {
            self.tally.differences.entry(home.id).or_default();
            if let (Some(before), Some(after)) = (before.as_ref(), after.as_mut()) {
                name_servers_anew(before, after, actor.via);
            }
            if let Some(stage) = &mut stage {
                stage.domain(home, before.as_ref(), after.as_ref())?;
            }
        }
        for draft in std::mem::take(&mut self.drafts) {
            self.tally.renames |= has_renames(&draft);
            for slot in draft.slots().iter().filter(|slot| slot.before != slot.now) {
                let (before, after) = (slot.before.as_ref().map(Held::record), slot.now.as_ref().map(Held::record));
                let id = slot.before.as_ref().or(slot.now.as_ref()).map(|held| held.id);
                self.tally.row(&slot.home, &slot.local, before.as_ref(), after.as_ref());
                if let Some(stage) = &mut stage {
                    stage.row(&slot.home, id, &slot.local, before.as_ref(), after.as_ref()).await?;
                }
            }
            self.tally.applied.same += draft.same;
            self.tally.note(draft.notes);
        }
        self.tally.applied.version = base;
        let mut planned = Planned {
            base,
            operations: self.tally.operations,
            examples: std::mem::take(&mut self.tally.examples),
            applied: self.tally.applied.clone(),
            ..Planned::default()
        };
        if let (Some(stage), Some(summary)) = (stage, summary) {
            planned.id = stage.finish(&planned, &self.tally, summary).await?;
        }
        Ok(planned)
    }
}

/// Servers that come back to a domain are named by whoever brings them back: an operator's word that was withdrawn since
/// does not return by a tenant's hand.
fn name_servers_anew(before: &DomainRecord, after: &mut DomainRecord, via: Via) {
    let by = if via == Via::Command { NamedBy::Machine } else { NamedBy::Tenant };
    for server in after.servers.iter_mut().filter(|server| !before.servers.contains(server)) {
        server.named_by = server.named_by.min(by);
    }
}

/// Whether a number goes with one name and comes with another.
fn has_renames(draft: &Draft) -> bool {
    let number = |held: &Option<Held>| held.as_ref().map(|held| held.id);
    let goes = draft.slots().iter().filter(|slot| slot.now.is_none()).filter_map(|slot| number(&slot.before));
    let gone: BTreeSet<AddressId> = goes.collect();
    let mut comes = draft.slots().iter().filter(|slot| slot.before.is_none()).filter_map(|slot| number(&slot.now));
    comes.any(|id| gone.contains(&id))
}
