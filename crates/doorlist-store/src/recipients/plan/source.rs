//! A source's list compared with the store and made a plan: rows are loaded for the rules, and what follows is staged.
//! Nothing is locked and nothing of the list is written; what moves meanwhile is seen when the plan is applied.

use super::stage::PlanWriter;
use crate::db::{Bind, Db, Read};
use crate::error::StoreError;
use crate::json_rows::to_json;
use crate::recipients::codes::BATCH;
use crate::recipients::outcome::ApplyError;
use crate::recipients::{domain_rows, packed, related_rows, version};
use crate::work_progress::WorkProgress;
use doorlist_core::address::LocalPart;
use doorlist_core::change::{Actor, Source, Structure};
use doorlist_core::domain::DomainId;
use doorlist_core::list_change::{
    Compared, Coverage, DraftAddress, ListDomain, Planned, Refusal, RowChange, RowState, Shrunken, SourceComparison,
    SourcePlan, SourcePlanner, Tally,
};
use doorlist_core::source_rows::SourceRow;
use doorlist_core::time::Timestamp;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Makes the plan; with `summary`, its rows are staged. Each row is counted when it is compared and when it is staged.
pub(super) async fn plan(
    mut db: &Db,
    plan: &SourcePlan<'_>,
    actor: &Actor,
    summary: Option<&str>,
    now: Timestamp,
    progress: &WorkProgress,
) -> Result<Planned, ApplyError> {
    let base = version::version(db).await?;
    let stored = domain_rows::find(&mut db, plan.domain).await?;
    let stored = stored.ok_or_else(|| Refusal::UnknownDomain { name: plan.domain.clone() })?;
    let domain = Arc::new(stored.list_domain());
    let Compared { mut states, draft, gone, expired, size } =
        compare(db, &domain, plan, stored.counts.rows(), now, progress).await?;
    let rules = SourcePlanner::new(plan, &domain, (&actor.name, now), draft);
    let mut planning = Planning { db, plan, domain, rules, progress };
    planning.load(&gone).await?;
    planning.load(&expired).await?;
    let renamed = planning.rules.renamed(&gone);
    let (accounts, aliases) = planning.rules.rows_by_rule(&mut states, &renamed);
    planning.claim(&accounts).await?;
    planning.claim(&aliases).await?;
    planning.rules.let_go(&gone, &renamed);
    planning.rules.withdraw(&expired);
    let lost = planning.rules.lost();
    let size = match size {
        Some(size) => size,
        None if lost == 0 => 0,
        None => self::size(db, planning.domain.id, plan.source).await?,
    };
    let stage = match summary {
        Some(summary) => Some((PlanWriter::begin(db, plan, base, actor, now).await?, summary)),
        None => None,
    };
    Ok(planning.finish(&states, base, Shrunken { size, lost }, stage).await?)
}

/// Reads what the list has of a domain, as far as the source's list concerns it.
async fn compare(
    db: &Db,
    domain: &Arc<ListDomain>,
    plan: &SourcePlan<'_>,
    rows: u64,
    now: Timestamp,
    progress: &WorkProgress,
) -> Result<Compared, StoreError> {
    let whole = SourceComparison::needs_whole_domain(plan, rows);
    let brought = plan.list.rows.len() as u64;
    progress.begin(brought + if whole { rows } else { brought });
    let mut comparison = SourceComparison::new(domain, plan, whole, now);
    match whole {
        true if rows == 0 => {}
        true => compare_all(db, domain, &mut comparison, progress).await?,
        false => compare_named(db, domain, plan, &mut comparison, progress).await?,
    }
    if let Coverage::Entries(keys) = plan.coverage {
        compare_entries(db, domain, plan.source, keys, &mut comparison).await?;
    }
    Ok(comparison.finish())
}

/// Reads the whole domain, page by page.
async fn compare_all(
    mut db: &Db,
    domain: &ListDomain,
    comparison: &mut SourceComparison<'_>,
    progress: &WorkProgress,
) -> Result<(), StoreError> {
    let mut after = String::new();
    loop {
        let page = packed::page(&mut db, domain, &after, None, BATCH).await?;
        let full = page.len() >= BATCH;
        if let Some((last, _)) = page.last() {
            after = last.as_str().to_owned();
        }
        progress.add(page.len() as u64);
        comparison.merge(page);
        if !full {
            return Ok(());
        }
    }
}

/// Reads the named addresses only: they are few in a long list.
async fn compare_named(
    mut db: &Db,
    domain: &ListDomain,
    plan: &SourcePlan<'_>,
    comparison: &mut SourceComparison<'_>,
    progress: &WorkProgress,
) -> Result<(), StoreError> {
    let rows = &plan.list.rows;
    for first in (0..rows.len()).step_by(BATCH) {
        let chunk = first..rows.len().min(first + BATCH);
        progress.add(chunk.len() as u64);
        let locals: Vec<_> = chunk.map(|at| LocalPart::from_canonical(rows.local(at))).collect();
        let mut found = packed::by_name(&mut db, domain, &locals.iter().collect::<Vec<_>>()).await?;
        found.sort_by(|a, b| a.0.cmp(&b.0));
        comparison.merge(found);
    }
    Ok(())
}

