//! What follows from a source's list: claims, claims that go missing or are withdrawn, renames. Nothing is locked and
//! nothing of the list is written; what moves meanwhile is seen when the plan is applied.

use super::compare::{Compared, State, compare};
use super::stage::Stage;
use super::tally::Tally;
use super::{Planned, Shrunken, SourcePlan, domain_at};
use crate::db::{Bind, Db, Read};
use crate::directory::draft::{Claim, Draft, Origin};
use crate::directory::held::{Held, Home, Slot};
use crate::directory::outcome::{ApplyError, Refusal};
use crate::directory::records::{AddressRecord, ClaimRecord};
use crate::directory::rows::BATCH;
use crate::directory::taking;
use crate::error::StoreError;
use doorlist_core::address::LocalPart;
use doorlist_core::change::{Actor, Source, Structure};
use doorlist_core::domain::DomainId;
use doorlist_core::list::{AddressId, Kind, Standing};
use doorlist_core::source_rows::{EntryPlace, Place, SourceRow};
use doorlist_core::time::Timestamp;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Makes the plan; with `summary`, its rows are staged.
pub(super) async fn plan(
    db: &Db,
    plan: &SourcePlan<'_>,
    actor: &Actor,
    summary: Option<&str>,
    now: Timestamp,
) -> Result<Planned, ApplyError> {
    let (base, domain) = domain_at(db, plan.domain).await?;
    let domain = domain.ok_or_else(|| Refusal::UnknownDomain { name: plan.domain.clone() })?;
    let home = Arc::new(Home { id: domain.id, name: domain.name.clone() });
    let counts = domain.counts;
    let listed = counts.mailboxes + counts.aliases + counts.lists + counts.vetoed;
    let Compared { mut states, draft, gone, expired, size } = compare(db, &home, plan, listed, now).await?;
    let mut planner =
        Planner { db, plan, home, by: &actor.name, now, draft, tally: Tally::default(), fresh: u32::MAX, lost: 0 };
    planner.take(&gone).await?;
    planner.take(&expired).await?;
    let renamed = planner.renamed(&gone);
    for to in renamed.values() {
        if let Some(at) = plan.list.find(to).filter(|at| states[*at] == State::Absent) {
            states[at] = State::ByRule;
        }
    }
    planner.claim_all(&states).await?;
    planner.let_go(&gone, &renamed);
    for local in &expired {
        planner.draft.withdraw(&planner.home, local, plan.source);
    }
    let size = match size {
        Some(size) => size,
        None if planner.lost == 0 => 0,
        None => self::size(db, planner.home.id, plan.source).await?,
    };
    planner.finish(&states, base, size, actor, summary).await
}

/// Claims of a source in a domain, those in grace apart.
async fn size(mut db: &Db, domain: DomainId, source: &Source) -> Result<u64, StoreError> {
    const SQL: &str = "
        SELECT COUNT(*) FROM address AS a JOIN claim AS c ON c.address_id = a.id
        JOIN claim_source AS s ON s.id = c.source_id
        WHERE a.domain_id = $1 AND s.name = $2 AND c.missing_since IS NULL";
    let row = db.row(SQL, &[Bind::Int(domain.0.into()), Bind::Text(&source.to_string())]).await?;
    Ok(row.map_or(Ok(0), |row| row.int(0))?.cast_unsigned())
}

struct Planner<'a> {
    db: &'a Db,
    plan: &'a SourcePlan<'a>,
    home: Arc<Home>,
    by: &'a str,
    now: Timestamp,
    draft: Draft,
    tally: Tally,
    /// New rows have a number in hand, counted down; they get their own when the plan is applied.
    fresh: u32,
    lost: u64,
}

