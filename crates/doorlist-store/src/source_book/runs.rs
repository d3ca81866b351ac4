//! What came of each reading of a source: for people who look back, and for the guard against a list that shrinks.

use super::SourceBook;
use crate::db::{Bind, Read, Row};
use crate::error::StoreError;
use crate::recipients::domain_name;
use doorlist_core::address::DomainName;
use doorlist_core::change::{PlanId, Source};
use doorlist_core::shrink_guard::Loss;
use doorlist_core::time::Timestamp;
use serde::{Deserialize, Serialize};

/// How a reading ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunOutcome {
    Applied,
    Same,
    /// A limit stopped it: a plan waits for a person.
    Held,
    /// It could not be read, or what was read was not believed; nothing was changed.
    Failed,
}

impl RunOutcome {
    /// The word in the store and on screen.
    pub fn word(self) -> &'static str {
        match self {
            RunOutcome::Applied => "applied",
            RunOutcome::Same => "same",
            RunOutcome::Held => "held",
            RunOutcome::Failed => "failed",
        }
    }

    fn parse(word: &str) -> Result<Self, StoreError> {
        let all = [RunOutcome::Applied, RunOutcome::Same, RunOutcome::Held, RunOutcome::Failed];
        all.into_iter()
            .find(|o| o.word() == word)
            .ok_or_else(|| StoreError::corrupt("source_run", format!("outcome {word:?}")))
    }
}

/// One run of a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Its number, given by the store.
    pub id: u64,
    pub source: String,
    pub domain: DomainName,
    pub began: Timestamp,
    pub ended: Timestamp,
    pub outcome: RunOutcome,
    /// Addresses that it lost, if it was applied.
    pub lost: u64,
    /// Addresses that the source claimed before.
    pub size: u64,
    /// The plan that waits, or was applied.
    pub plan: Option<PlanId>,
    /// The change that was made.
    pub change_id: Option<u64>,
    /// What its maker tells of it: JSON.
    pub report: String,
}

impl SourceBook {
    pub async fn add_run(&self, run: &RunRecord) -> Result<(), StoreError> {
        const SQL: &str = "
            INSERT INTO source_run (id, source, domain_name, began, ended, outcome, lost, size, plan_id, change_id, report)
            SELECT COALESCE(MAX(id), 0) + 1, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10 FROM source_run";
        let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        let binds = [
            Bind::Text(&run.source),
            Bind::Text(run.domain.as_str()),
            Bind::Int(run.began.as_millis()),
            Bind::Int(run.ended.as_millis()),
            Bind::Text(run.outcome.word()),
            Bind::Int(number(run.lost)),
            Bind::Int(number(run.size)),
            Bind::IntOrNull(run.plan.map(|id| number(id.0))),
            Bind::IntOrNull(run.change_id.map(number)),
            Bind::Text(&run.report),
        ];
        let mut tx = self.db.begin().await?;
        // The row that every change locks: numbers are given one at a time.
        tx.row("SELECT version FROM list_state WHERE id = 1 FOR UPDATE", &[]).await?;
        tx.execute(SQL, &binds).await?;
        tx.commit().await
    }

    /// Readings of a source, newest first.
    pub async fn runs(&self, source: &str, before: Option<u64>, limit: u32) -> Result<Vec<RunRecord>, StoreError> {
        const SQL: &str = "
            SELECT id, source, domain_name, began, ended, outcome, lost, size, plan_id, change_id, report
            FROM source_run WHERE source = $1 AND id < $2 ORDER BY id DESC LIMIT $3";
        let before = before.and_then(|id| i64::try_from(id).ok()).unwrap_or(i64::MAX);
        let mut db = &self.db;
        let rows = db.rows(SQL, &[Bind::Text(source), Bind::Int(before), Bind::Int(limit.into())]).await?;
        rows.iter().map(run).collect()
    }

    /// What a source lost since then, for [`doorlist_core::shrink_guard::check`].
    pub async fn losses(
        &self,
        source: &Source,
        domain: &DomainName,
        since: Timestamp,
    ) -> Result<Vec<Loss>, StoreError> {
        const SQL: &str = "
            SELECT ended, lost, size FROM source_run
            WHERE source = $1 AND domain_name = $2 AND began >= $3 AND (lost > 0 OR size > 0)";
        let source = source.to_string();
        let binds = [Bind::Text(&source), Bind::Text(domain.as_str()), Bind::Int(since.as_millis())];
        let mut db = &self.db;
        let rows = db.rows(SQL, &binds).await?;
        let loss = |row: &Row| {
            let (lost, size) = (row.int(1)?.cast_unsigned(), row.int(2)?.cast_unsigned());
            Ok(Loss { at: Timestamp::from_millis(row.int(0)?), lost, size })
        };
        rows.iter().map(loss).collect()
    }

    /// When a source's readings since then began, the oldest first.
    pub async fn runs_since(
        &self,
        source: &str,
        domain: &DomainName,
        since: Timestamp,
    ) -> Result<Vec<Timestamp>, StoreError> {
        const SQL: &str = "
            SELECT began FROM source_run WHERE source = $1 AND domain_name = $2 AND began >= $3 ORDER BY began";
        let binds = [Bind::Text(source), Bind::Text(domain.as_str()), Bind::Int(since.as_millis())];
        let mut db = &self.db;
        let rows = db.rows(SQL, &binds).await?;
        rows.iter().map(|row| Ok(Timestamp::from_millis(row.int(0)?))).collect()
    }

    /// When a source was last read and taken over.
    pub async fn last_seen(&self, source: &str, domain: &DomainName) -> Result<Option<Timestamp>, StoreError> {
        const SQL: &str = "
            SELECT MAX(began) FROM source_run
            WHERE source = $1 AND domain_name = $2 AND outcome IN ('applied', 'same')";
        let mut db = &self.db;
        let row = db.row(SQL, &[Bind::Text(source), Bind::Text(domain.as_str())]).await?;
        Ok(row.map_or(Ok(None), |row| row.int_or_null(0))?.map(Timestamp::from_millis))
    }
}

fn run(row: &Row) -> Result<RunRecord, StoreError> {
    let count = |at| Ok::<_, StoreError>(row.int(at)?.cast_unsigned());
    Ok(RunRecord {
        id: count(0)?,
        source: row.text(1)?.to_owned(),
        domain: domain_name(row.text(2)?)?,
        began: Timestamp::from_millis(row.int(3)?),
        ended: Timestamp::from_millis(row.int(4)?),
        outcome: RunOutcome::parse(row.text(5)?)?,
        lost: count(6)?,
        size: count(7)?,
        plan: row.int_or_null(8)?.map(|id| PlanId(id.cast_unsigned())),
        change_id: row.int_or_null(9)?.map(i64::cast_unsigned),
        report: row.text(10)?.to_owned(),
    })
}
