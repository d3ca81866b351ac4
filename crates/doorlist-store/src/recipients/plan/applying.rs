//! Taking over a plan's rows: one transaction whose statements read the staged rows, so that the list is locked for
//! seconds where a million rows come in. The number of rows written must be what was planned, or nothing is.

use super::domains::{must_be_free, planned_domains};
use super::stage::{Staged, batch};
use super::touched::refuse_if_moved;
use crate::db::{Bind, Read, Tx};
use crate::error::StoreError;
use crate::recipients::account_data;
use crate::recipients::codes::domain_id;
use crate::recipients::domain_rows::{self, StoredDomain};
use crate::recipients::outcome::ApplyError;
use crate::recipients::removed_sources;
use doorlist_core::change::PlanId;
use doorlist_core::domain::{DomainId, Mode};
use doorlist_core::list_change::{Applied, CountDifference, DomainRecord, ListCounts, PlannedDomain, Refusal};
use doorlist_core::time::Timestamp;
use std::collections::BTreeMap;

/// Rows whose address is new with the plan have no number yet: it is counted from here.
const INSERT: &str = "
    INSERT INTO address (id, domain_id, local, kind, account_id, standing, vetoed_at, vetoed_by, created, updated)
    SELECT COALESCE(r.address_id, $2 + r.place), r.domain_id, r.local, r.kind, NULL, r.standing, r.vetoed_at, r.vetoed_by,
           $3, $3
    FROM change_row AS r WHERE r.batch = $1 AND r.local IS NOT NULL AND r.before IS NULL
      AND (r.address_id IS NULL OR NOT EXISTS (SELECT 1 FROM address AS a WHERE a.id = r.address_id))
    ORDER BY r.place";
/// The undo of a new name: one row says that the address goes, another that it comes under its former name. It keeps its
/// number, and what it has beside its address.
const RENAME: &str = "
    UPDATE address SET local = c.local, kind = c.kind, account_id = NULL, standing = c.standing,
                       vetoed_at = c.vetoed_at, vetoed_by = c.vetoed_by, updated = $2
    FROM change_row AS g, change_row AS c
    WHERE g.batch = $1 AND g.local IS NOT NULL AND g.after IS NULL AND c.batch = $1 AND c.local IS NOT NULL
      AND c.before IS NULL AND c.address_id = g.address_id AND address.id = g.address_id
      AND address.domain_id = c.domain_id AND address.local = g.local";
const UPDATE: &str = "
    UPDATE address SET kind = r.kind, account_id = NULL, standing = r.standing, vetoed_at = r.vetoed_at,
                       vetoed_by = r.vetoed_by, updated = $2
    FROM change_row AS r
    WHERE r.batch = $1 AND r.local IS NOT NULL AND r.before IS NOT NULL AND r.after IS NOT NULL
      AND address.id = r.address_id";
const ACCOUNTS: &str = "
    UPDATE address SET account_id = p.id
    FROM change_row AS r, address AS p
    WHERE r.batch = $1 AND r.account IS NOT NULL AND address.id = COALESCE(r.address_id, $2 + r.place)
      AND p.domain_id = r.domain_id AND p.local = r.account";
const UNCLAIM: &str = "
    DELETE FROM claim WHERE address_id IN
    (SELECT r.address_id FROM change_row AS r WHERE r.batch = $1 AND r.address_id IS NOT NULL AND r.before IS NOT NULL)";
const DELETE: &str = "
    DELETE FROM address WHERE id IN
    (SELECT r.address_id FROM change_row AS r, address AS a
     WHERE r.batch = $1 AND r.local IS NOT NULL AND r.after IS NULL AND a.id = r.address_id AND a.local = r.local)";
const CLAIM: &str = "
    INSERT INTO claim (address_id, source_id, kind, account, since, actor, place, entry_key, missing_since)
    SELECT COALESCE(r.address_id, $2 + r.place), c.source_id, c.kind, c.account, c.since, c.actor, c.source_place,
           c.entry_key, c.missing_since
    FROM plan_claim AS c CROSS JOIN change_row AS r
    WHERE c.batch = $1 AND r.batch = $1 AND r.place = c.place ORDER BY c.place";
/// The same where each address is new: its number follows from the claim's own row.
const CLAIM_NEW: &str = "
    INSERT INTO claim (address_id, source_id, kind, account, since, actor, place, entry_key, missing_since)
    SELECT $2 + c.place, c.source_id, c.kind, c.account, c.since, c.actor, c.source_place, c.entry_key, c.missing_since
    FROM plan_claim AS c WHERE c.batch = $1 ORDER BY c.place";

/// A plan that is taken over, and what was planned.
pub(in crate::recipients) struct TakenPlan {
    id: PlanId,
    pub(super) staged: Staged,
    pub(in crate::recipients) batch: i64,
    pub(in crate::recipients) domains: Vec<DomainId>,
}

impl TakenPlan {
    pub(in crate::recipients) fn applied(&self) -> &Applied {
        &self.staged.planned.applied
    }

    pub(in crate::recipients) fn differences(&self) -> BTreeMap<DomainId, CountDifference> {
        self.staged.differences.clone()
    }

    /// The place of its last row.
    pub(in crate::recipients) fn last_place(&self) -> u64 {
        self.staged.last_place
    }

