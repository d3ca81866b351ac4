//! The inverse of a change, made from its rows in the log. What was changed again since is left to whoever changed it.

use super::stage::PlanWriter;
use crate::db::Db;
use crate::error::StoreError;
use crate::recipients::codes::BATCH;
use crate::recipients::handle::RecipientStore;
use crate::recipients::outcome::ApplyError;
use crate::recipients::records::ChangeRow;
use crate::recipients::{domain_rows, related_rows, removed_sources, version};
use doorlist_core::address::DomainName;
use doorlist_core::change::Actor;
use doorlist_core::domain::DomainId;
use doorlist_core::list_change::{
    DomainRecord, DomainUndo, Draft, EXAMPLES_MAX, ListDomain, Note, Planned, Refusal, Shrunken, Tally, Undone,
    has_renames, name_servers_anew,
};
use doorlist_core::time::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A change can be undone for so long.
pub const UNDO_MAX: Duration = Duration::from_hours(30 * 24);
/// Rows of the log that are read at a time.
const PAGE: u32 = 10_000;

/// Makes the plan; with `summary`, its rows are staged.
pub(super) async fn plan(
    recipients: &RecipientStore,
    change: u64,
    actor: &Actor,
    summary: Option<&str>,
    now: Timestamp,
) -> Result<Planned, ApplyError> {
    let db = recipients.db();
    let base = version::version(db).await?;
    let entry = recipients.change(change).await?.ok_or(Refusal::NoSuchChange { change })?;
    if now.since(entry.time) > UNDO_MAX {
        return Err(Refusal::TooOldToUndo { change }.into());
    }
    if entry.rows_gone {
        return Err(Refusal::RowsGone { change }.into());
    }
    let (addresses, domains) = rows_of(recipients, change).await?;
    let mut undo = Undo {
        db,
        tally: Tally::new(EXAMPLES_MAX),
        list_domains: BTreeMap::new(),
        domains: Vec::new(),
        drafts: Vec::new(),
    };
    for (name, (id, before, after)) in domains {
        undo.domain(name, id, before, after).await?;
    }
    for ((name, id), rows) in addresses {
        undo.addresses(name, id, rows).await?;
    }
    undo.finish(base, actor, summary, now).await
}

type UndoneAddresses = BTreeMap<(DomainName, DomainId), Vec<Undone>>;
type UndoneDomains = BTreeMap<DomainName, (DomainId, Option<DomainRecord>, Option<DomainRecord>)>;

/// What the change did, by domain. Several changes of one domain in one set are one: the first before, the last after.
async fn rows_of(recipients: &RecipientStore, change: u64) -> Result<(UndoneAddresses, UndoneDomains), StoreError> {
    let (mut addresses, mut domains) = (UndoneAddresses::new(), UndoneDomains::new());
    let mut after = None;
    loop {
        let (rows, next) = recipients.numbered_rows(change, after, PAGE).await?;
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
    list_domains: BTreeMap<DomainName, Arc<ListDomain>>,
    domains: Vec<(Arc<ListDomain>, Option<DomainRecord>, Option<DomainRecord>)>,
    drafts: Vec<Draft>,
}

impl Undo<'_> {
    async fn domain(
        &mut self,
        name: DomainName,
        id: DomainId,
        before: Option<DomainRecord>,
        after: Option<DomainRecord>,
    ) -> Result<(), StoreError> {
        // What a list made of its domain's mode goes back with the list.
        if let (Some(before), Some(after)) = (&before, &after)
            && before.is_same_as(after)
        {
            return Ok(());
        }
        let mut db = self.db;
        let now = domain_rows::find(&mut db, &name).await?;
        let now_is = now.as_ref().map(|domain| (&domain.record, &domain.counts));
        match DomainUndo::of(now_is, before.as_ref(), after.as_ref()) {
            DomainUndo::Unchanged => self.tally.applied.same += 1,
            DomainUndo::ChangedSince => self.tally.applied.add_notes(vec![Note::DomainChangedSince { name }]),
            DomainUndo::Restore => {
                if now.is_none() {
                    self.tally.applied.add_notes(removed_sources::notes(&mut db, id, &name).await?);
                }
                let domain = Arc::new(ListDomain { id: now.map_or(id, |domain| domain.id), name: name.clone() });
                self.tally.applied.domains += 1;
                self.list_domains.insert(name, Arc::clone(&domain));
                self.domains.push((domain, after, before));
            }
        }
        Ok(())
    }

    async fn addresses(&mut self, name: DomainName, id: DomainId, rows: Vec<Undone>) -> Result<(), StoreError> {
        let mut db = self.db;
        let coming_back = self.list_domains.get(&name).filter(|domain| domain.id == id).cloned();
        let domain = match (domain_rows::find(&mut db, &name).await?, coming_back) {
            (Some(domain), _) if domain.id == id => Arc::new(domain.list_domain()),
            (None, Some(domain)) => domain,
            // What has the name now is another domain, and somebody else's perhaps.
            (Some(_) | None, _) => {
                self.tally.applied.add_notes(vec![Note::DomainChangedSince { name }]);
                return Ok(());
            }
        };
        let mut draft = Draft::default();
        for chunk in rows.chunks(BATCH) {
            let accounts = chunk.iter().filter_map(|row| row.before.as_ref()?.account.as_ref());
            let locals = chunk.iter().map(|row| &row.local).chain(accounts).collect();
            related_rows::load(&mut db, &mut draft, &domain, locals, true).await?;
        }
        draft.restore(&domain, &rows);
        self.list_domains.insert(name, domain);
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
        let name = self.list_domains.keys().next().map(DomainName::as_str).unwrap_or_default().to_owned();
        // What is of several domains is of nobody who has one of them.
        let whose = self.list_domains.values().next().filter(|_| self.list_domains.len() == 1).map(|domain| domain.id);
        let mut stage = match summary {
            Some(_) => Some(PlanWriter::begin_for(self.db, (&name, whose), "undo", base, actor, now).await?),
            None => None,
        };
        for (domain, before, after) in &mut self.domains {
            self.tally.differences.entry(domain.id).or_default();
            if let (Some(before), Some(after)) = (before.as_ref(), after.as_mut()) {
                name_servers_anew(before, after, actor.via);
            }
            if let Some(stage) = &mut stage {
                stage.domain(domain, before.as_ref(), after.as_ref())?;
            }
        }
        self.tally.renames = self.drafts.iter().any(has_renames);
        let mut changed: Vec<_> = self.drafts.iter().flat_map(Draft::changed_in_order).collect();
        changed.sort_by_key(|(change, _)| *change);
        for (_, address) in changed {
            let (before, after) = self.tally.address(address);
            let id = address.before.as_ref().or(address.now.as_ref()).map(|state| state.id);
            if let Some(stage) = &mut stage {
                stage.row(&address.domain, id, &address.local, before.as_ref(), after.as_ref()).await?;
            }
        }
        for draft in &mut self.drafts {
            self.tally.applied.add_findings(draft);
        }
        let mut planned = self.tally.planned(base, Shrunken::default());
        if let (Some(stage), Some(summary)) = (stage, summary) {
            planned.id = stage.finish(&planned, &self.tally, summary).await?;
        }
        Ok(planned)
    }
}