/// Reads the addresses of these entries of a directory.
async fn compare_entries(
    mut db: &Db,
    domain: &ListDomain,
    source: &Source,
    keys: &[Box<str>],
    comparison: &mut SourceComparison<'_>,
) -> Result<(), StoreError> {
    // CROSS JOIN keeps SQLite to this order: few keys first, then what they find.
    const SQL: &str = "
        SELECT a.local FROM json_each($1) AS k CROSS JOIN claim AS c CROSS JOIN claim_source AS s
        CROSS JOIN address AS a
        WHERE c.entry_key = CAST(k.value ->> 0 AS TEXT) AND s.id = c.source_id AND s.name = $2
          AND a.id = c.address_id AND a.domain_id = $3 AND c.missing_since IS NULL";
    let source = source.to_string();
    for keys in keys.chunks(BATCH) {
        let json = to_json(&keys.iter().map(|key| [key]).collect::<Vec<_>>())?;
        let binds = [Bind::Text(&json), Bind::Text(&source), Bind::Int(domain.id.0.into())];
        for row in db.rows(SQL, &binds).await? {
            comparison.merge_entry(LocalPart::from_canonical(row.text(0)?));
        }
    }
    Ok(())
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

/// The rules of a plan, with where their rows come from.
struct Planning<'a> {
    db: &'a Db,
    plan: &'a SourcePlan<'a>,
    domain: Arc<ListDomain>,
    rules: SourcePlanner<'a>,
    progress: &'a WorkProgress,
}

impl Planning<'_> {
    async fn load(&mut self, locals: &[LocalPart]) -> Result<(), StoreError> {
        let mut db = self.db;
        for chunk in locals.chunks(BATCH) {
            related_rows::load(&mut db, &mut self.rules.draft, &self.domain, chunk.iter().collect(), true).await?;
        }
        Ok(())
    }

    /// Claims rows that the rules decide on.
    async fn claim(&mut self, rows: &[usize]) -> Result<(), ApplyError> {
        for chunk in rows.chunks(BATCH) {
            let chunk: Vec<SourceRow> = chunk.iter().filter_map(|at| self.plan.list.rows.get(*at)).collect();
            let locals = chunk.iter().flat_map(|row| std::iter::once(&row.local).chain(target(row)));
            let (mut db, locals) = (self.db, locals.collect::<BTreeSet<_>>());
            related_rows::load(&mut db, &mut self.rules.draft, &self.domain, locals, true).await?;
            for row in &chunk {
                self.rules.claim(row)?;
            }
        }
        Ok(())
    }

    /// Counts all rows, and stages them in the order of [`RowChange`].
    async fn finish(
        mut self,
        states: &[RowState],
        base: u64,
        shrinking: Shrunken,
        mut stage: Option<(PlanWriter<'_>, &str)>,
    ) -> Result<Planned, StoreError> {
        self.rules.count_same(states);
        let mut draft = std::mem::take(&mut self.rules.draft);
        let mut tally = std::mem::take(&mut self.rules.tally);
        let changed = draft.changed_in_order();
        let (first, rest) = changed.split_at(changed.partition_point(|(change, _)| *change < RowChange::Added));
        for (_, address) in first {
            put(&mut stage, &mut tally, address).await?;
        }
        let rows = self.plan.list.rows.iter().zip(states);
        for (row, state) in rows {
            self.progress.add(1);
            if *state != RowState::Absent {
                continue;
            }
            let record = self.rules.new_record(&row);
            tally.row(&self.domain, &row.local, None, Some(&record));
            if let Some((stage, _)) = &mut stage {
                stage.row(&self.domain, None, &row.local, None, Some(&record)).await?;
            }
        }
        for (_, address) in rest {
            put(&mut stage, &mut tally, address).await?;
        }
        drop(changed);
        tally.applied.add_findings(&mut draft);
        let mut planned = tally.planned(base, shrinking);
        if let Some((stage, summary)) = stage {
            planned.id = stage.finish(&planned, &tally, summary).await?;
        }
        Ok(planned)
    }
}

async fn put(
    stage: &mut Option<(PlanWriter<'_>, &str)>,
    tally: &mut Tally,
    address: &DraftAddress,
) -> Result<(), StoreError> {
    let (before, after) = tally.address(address);
    let id = address.before.as_ref().map(|state| state.id);
    match stage {
        Some((stage, _)) => stage.row(&address.domain, id, &address.local, before.as_ref(), after.as_ref()).await,
        None => Ok(()),
    }
}

fn target(row: &SourceRow) -> Option<&LocalPart> {
    match &row.structure {
        Structure::AliasOf(target) => Some(target),
        Structure::Mailbox | Structure::DistributionList => None,
    }
}
