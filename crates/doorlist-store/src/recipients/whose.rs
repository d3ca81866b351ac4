//! Whose a change or a plan is: the domains that it is about, and whether it gives or takes domains. Must not know who
//! asks.

use super::handle::RecipientStore;
use super::plan::domains::planned_domains;
use super::plan::stage::batch;
use crate::db::{Read, binds};
use crate::error::StoreError;
use doorlist_core::address::DomainName;
use doorlist_core::change::PlanId;
use doorlist_core::list_change::PlannedDomain;

impl RecipientStore {
    /// The domains that a change touched. `None`: there is no such change, or one of its domains is gone; a domain that
    /// came later under the same name is another one, and somebody else's perhaps.
    pub async fn domains_of_change(&self, id: u64) -> Result<Option<Vec<DomainName>>, StoreError> {
        const SQL: &str = "
            SELECT d.name FROM change_domain AS t LEFT JOIN domain AS d ON d.id = t.domain_id WHERE t.change_id = $1";
        let names: Vec<Option<DomainName>> = self.db().list(SQL, &binds![id]).await?;
        let names: Option<Vec<_>> = names.into_iter().collect();
        Ok(names.filter(|names| !names.is_empty()))
    }

    /// The domain that a plan is about; `None` as in [`RecipientStore::domains_of_change`], and for a plan about several.
    pub async fn domain_of_plan(&self, id: PlanId) -> Result<Option<DomainName>, StoreError> {
        const SQL: &str = "SELECT d.name FROM plan AS p JOIN domain AS d ON d.id = p.domain_id WHERE p.id = $1";
        self.db().value(SQL, &binds![id]).await
    }

    /// Whether a plan brings, removes or gives away a domain, or brings it a name.
    pub async fn plan_gives_domains(&self, id: PlanId) -> Result<bool, StoreError> {
        Ok(planned_domains(&mut self.db(), batch(id)).await?.iter().any(PlannedDomain::is_for_the_level_above))
    }

    /// Whether taking a change back does so.
    pub async fn undo_gives_domains(&self, change: u64) -> Result<bool, StoreError> {
        const SQL: &str = "SELECT batch FROM change WHERE id = $1";
        let Some(batch) = self.db().value(SQL, &binds![change]).await? else { return Ok(false) };
        let done = planned_domains(&mut self.db(), batch).await?;
        Ok(done.into_iter().map(PlannedDomain::inverse).any(|domain| domain.is_for_the_level_above()))
    }
}
