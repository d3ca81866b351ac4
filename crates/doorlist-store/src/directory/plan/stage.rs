//! Writing a plan's rows, in short transactions: mail and changes by hand go on meanwhile. What is left of a plan that
//! was never finished is swept later. Must not know what the rows mean.

use super::tally::Tally;
use super::{Planned, SourcePlan};
use crate::db::{Bind, Db, Read, Tx};
use crate::directory::domain_rows;
use crate::directory::held::Home;
use crate::directory::log::{Difference, via_word};
use crate::directory::records::{AddressRecord, ClaimRecord, DomainRecord};
use crate::directory::rows::{BATCH, corrupt, kind_code, source_id, standing_code, structure_columns, to_json};
use crate::error::StoreError;
use doorlist_core::address::{DomainName, LocalPart};
use doorlist_core::change::{Actor, PlanId, Source};
use doorlist_core::domain::DomainId;
use doorlist_core::list::AddressId;
use doorlist_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// What applying needs to know beside the rows.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Staged {
    pub(super) planned: Planned,
    pub(super) differences: BTreeMap<DomainId, Difference>,
    /// Rows of addresses.
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
}

/// A plan that is being written.
pub(super) struct Stage<'a> {
    db: &'a Db,
    id: PlanId,
    place: u64,
    rows: u64,
    rows_text: Array,
    claims_text: Array,
    /// The numbers of sources that were met.
    sources: HashMap<Source, i64>,
}

/// A JSON array that grows; its end is written when it is taken.
#[derive(Default)]
struct Array {
    text: Vec<u8>,
    len: usize,
}

impl Array {
    fn push(&mut self, value: &impl Serialize) -> Result<(), StoreError> {
        self.text.push(if self.len == 0 { b'[' } else { b',' });
        self.len += 1;
        serde_json::to_writer(&mut self.text, value).map_err(|e| corrupt("change_row", e.to_string()))
    }

    /// Runs a bulk statement with what there is, and begins anew.
    async fn write(&mut self, tx: &mut Tx, sql: &'static str, batch: i64) -> Result<(), StoreError> {
        if self.len > 0 {
            self.text.push(b']');
            let text = str::from_utf8(&self.text).map_err(|e| corrupt("change_row", e.to_string()))?;
            tx.execute(sql, &[Bind::Text(text), Bind::Int(batch)]).await?;
            self.text.clear();
            self.len = 0;
        }
        Ok(())
    }
}

/// A row as it is staged: before and after for the log, and what of it is written to the address.
#[derive(Serialize)]
struct Row<'a, R>(
    u64,
    DomainId,
    &'a DomainName,
    Option<AddressId>,
    Option<&'a str>,
    Option<&'a R>,
    Option<&'a R>,
    Option<Columns<'a>>,
);

/// `kind, standing, account, vetoed at, vetoed by`
type Columns<'a> = (i64, i64, Option<&'a str>, Option<i64>, Option<&'a str>);

