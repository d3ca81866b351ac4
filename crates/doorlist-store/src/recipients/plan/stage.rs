//! Writing a plan's rows, in short transactions: mail and changes by hand go on meanwhile. What is left of a plan that
//! was never finished is swept later. Must not know what the rows mean.

use crate::db::{Bind, Cell, Db, NewRows, Read};
use crate::error::StoreError;
use crate::json_rows::to_json;
use crate::recipients::codes::{kind_code, standing_code, structure_columns, via_word};
use crate::recipients::outcome::ApplyError;
use crate::recipients::rows::source_id;
use crate::recipients::{domain_rows, room};
use doorlist_core::address::LocalPart;
use doorlist_core::change::{Actor, PlanId, Source};
use doorlist_core::domain::DomainId;
use doorlist_core::list::AddressId;
use doorlist_core::list_change::{
    AddressRecord, ClaimRecord, CountDifference, DomainRecord, ListDomain, Planned, SourcePlan, Tally,
};
use doorlist_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use tokio::task::JoinSet;

const ROWS: &str = "change_row (batch, place, domain_id, domain_name, address_id, local, before, after, kind, standing,
                                account, vetoed_at, vetoed_by)";
const CLAIMS: &str = "plan_claim (batch, place, source_id, kind, account, since, actor, source_place, entry_key,
                                  missing_since)";

/// Rows that are gathered before they are written, each batch in a transaction of its own: about a kilobyte each, and
/// another batch of them is being written meanwhile.
const GATHERED: usize = 2_000;

/// What applying needs to know beside the rows.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Staged {
    pub(super) planned: Planned,
    pub(super) differences: BTreeMap<DomainId, CountDifference>,
    pub(super) rows: u64,
    /// The last row's place.
    pub(super) last_place: u64,
    /// Some of them are aliases afterwards.
    pub(super) aliases: bool,
    /// Some of them are on the list already.
    pub(super) existing: bool,
    /// Some of them go and come again under another name.
    #[serde(default)]
    pub(super) renames: bool,
    /// None of them has a number yet.
    #[serde(default)]
    pub(super) all_new: bool,
}

/// A plan that is being written.
pub(super) struct PlanWriter<'a> {
    db: &'a Db,
    id: PlanId,
    place: u64,
    rows: u64,
    all_new: bool,
    new_rows: NewRows<13>,
    new_claims: NewRows<10>,
    /// The batch that is being written while the next one is gathered.
    writing: JoinSet<Result<(), StoreError>>,
    /// The numbers of sources that were met.
    sources: HashMap<Source, i64>,
}

/// `kind, standing, account, vetoed at, vetoed by`
type StagedColumns = [Cell; 5];