    /// Numbers that the plan's rows take.
    pub(in crate::recipients) fn numbers(&self) -> i64 {
        i64::try_from(self.staged.last_place).unwrap_or(i64::MAX).saturating_add(1)
    }
}

/// A plan that waits, if nothing that it is about has moved since it was made.
pub(in crate::recipients) async fn find_waiting(tx: &mut Tx, id: PlanId) -> Result<TakenPlan, ApplyError> {
    const FIND: &str = "SELECT state, base, outcome FROM plan WHERE id = $1 FOR UPDATE";
    let number = Bind::Int(i64::try_from(id.0).unwrap_or(i64::MAX));
    let row = tx.row(FIND, &[number]).await?.ok_or(Refusal::NoSuchPlan { id })?;
    match row.text(0)? {
        "waiting" => {}
        state => return Err(Refusal::PlanIsDone { id, state: state.to_owned() }.into()),
    }
    let base = row.int(1)?;
    let staged: Staged = serde_json::from_str(row.text(2)?).map_err(|e| StoreError::corrupt("plan", e.to_string()))?;
    let taken = TakenPlan { domains: domains(tx, batch(id)).await?, id, batch: batch(id), staged };
    let touched: Vec<DomainId> = taken.staged.differences.keys().copied().collect();
    refuse_if_moved(tx, taken.batch, &touched, !taken.domains.is_empty(), base.cast_unsigned()).await?;
    Ok(taken)
}

/// Takes over the rows of a plan that was found waiting in the same transaction.
pub(in crate::recipients) async fn take_over(
    tx: &mut Tx,
    taken: &TakenPlan,
    (first_address, change): (i64, u64),
    now: Timestamp,
) -> Result<(), ApplyError> {
    const DONE: &str = "UPDATE plan SET state = 'applied', change_id = $2 WHERE id = $1";
    domains_before(tx, taken.batch, now).await?;
    write(tx, taken, first_address, now).await?;
    domains_after(tx, taken.batch, now).await?;
    let number = |number: u64| Bind::Int(i64::try_from(number).unwrap_or(i64::MAX));
    tx.execute(DONE, &[number(taken.id.0), number(change)]).await?;
    Ok(())
}

/// Which domains the rows are of.
async fn domains(tx: &mut Tx, batch: i64) -> Result<Vec<DomainId>, StoreError> {
    const SQL: &str = "SELECT DISTINCT domain_id FROM change_row WHERE batch = $1 AND local IS NULL";
    let rows = tx.rows(SQL, &[Bind::Int(batch)]).await?;
    rows.iter().map(|row| domain_id(row.int(0)?)).collect()
}

async fn write(tx: &mut Tx, taken: &TakenPlan, first_address: i64, now: Timestamp) -> Result<(), StoreError> {
    let one = [Bind::Int(taken.batch)];
    let both = [Bind::Int(taken.batch), Bind::Int(first_address)];
    let now = Bind::Int(now.as_millis());
    let Staged { existing, aliases, renames, all_new, .. } = taken.staged;
    let [batch, first] = both;
    let mut written = 0;
    if renames {
        // Two rows each.
        written += 2 * tx.execute(RENAME, &[batch, now]).await?;
    }
    if existing {
        account_data::drop_of_batch(tx, taken.batch).await?;
        tx.execute(UNCLAIM, &one).await?;
        // What goes goes first: its name may come again.
        written += tx.execute(UPDATE, &[batch, now]).await?;
        written += tx.execute(DELETE, &one).await?;
    }
    written += tx.execute(INSERT, &[batch, first, now]).await?;
    if aliases {
        tx.execute(ACCOUNTS, &both).await?;
    }
    tx.execute(if all_new { CLAIM_NEW } else { CLAIM }, &both).await?;
    if written != taken.staged.rows {
        let why = format!("{written} of its {} rows could be written; nothing was", taken.staged.rows);
        return Err(StoreError::corrupt("plan", why));
    }
    Ok(())
}

/// Domains that come back are there before their addresses.
async fn domains_before(tx: &mut Tx, batch: i64, now: Timestamp) -> Result<(), ApplyError> {
    let changes = planned_domains(tx, batch).await?;
    must_be_free(tx, &changes).await?;
    for PlannedDomain { id, name, before, after } in changes {
        if let Some(after) = &after {
            domain_rows::must_have_its_customer(tx, &name, before.as_ref(), after).await?;
        }
        let domain = |record: DomainRecord| StoredDomain {
            id,
            name: name.clone(),
            changed: 0,
            counts: ListCounts::default(),
            record,
            technical_contact: None,
        };
        match (before, after) {
            (None, Some(after)) => {
                // A new domain begins in its first mode; this one comes back in the one that it had.
                let fresh = domain(DomainRecord { mode: Mode::NEW, ..after.clone() });
                domain_rows::insert(tx, &fresh, now).await?;
                domain_rows::update(tx, &fresh, &domain(after), now).await?;
                removed_sources::bring_back(tx, id, now).await?;
            }
            (Some(before), Some(after)) => domain_rows::update(tx, &domain(before), &domain(after), now).await?,
            _ => {}
        }
    }
    Ok(())
}

/// Domains that go, go last.
async fn domains_after(tx: &mut Tx, batch: i64, now: Timestamp) -> Result<(), StoreError> {
    for change in planned_domains(tx, batch).await? {
        if change.after.is_none() {
            domain_rows::delete(tx, change.id, now).await?;
        }
    }
    Ok(())
}
