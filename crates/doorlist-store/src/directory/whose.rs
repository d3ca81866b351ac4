//! Whose a change or a plan is: the domains that it is about. Must not know who asks.

use super::Directory;
use super::domain_rows::domain_name;
use crate::db::{Bind, Read};
use crate::error::StoreError;
use doorlist_core::address::DomainName;
use doorlist_core::change::PlanId;

impl Directory {
    /// The domains that a change touched. `None`: there is no such change, or one of its domains is gone; a domain that
    /// came later under the same name is another one, and somebody else's perhaps.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn domains_of_change(&self, id: u64) -> Result<Option<Vec<DomainName>>, StoreError> {
        const SQL: &str = "
            SELECT d.name FROM change_domain AS t LEFT JOIN domain AS d ON d.id = t.domain_id WHERE t.change_id = $1";
        let rows = self.db().rows(SQL, &[Bind::Int(i64::try_from(id).unwrap_or(i64::MAX))]).await?;
        let mut names = Vec::new();
        for row in &rows {
            let Some(name) = row.text_or_null(0)? else { return Ok(None) };
            names.push(domain_name(name)?);
        }
        Ok((!names.is_empty()).then_some(names))
    }

    /// The domain that a plan is about; `None` as in [`Directory::domains_of_change`], and for a plan about several.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn domain_of_plan(&self, id: PlanId) -> Result<Option<DomainName>, StoreError> {
        const SQL: &str = "SELECT d.name FROM plan AS p JOIN domain AS d ON d.id = p.domain_id WHERE p.id = $1";
        let row = self.db().row(SQL, &[Bind::Int(i64::try_from(id.0).unwrap_or(i64::MAX))]).await?;
        row.map(|row| domain_name(row.text(0)?)).transpose()
    }
}
