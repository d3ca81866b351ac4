//! What a plan does to domains themselves, and whether the names that it gives them are free. Must not know why it gives
//! them, nor what becomes of the lists.

use super::stage::batch;
use crate::db::{Bind, Read, Tx};
use crate::directory::Directory;
use crate::directory::changes::change_row;
use crate::directory::domain_rows;
use crate::directory::outcome::{ApplyError, Refusal};
use crate::directory::records::{ChangeRow, DomainRecord};
use crate::error::StoreError;
use doorlist_core::address::DomainName;
use doorlist_core::change::PlanId;
use doorlist_core::domain::DomainId;
use std::collections::BTreeSet;

/// What a plan does to a domain, its list apart.
pub(super) struct PlannedDomain {
    /// Its row.
    pub(super) id: DomainId,
    /// Its main name.
    pub(super) name: DomainName,
    /// What it is; `None`: the plan adds it.
    pub(super) before: Option<DomainRecord>,
    /// What it would be; `None`: the plan removes it.
    pub(super) after: Option<DomainRecord>,
}

impl PlannedDomain {
    /// The names that it has: its own, and its aliases.
    fn names_before(&self) -> BTreeSet<&DomainName> {
        self.names(self.before.as_ref())
    }

    /// The names that it would have.
    fn names_after(&self) -> BTreeSet<&DomainName> {
        self.names(self.after.as_ref())
    }

    fn names<'a>(&'a self, record: Option<&'a DomainRecord>) -> BTreeSet<&'a DomainName> {
        record.into_iter().flat_map(|record| std::iter::once(&self.name).chain(&record.domain_aliases)).collect()
    }

    /// It would come, go, get a name or another customer, or be switched on or off: what the level above decides.
    fn is_given(&self) -> bool {
        let (Some(before), Some(after)) = (&self.before, &self.after) else { return true };
        (&before.customer, before.customer_id) != (&after.customer, after.customer_id)
            || before.active != after.active
            || self.names_after().difference(&self.names_before()).next().is_some()
    }
}

impl Directory {
    /// Whether a plan brings, removes or gives away a domain, or brings it a name.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn plan_gives_domains(&self, id: PlanId) -> Result<bool, StoreError> {
        Ok(planned_domains(&mut self.db(), batch(id)).await?.iter().any(PlannedDomain::is_given))
    }

    /// Whether taking a change back does so.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn undo_gives_domains(&self, change: u64) -> Result<bool, StoreError> {
        const SQL: &str = "SELECT batch FROM change WHERE id = $1";
        let change = Bind::Int(i64::try_from(change).unwrap_or(i64::MAX));
        let Some(row) = self.db().row(SQL, &[change]).await? else { return Ok(false) };
        let done = planned_domains(&mut self.db(), row.int(0)?).await?;
        let back = |domain: PlannedDomain| PlannedDomain { before: domain.after, after: domain.before, ..domain };
        Ok(done.into_iter().map(back).any(|domain| domain.is_given()))
    }
}

pub(super) async fn planned_domains(
    from: &mut (impl Read + Send),
    batch: i64,
) -> Result<Vec<PlannedDomain>, StoreError> {
    const SQL: &str = "
        SELECT place, domain_name, address_id, local, before, after, domain_id FROM change_row
        WHERE batch = $1 AND local IS NULL ORDER BY place";
    let mut changes = Vec::new();
    for row in from.rows(SQL, &[Bind::Int(batch)]).await? {
        if let ChangeRow::Domain { name, before, after } = change_row(&row)? {
            changes.push(PlannedDomain { id: domain_rows::domain_id(row.int(6)?)?, name, before, after });
        }
    }
    Ok(changes)
}

/// Refuses a plan that gives a domain a name which leads elsewhere by now. What one domain of the plan gives up, another
/// one of it may have.
pub(super) async fn must_be_free(tx: &mut Tx, changes: &[PlannedDomain]) -> Result<(), ApplyError> {
    const GIVE_UP: &str = "DELETE FROM domain_alias WHERE name = $1 AND domain_id = $2";
    for change in changes {
        for name in change.names_before().difference(&change.names_after()) {
            tx.execute(GIVE_UP, &[Bind::Text(name.as_str()), Bind::Int(change.id.0.into())]).await?;
        }
    }
    for change in changes {
        for name in change.names_after().difference(&change.names_before()) {
            if domain_rows::id_of(tx, name).await?.is_some() {
                let (name, domain) = (DomainName::clone(name), change.name.clone());
                return Err(Refusal::NameGivenAway { name, domain }.into());
            }
        }
    }
    Ok(())
}