impl<'a> PlanWriter<'a> {
    /// Gives the plan a number.
    pub(super) async fn begin(
        db: &'a Db,
        plan: &SourcePlan<'_>,
        base: u64,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<Self, ApplyError> {
        let name = plan.domain;
        let id = domain_rows::id_of(&mut &*db, name).await?;
        Self::begin_for(db, (name.as_str(), id), &plan.source.to_string(), base, actor, now).await
    }

    pub(super) async fn begin_for(
        db: &'a Db,
        (domain, whose): (&str, Option<DomainId>),
        source: &str,
        base: u64,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<Self, ApplyError> {
        const SQL: &str = "
            INSERT INTO plan (id, domain_name, domain_id, source, state, base, made, actor, via, summary, outcome, report)
            VALUES ($1, $2, $8, $3, 'staging', $4, $5, $6, $7, '', '{}', '{}')";
        let mut tx = db.begin().await?;
        // The same row that every change locks: numbers are given one at a time.
        tx.row("SELECT version FROM list_state WHERE id = 1 FOR UPDATE", &[]).await?;
        room::for_source_name(&mut tx, domain, source).await?;
        let row = tx.row("SELECT CAST(COALESCE(MAX(id), 0) + 1 AS BIGINT) FROM plan", &[]).await?;
        let id = row.map_or(Ok(1), |row| row.int(0))?;
        let binds = [
            Bind::Int(id),
            Bind::Text(domain),
            Bind::Text(source),
            Bind::Int(i64::try_from(base).unwrap_or(i64::MAX)),
            Bind::Int(now.as_millis()),
            Bind::Text(&actor.name),
            Bind::Text(via_word(actor.via)),
            Bind::IntOrNull(whose.map(|id| id.0.into())),
        ];
        tx.execute(SQL, &binds).await?;
        tx.commit().await?;
        Ok(Self {
            db,
            id: PlanId(id.cast_unsigned()),
            place: 0,
            rows: 0,
            all_new: true,
            new_rows: NewRows::into(ROWS),
            new_claims: NewRows::into(CLAIMS),
            writing: JoinSet::new(),
            sources: HashMap::new(),
        })
    }

    /// Takes a row; a full batch is written while the next one is gathered.
    pub(super) async fn row(
        &mut self,
        domain: &ListDomain,
        id: Option<AddressId>,
        local: &LocalPart,
        before: Option<&AddressRecord>,
        after: Option<&AddressRecord>,
    ) -> Result<(), StoreError> {
        self.place += 1;
        self.rows += 1;
        self.all_new &= id.is_none();
        let (batch, place) = (batch(self.id), self.place.cast_signed());
        let [before_text, after_text] = [before, after].map(|record| record.map(to_json).transpose());
        self.put(domain, id, Some(local), (before_text?, after_text?), after.map(columns));
        for claim in after.iter().flat_map(|record| &record.claims) {
            let source = match self.sources.get(&claim.source) {
                Some(id) => *id,
                None => self.source(&claim.source).await?,
            };
            let (kind, account) = structure_columns(&claim.structure);
            let ClaimRecord { since, by, place: at, key, missing_since, .. } = claim;
            self.new_claims.push([
                batch.into(),
                place.into(),
                source.into(),
                kind.into(),
                account.into(),
                since.as_millis().into(),
                by.as_str().into(),
                at.as_deref().into(),
                key.as_deref().into(),
                missing_since.map(Timestamp::as_millis).into(),
            ]);
        }
        if self.new_rows.len() >= GATHERED { self.write().await } else { Ok(()) }
    }

    async fn source(&mut self, source: &Source) -> Result<i64, StoreError> {
        let mut tx = self.db.begin().await?;
        let id = source_id(&mut tx, source).await?;
        tx.commit().await?;
        self.sources.insert(source.clone(), id);
        Ok(id)
    }

    /// Takes a row of a domain itself.
    pub(super) fn domain(
        &mut self,
        domain: &ListDomain,
        before: Option<&DomainRecord>,
        after: Option<&DomainRecord>,
    ) -> Result<(), StoreError> {
        self.place += 1;
        let [before, after] = [before, after].map(|record| record.map(to_json).transpose());
        self.put(domain, None, None, (before?, after?), None);
        Ok(())
    }

    /// The next place's row: before and after for the log, and what of it is written to the address.
    fn put(
        &mut self,
        domain: &ListDomain,
        id: Option<AddressId>,
        local: Option<&LocalPart>,
        (before, after): (Option<String>, Option<String>),
        columns: Option<StagedColumns>,
    ) {
        let nothing = || [Cell::Int(None), Cell::Int(None), Cell::Text(None), Cell::Int(None), Cell::Text(None)];
        let [kind, standing, account, vetoed_at, vetoed_by] = columns.unwrap_or_else(nothing);
        self.new_rows.push([
            batch(self.id).into(),
            self.place.cast_signed().into(),
            i64::from(domain.id.0).into(),
            domain.name.as_str().into(),
            id.map(|id| i64::from(id.0)).into(),
            local.map(LocalPart::as_str).into(),
            before.into(),
            after.into(),
            kind,
            standing,
            account,
            vetoed_at,
            vetoed_by,
        ]);
    }

    /// Begins to write what was gathered, as soon as what was gathered before is written.
    async fn write(&mut self) -> Result<(), StoreError> {
        self.written().await?;
        let (db, rows, claims) = (self.db.clone(), self.new_rows.take(), self.new_claims.take());
        self.writing.spawn(async move {
            let mut tx = db.begin().await?;
            rows.write(&mut tx).await?;
            claims.write(&mut tx).await?;
            tx.commit().await
        });
        Ok(())
    }

    async fn written(&mut self) -> Result<(), StoreError> {
        match self.writing.join_next().await {
            Some(written) => written.map_err(|e| StoreError::Engine(Box::new(e)))?,
            None => Ok(()),
        }
    }

    /// Writes the rest; from here on the plan can be applied. A plan without rows goes again.
    pub(super) async fn finish(
        mut self,
        planned: &Planned,
        tally: &Tally,
        summary: &str,
    ) -> Result<Option<PlanId>, StoreError> {
        const SQL: &str = "UPDATE plan SET state = 'waiting', summary = $2, outcome = $3 WHERE id = $1";
        self.write().await?;
        self.written().await?;
        let id = Bind::Int(i64::try_from(self.id.0).unwrap_or(i64::MAX));
        let mut tx = self.db.begin().await?;
        if self.place == 0 {
            tx.execute("DELETE FROM plan WHERE id = $1", &[id]).await?;
            tx.commit().await?;
            return Ok(None);
        }
        let staged = Staged {
            planned: Planned { id: Some(self.id), ..planned.clone() },
            differences: tally.differences.clone(),
            rows: self.rows,
            last_place: self.place,
            aliases: tally.aliases,
            existing: tally.existing,
            renames: tally.renames,
            all_new: self.all_new,
        };
        tx.execute(SQL, &[id, Bind::Text(summary), Bind::Text(&to_json(&staged)?)]).await?;
        tx.commit().await?;
        Ok(Some(self.id))
    }
}

/// The number under which a plan's rows stand in the change log.
pub(in crate::recipients) fn batch(id: PlanId) -> i64 {
    i64::try_from(id.0).map_or(i64::MIN, |id| -id)
}

fn columns(record: &AddressRecord) -> StagedColumns {
    let account = record.account.as_ref().map(LocalPart::as_str);
    let veto = record.veto.as_ref();
    let (at, by) = (veto.map(|veto| veto.since.as_millis()), veto.map(|veto| veto.by.as_str()));
    [kind_code(record.kind).into(), standing_code(record.standing).into(), account.into(), at.into(), by.into()]
}