impl Planner<'_> {
    /// Claims that the rules decide on: accounts first, then the aliases that lead to them.
    async fn claim_all(&mut self, states: &[State]) -> Result<(), ApplyError> {
        let rows = &self.plan.list.rows;
        let by_rule = (0..rows.len()).filter(|at| states.get(*at) == Some(&State::ByRule));
        let (aliases, accounts): (Vec<_>, Vec<_>) = by_rule.partition(|at| rows.target(*at).is_some());
        for chunk in accounts.chunks(BATCH).chain(aliases.chunks(BATCH)) {
            let chunk: Vec<SourceRow> = chunk.iter().filter_map(|at| rows.get(*at)).collect();
            let locals = chunk.iter().flat_map(|row| std::iter::once(&row.local).chain(target(row)));
            let (mut db, locals) = (self.db, locals.collect::<BTreeSet<_>>());
            taking::with_relations(&mut db, &mut self.draft, &self.home, locals, true).await?;
            for row in &chunk {
                self.claim(row)?;
            }
        }
        self.tally.applied.same += states.iter().filter(|state| **state == State::Same).count() as u64;
        Ok(())
    }

    fn claim(&mut self, row: &SourceRow) -> Result<(), Refusal> {
        let place = self.place(row);
        let at = Origin { now: self.now, by: self.by, place: Some(&place), key: key(row) };
        let (structure, source, switched_off) = (&row.structure, self.plan.source, row.switched_off);
        let next = &mut self.fresh;
        let mut fresh = || {
            *next -= 1;
            Ok(AddressId(*next))
        };
        self.draft.claim(&self.home, &row.local, Claim { structure, source, at, switched_off }, &mut fresh)
    }

    fn place(&self, row: &SourceRow) -> String {
        match self.plan.file {
            Some(file) => format!("{file}, {}", row.place),
            None => row.place.to_string(),
        }
    }

    async fn take(&mut self, locals: &[LocalPart]) -> Result<(), StoreError> {
        let mut db = self.db;
        for chunk in locals.chunks(BATCH) {
            taking::with_relations(&mut db, &mut self.draft, &self.home, chunk.iter().collect(), true).await?;
        }
        Ok(())
    }

    /// Of what the source has no more: accounts whose entry has another address now.
    fn renamed(&self, gone: &[LocalPart]) -> HashMap<LocalPart, LocalPart> {
        if gone.is_empty() {
            return HashMap::new();
        }
        let rows = &self.plan.list.rows;
        let accounts = (0..rows.len()).filter(|at| rows.target(*at).is_none());
        let key = |at: usize| rows.entry(at)?.key.as_deref();
        let now: HashMap<&str, &str> = accounts.filter_map(|at| Some((key(at)?, rows.local(at)))).collect();
        let to = |local: &LocalPart| {
            let claims = &self.draft.held(&self.home, local)?.claims;
            let claim = claims.iter().find(|claim| claim.source == *self.plan.source)?;
            let was_account = !matches!(claim.structure, Structure::AliasOf(_));
            now.get(claim.key.as_deref()?).filter(|_| was_account).map(|local| LocalPart::from_canonical(local))
        };
        gone.iter().filter_map(|local| Some((local.clone(), to(local)?))).collect()
    }

    /// What the source has no more: with grace it is marked, else its claim goes at once.
    fn let_go(&mut self, gone: &[LocalPart], renamed: &HashMap<LocalPart, LocalPart>) {
        let source = self.plan.source;
        for local in gone {
            if let Some(to) = renamed.get(local) {
                self.draft.rename(&self.home, local, to, source, self.now);
                continue;
            }
            self.lost += 1;
            if source.has_grace() {
                let kind = self.draft.held(&self.home, local).map(|held| held.kind);
                self.tally.applied.missing += 1;
                self.tally.delete(kind);
                self.draft.mark_missing(&self.home, local, source, self.now);
            } else {
                self.draft.withdraw(&self.home, local, source);
            }
        }
    }

    /// Counts all rows, and stages them.
    async fn finish(
        mut self,
        states: &[State],
        base: u64,
        size: u64,
        actor: &Actor,
        summary: Option<&str>,
    ) -> Result<Planned, ApplyError> {
        let mut stage = match summary {
            Some(_) => Some(Stage::begin(self.db, self.plan, base, actor, self.now).await?),
            None => None,
        };
        for (row, _) in self.plan.list.rows.iter().zip(states).filter(|(_, state)| **state == State::Absent) {
            let record = self.new_record(&row);
            self.tally.row(&self.home, &row.local, None, Some(&record));
            if let Some(stage) = &mut stage {
                stage.row(&self.home, None, &row.local, None, Some(&record)).await?;
            }
        }
        let mut draft = std::mem::take(&mut self.draft);
        for slot in draft.slots().iter().filter(|slot| slot.before != slot.now) {
            self.slot(slot, &mut stage).await?;
        }
        self.tally.applied.same += draft.same;
        self.tally.applied.vetoed += draft.vetoed;
        self.tally.applied.conflicts += draft.conflicts;
        self.tally.note(std::mem::take(&mut draft.notes));
        self.tally.applied.version = base;
        let mut planned = Planned {
            id: None,
            base,
            operations: self.tally.operations,
            shrinking: Shrunken { size, lost: self.lost },
            examples: std::mem::take(&mut self.tally.examples),
            applied: self.tally.applied.clone(),
        };
        if let (Some(stage), Some(summary)) = (stage, summary) {
            planned.id = stage.finish(&planned, &self.tally, summary).await?;
        }
        Ok(planned)
    }

    async fn slot(&mut self, slot: &Slot, stage: &mut Option<Stage<'_>>) -> Result<(), StoreError> {
        let (before, after) = (slot.before.as_ref().map(Held::record), slot.now.as_ref().map(Held::record));
        self.tally.row(&slot.home, &slot.local, before.as_ref(), after.as_ref());
        let id = slot.before.as_ref().map(|held| held.id);
        match stage {
            Some(stage) => stage.row(&slot.home, id, &slot.local, before.as_ref(), after.as_ref()).await,
            None => Ok(()),
        }
    }

    /// An address that no rule has to look at, as it will stand.
    fn new_record(&self, row: &SourceRow) -> AddressRecord {
        let (kind, account) = match &row.structure {
            Structure::Mailbox => (Kind::Mailbox, None),
            Structure::DistributionList => (Kind::List, None),
            Structure::AliasOf(account) => (Kind::Alias, Some(account.clone())),
        };
        let claim = ClaimRecord {
            source: self.plan.source.clone(),
            structure: row.structure.clone(),
            since: self.now,
            by: self.by.to_owned(),
            place: Some(self.place(row)),
            key: key(row).map(str::to_owned),
            missing_since: None,
        };
        let standing = if row.switched_off { Standing::SwitchedOff } else { Standing::Active };
        AddressRecord { kind, account, standing, claims: vec![claim], veto: None }
    }
}

fn target(row: &SourceRow) -> Option<&LocalPart> {
    match &row.structure {
        Structure::AliasOf(target) => Some(target),
        _ => None,
    }
}

fn entry(row: &SourceRow) -> Option<&EntryPlace> {
    match &row.place {
        Place::Entry(entry) => Some(entry),
        Place::Line(_) | Place::Item(_) => None,
    }
}

fn key(row: &SourceRow) -> Option<&str> {
    entry(row)?.key.as_deref()
}
