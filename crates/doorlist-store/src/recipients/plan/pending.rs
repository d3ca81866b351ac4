//! Plans that wait for a person: listing, showing, throwing away. What is left over of old ones is swept in small steps.

use super::stage::{Staged, batch};
use crate::db::{Bind, Read, Row};
use crate::error::StoreError;
use crate::recipients::codes::{BATCH, via_from};
use crate::recipients::handle::RecipientStore;
use crate::recipients::log_rows::change_row;
use crate::recipients::outcome::ApplyError;
use crate::recipients::records::ChangeRow;
use doorlist_core::address::DomainName;
use doorlist_core::change::{Actor, PlanId, Source};
use doorlist_core::list_change::{Planned, Refusal};
use doorlist_core::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Of a domain that was removed and added again, the earlier one's plans are not its own: it may be somebody else's.
const COLUMNS: &str = "
    SELECT id, domain_name, source, state, made, actor, via, summary, held, outcome, report, change_id FROM plan
    WHERE ($1 = '' OR domain_id = (SELECT d.id FROM domain AS d WHERE d.name = $1)) AND id < $2 AND id >= $3 AND state <> 'staging' ORDER BY id DESC LIMIT $4";

/// What became of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanState {
    Waiting,
    /// It is a change now.
    Applied,
    Discarded,
}

/// A plan as a person sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanEntry {
    pub id: PlanId,
    pub domain: String,
    /// Whose claims; `undo` of the inverse of a change.
    pub source: String,
    /// What became of it.
    pub state: PlanState,
    pub made: Timestamp,
    pub actor: Actor,
    pub summary: String,
    /// Why it waits, if a limit stopped it.
    pub held: Option<String>,
    /// What it would do.
    pub planned: Planned,
    /// What its maker adds: how a file was read, its bad rows. JSON.
    pub report: String,
    /// The change that it became.
    pub change_id: Option<u64>,
}

/// Plans from rows of the columns of [`COLUMNS`].
pub(crate) fn read_plans(rows: &[Row]) -> Result<Vec<PlanEntry>, StoreError> {
    rows.iter().map(entry).collect()
}

impl RecipientStore {
    /// Plans, newest first, older than `before`; of one domain if it is given.
    pub async fn plans(
        &self,
        domain: Option<&DomainName>,
        before: Option<PlanId>,
        limit: u32,
    ) -> Result<Vec<PlanEntry>, StoreError> {
        let before = before.and_then(|id| i64::try_from(id.0).ok()).unwrap_or(i64::MAX);
        let name = domain.map_or("", DomainName::as_str);
        let binds = [Bind::Text(name), Bind::Int(before), Bind::Int(0), Bind::Int(limit.into())];
        read_plans(&self.db().rows(COLUMNS, &binds).await?)
    }

    pub async fn plan_entry(&self, id: PlanId) -> Result<Option<PlanEntry>, StoreError> {
        let number = i64::try_from(id.0).unwrap_or(i64::MAX);
        let binds = [Bind::Text(""), Bind::Int(number.saturating_add(1)), Bind::Int(number), Bind::Int(1)];
        self.db().row(COLUMNS, &binds).await?.as_ref().map(entry).transpose()
    }

    /// A plan's rows behind the row `after`; with them what to ask for next.
    pub async fn plan_rows(
        &self,
        id: PlanId,
        after: Option<u64>,
        limit: u32,
    ) -> Result<(Vec<ChangeRow>, Option<u64>), StoreError> {
        const SQL: &str = "
            SELECT place, domain_name, COALESCE(address_id, 0), local, before, after FROM change_row
            WHERE batch = $1 AND place > $2 ORDER BY place LIMIT $3";
        let after = Bind::Int(after.map_or(0, |after| i64::try_from(after).unwrap_or(i64::MAX)));
        let rows = self.db().rows(SQL, &[Bind::Int(batch(id)), after, Bind::Int(limit.into())]).await?;
        let full = rows.len() >= limit as usize;
        let last = rows.last().filter(|_| full).map(|row| row.int(0)).transpose()?;
        let read = rows.iter().map(change_row).collect::<Result<_, _>>()?;
        Ok((read, last.map(i64::cast_unsigned)))
    }

    /// Says why a plan waits, and what its maker found.
    pub async fn annotate_plan(&self, id: PlanId, held: Option<&str>, report: &str) -> Result<(), StoreError> {
        const SQL: &str = "
            UPDATE plan SET held = CASE WHEN $2 = '' THEN NULL ELSE $2 END, report = $3 WHERE id = $1";
        let mut tx = self.db().begin().await?;
        let number = Bind::Int(i64::try_from(id.0).unwrap_or(i64::MAX));
        tx.execute(SQL, &[number, Bind::Text(held.unwrap_or_default()), Bind::Text(report)]).await?;
        tx.commit().await
    }

    /// Throws away what the same source planned for the same domain before this plan and still waits: the newer one is
    /// made of newer words.
    pub async fn supersede_plans(&self, id: PlanId) -> Result<(), StoreError> {
        const SQL: &str = "
            UPDATE plan SET state = 'discarded' WHERE state = 'waiting' AND id < $1
              AND EXISTS (SELECT 1 FROM plan AS p WHERE p.id = $1 AND p.source = plan.source AND p.source <> 'undo'
                          AND p.domain_name = plan.domain_name)";
        let mut tx = self.db().begin().await?;
        tx.execute(SQL, &[Bind::Int(i64::try_from(id.0).unwrap_or(i64::MAX))]).await?;
        tx.commit().await
    }

