//! Writing a plan's rows, in short transactions: mail and changes by hand go on meanwhile. What is left of a plan that
//! was never finished is swept later. Must not know what the rows mean.

use super::tally::Tally;
use super::{Planned, SourcePlan};
use crate::db::{Bind, Db, Read};
use crate::directory::held::Home;
use crate::directory::log::{Difference, via_word};
use crate::directory::records::{AddressRecord, DomainRecord};
use crate::directory::rows::{BATCH, corrupt, to_json};
use crate::error::StoreError;
use doorlist_core::address::{DomainName, LocalPart};
use doorlist_core::change::{Actor, PlanId};
use doorlist_core::domain::DomainId;
use doorlist_core::list::AddressId;
use doorlist_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What applying needs to know beside the rows.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Staged {
    pub(super) planned: Planned,
    pub(super) differences: BTreeMap<DomainId, Difference>,
    pub(super) sources: Vec<String>,
    /// Rows of addresses.
    pub(super) rows: u64,
    /// The last row's place.
    pub(super) last_place: u64,
    /// Some of them are aliases afterwards.
    pub(super) aliases: bool,
    /// Some of them are vetoed afterwards.
    pub(super) vetoes: bool,
    /// Some of them are on the list already.
    pub(super) existing: bool,
}

/// A plan that is being written.
pub(super) struct Stage<'a> {
    db: &'a Db,
    id: PlanId,
    place: u64,
    rows: u64,
    /// A JSON array of rows, without its end.
    text: Vec<u8>,
    waiting: usize,
}

/// `place, domain, its name, address, local part, before, after`
type Row<'a, R> = (u64, DomainId, &'a DomainName, Option<AddressId>, Option<&'a str>, Option<&'a R>, Option<&'a R>);

impl<'a> Stage<'a> {
    /// Gives the plan a number.
    pub(super) async fn begin(
        db: &'a Db,
        plan: &SourcePlan<'_>,
        base: u64,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        Self::begin_for(db, plan.domain.as_str(), &plan.source.to_string(), base, actor, now).await
    }

    pub(super) async fn begin_for(
        db: &'a Db,
        domain: &str,
        source: &str,
        base: u64,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        const SQL: &str = "
            INSERT INTO plan (id, domain_name, source, state, base, made, actor, via, summary, outcome, report)
            VALUES ($1, $2, $3, 'staging', $4, $5, $6, $7, '', '{}', '{}')";
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
        ];
        tx.execute(SQL, &binds).await?;
        tx.commit().await?;
        Ok(Self { db, id: PlanId(id.cast_unsigned()), place: 0, rows: 0, text: Vec::new(), waiting: 0 })
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
        let row: Row<'_, AddressRecord> = (self.place, home.id, &home.name, id, Some(local.as_str()), before, after);
        self.put(&row)?;
        if self.waiting >= BATCH { self.write().await } else { Ok(()) }
    }

    /// Takes a row of a domain itself.
    pub(super) fn domain(
        &mut self,
        home: &Home,
        before: Option<&DomainRecord>,
        after: Option<&DomainRecord>,
    ) -> Result<(), StoreError> {
        self.place += 1;
        let row: Row<'_, DomainRecord> = (self.place, home.id, &home.name, None, None, before, after);
        self.put(&row)
    }

    fn put<R: Serialize>(&mut self, row: &Row<'_, R>) -> Result<(), StoreError> {
        self.text.push(if self.waiting == 0 { b'[' } else { b',' });
        self.waiting += 1;
        serde_json::to_writer(&mut self.text, row).map_err(|e| corrupt("change_row", e.to_string()))
    }

    async fn write(&mut self) -> Result<(), StoreError> {
        const SQL: &str = "
            INSERT INTO change_row (batch, place, domain_id, domain_name, address_id, local, before, after)
            SELECT $2, CAST(value ->> 0 AS BIGINT), CAST(value ->> 1 AS BIGINT), CAST(value ->> 2 AS TEXT),
                   CAST(value ->> 3 AS BIGINT), CAST(value ->> 4 AS TEXT), CAST(value ->> 5 AS TEXT),
                   CAST(value ->> 6 AS TEXT)
            FROM json_each($1)";
        if self.waiting == 0 {
            return Ok(());
        }
        self.text.push(b']');
        let text = str::from_utf8(&self.text).map_err(|e| corrupt("change_row", e.to_string()))?;
        let mut tx = self.db.begin().await?;
        tx.execute(SQL, &[Bind::Text(text), Bind::Int(batch(self.id))]).await?;
        tx.commit().await?;
        self.text.clear();
        self.waiting = 0;
        Ok(())
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
            sources: tally.sources.iter().cloned().collect(),
            rows: self.rows,
            last_place: self.place,
            aliases: tally.aliases,
            vetoes: tally.vetoes,
            existing: tally.existing,
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