impl<'a> Stage<'a> {
    /// Gives the plan a number.
    pub(super) async fn begin(
        db: &'a Db,
        plan: &SourcePlan<'_>,
        base: u64,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
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
    ) -> Result<Self, StoreError> {
        const SQL: &str = "
            INSERT INTO plan (id, domain_name, domain_id, source, state, base, made, actor, via, summary, outcome, report)
            VALUES ($1, $2, $8, $3, 'staging', $4, $5, $6, $7, '', '{}', '{}')";
        let mut tx = db.begin().await?;
        // The same row that every change locks: numbers are given one at a time.
        tx.row("SELECT version FROM list_state WHERE id = 1 FOR UPDATE", &[]).await?;
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
            rows_text: Array::default(),
            claims_text: Array::default(),
            sources: HashMap::new(),
        })
    }

    /// Takes a row; a full batch is written.
    pub(super) async fn row(
        &mut self,
        home: &Home,
        id: Option<AddressId>,
        local: &LocalPart,
        before: Option<&AddressRecord>,
        after: Option<&AddressRecord>,
    ) -> Result<(), StoreError> {
        self.place += 1;
        self.rows += 1;
        let (place, local) = (self.place, Some(local.as_str()));
        self.rows_text.push(&Row(place, home.id, &home.name, id, local, before, after, after.map(columns)))?;
        for claim in after.iter().flat_map(|record| &record.claims) {
            let source = match self.sources.get(&claim.source) {
                Some(id) => *id,
                None => self.source(&claim.source).await?,
            };
            let (kind, account) = structure_columns(&claim.structure);
            let ClaimRecord { since, by, place: at, key, missing_since, .. } = claim;
            self.claims_text.push(&(place, source, kind, account, since, by, at, key, missing_since))?;
        }
        if self.rows_text.len >= BATCH { self.write().await } else { Ok(()) }
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
        home: &Home,
        before: Option<&DomainRecord>,
        after: Option<&DomainRecord>,
    ) -> Result<(), StoreError> {
        self.place += 1;
        self.rows_text.push(&Row(self.place, home.id, &home.name, None, None, before, after, None))
    }

    async fn write(&mut self) -> Result<(), StoreError> {
        // Named once: SQLite would write out a row's text anew for each of its columns.
        const ROWS: &str = "
            WITH given AS MATERIALIZED (SELECT value AS v FROM json_each($1))
            INSERT INTO change_row (batch, place, domain_id, domain_name, address_id, local, before, after,
                                    kind, standing, account, vetoed_at, vetoed_by)
            SELECT $2, CAST(v ->> 0 AS BIGINT), CAST(v ->> 1 AS BIGINT), CAST(v ->> 2 AS TEXT),
                   CAST(v ->> 3 AS BIGINT), CAST(v ->> 4 AS TEXT), CAST(v ->> 5 AS TEXT),
                   CAST(v ->> 6 AS TEXT), CAST(v -> 7 ->> 0 AS BIGINT), CAST(v -> 7 ->> 1 AS BIGINT),
                   CAST(v -> 7 ->> 2 AS TEXT), CAST(v -> 7 ->> 3 AS BIGINT), CAST(v -> 7 ->> 4 AS TEXT)
            FROM given";
        const CLAIMS: &str = "
            WITH given AS MATERIALIZED (SELECT value AS v FROM json_each($1))
            INSERT INTO plan_claim (batch, place, source_id, kind, account, since, actor, source_place, entry_key,
                                    missing_since)
            SELECT $2, CAST(v ->> 0 AS BIGINT), CAST(v ->> 1 AS BIGINT), CAST(v ->> 2 AS BIGINT),
                   CAST(v ->> 3 AS TEXT), CAST(v ->> 4 AS BIGINT), CAST(v ->> 5 AS TEXT),
                   CAST(v ->> 6 AS TEXT), CAST(v ->> 7 AS TEXT), CAST(v ->> 8 AS BIGINT)
            FROM given";
        let mut tx = self.db.begin().await?;
        self.rows_text.write(&mut tx, ROWS, batch(self.id)).await?;
        self.claims_text.write(&mut tx, CLAIMS, batch(self.id)).await?;
        tx.commit().await
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
        };
        tx.execute(SQL, &[id, Bind::Text(summary), Bind::Text(&to_json(&staged)?)]).await?;
        tx.commit().await?;
        Ok(Some(self.id))
    }
}

/// The number under which a plan's rows stand in the change log.
pub(super) fn batch(id: PlanId) -> i64 {
    i64::try_from(id.0).map_or(i64::MIN, |id| -id)
}

fn columns(record: &AddressRecord) -> Columns<'_> {
    let account = record.account.as_ref().map(LocalPart::as_str);
    let veto = record.veto.as_ref();
    let (at, by) = (veto.map(|veto| veto.since.as_millis()), veto.map(|veto| veto.by.as_str()));
    (kind_code(record.kind), standing_code(record.standing), account, at, by)
}