    /// Throws away what a source planned for a domain until then and still waits: words about the whole of it were taken
    /// over since, or it is gone. How many.
    ///
    /// # Errors
    /// When the store fails; the plans wait on then, and are out of date.
    pub async fn overtake_plans(
        &self,
        domain: &DomainName,
        source: &Source,
        until: Timestamp,
    ) -> Result<u64, StoreError> {
        const SQL: &str = "
            UPDATE plan SET state = 'discarded'
            WHERE state = 'waiting' AND source = $1 AND domain_name = $2 AND made <= $3";
        let source = source.to_string();
        let mut tx = self.db().begin().await?;
        let binds = [Bind::Text(&source), Bind::Text(domain.as_str()), Bind::Int(until.as_millis())];
        let discarded = tx.execute(SQL, &binds).await?;
        tx.commit().await?;
        Ok(discarded)
    }

    /// How many plans wait for a person, of all domains.
    pub async fn plans_waiting(&self) -> Result<u64, StoreError> {
        let row = self.db().row("SELECT COUNT(*) FROM plan WHERE state = 'waiting'", &[]).await?;
        Ok(row.map_or(Ok(0), |row| row.int(0))?.cast_unsigned())
    }

    /// Throws a plan away that waits; nothing of it was on the list.
    ///
    /// # Errors
    /// When there is no such plan, it does not wait, or the store fails.
    pub async fn discard_plan(&self, id: PlanId) -> Result<(), ApplyError> {
        const SQL: &str = "UPDATE plan SET state = 'discarded' WHERE id = $1 AND state = 'waiting'";
        let entry = self.plan_entry(id).await?.ok_or(Refusal::NoSuchPlan { id })?;
        let mut tx = self.db().begin().await?;
        let changed = tx.execute(SQL, &[Bind::Int(i64::try_from(id.0).unwrap_or(i64::MAX))]).await?;
        tx.commit().await?;
        if changed == 0 {
            let state = match entry.state {
                PlanState::Applied => "applied",
                _ => "discarded",
            };
            return Err(Refusal::PlanIsDone { id, state: state.to_owned() }.into());
        }
        Ok(())
    }

    /// Removes the rows of plans that were thrown away, and throws away what waits since before `waiting_since` or was
    /// left half written before `staging_since`. In small steps: nobody waits for it.
    pub async fn sweep_plans(&self, waiting_since: Timestamp, staging_since: Timestamp) -> Result<(), StoreError> {
        const OLD: &str = "
            UPDATE plan SET state = 'discarded'
            WHERE (state = 'waiting' AND made < $1) OR (state = 'staging' AND made < $2)";
        const ROWS_LEFT: &str = "
            SELECT p.id FROM plan AS p WHERE p.state = 'discarded'
            AND EXISTS (SELECT 1 FROM change_row AS r WHERE r.batch = -p.id)";
        const ROWS: &str = "
            DELETE FROM change_row WHERE batch = $1 AND place IN
            (SELECT r.place FROM change_row AS r WHERE r.batch = $1 ORDER BY r.place LIMIT $2)";
        // Those of an applied plan have done their work; its rows are the change log's.
        const CLAIMS_LEFT: &str = "
            SELECT p.id FROM plan AS p WHERE p.state IN ('applied', 'discarded')
            AND EXISTS (SELECT 1 FROM plan_claim AS c WHERE c.batch = -p.id)";
        const CLAIMS: &str = "
            DELETE FROM plan_claim WHERE batch = $1 AND place IN
            (SELECT DISTINCT c.place FROM plan_claim AS c WHERE c.batch = $1 ORDER BY c.place LIMIT $2)";
        let mut tx = self.db().begin().await?;
        tx.execute(OLD, &[Bind::Int(waiting_since.as_millis()), Bind::Int(staging_since.as_millis())]).await?;
        tx.commit().await?;
        self.sweep(ROWS_LEFT, ROWS).await?;
        self.sweep(CLAIMS_LEFT, CLAIMS).await
    }

    async fn sweep(&self, left: &'static str, delete: &'static str) -> Result<(), StoreError> {
        let step = Bind::Int(i64::try_from(BATCH).unwrap_or(i64::MAX));
        for row in self.db().rows(left, &[]).await? {
            let batch = Bind::Int(-row.int(0)?);
            loop {
                let mut tx = self.db().begin().await?;
                let deleted = tx.execute(delete, &[batch, step]).await?;
                tx.commit().await?;
                if deleted == 0 {
                    break;
                }
            }
        }
        Ok(())
    }
}

fn entry(row: &Row) -> Result<PlanEntry, StoreError> {
    let staged: Staged = serde_json::from_str(row.text(9)?).unwrap_or_default();
    let state = match row.text(3)? {
        "waiting" => PlanState::Waiting,
        "applied" => PlanState::Applied,
        "discarded" => PlanState::Discarded,
        other => return Err(StoreError::corrupt("plan", format!("state {other:?}"))),
    };
    Ok(PlanEntry {
        id: PlanId(row.int(0)?.cast_unsigned()),
        domain: row.text(1)?.to_owned(),
        source: row.text(2)?.to_owned(),
        state,
        made: Timestamp::from_millis(row.int(4)?),
        actor: Actor { name: row.text(5)?.to_owned(), via: via_from(row.text(6)?)? },
        summary: row.text(7)?.to_owned(),
        held: row.text_or_null(8)?.map(str::to_owned),
        planned: staged.planned,
        report: row.text(10)?.to_owned(),
        change_id: row.int_or_null(11)?.map(i64::cast_unsigned),
    })
}
