//! Whose a change or a plan is: the domains that it is about. Must not know who asks.

use super::Directory;
use super::changes::change_row;
use super::domain_rows::domain_name;
use super::records::ChangeRow;
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

    /// Whether taking a change back brings, removes or gives away a domain or one of its names: that is more than to change
    /// a domain of one's own.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn undo_moves_names(&self, id: u64) -> Result<bool, StoreError> {
        const SQL: &str = "
            SELECT r.place, r.domain_name, r.address_id, r.local, r.before, r.after
            FROM change AS c JOIN change_row AS r ON r.batch = c.batch WHERE c.id = $1 AND r.local IS NULL";
        let rows = self.db().rows(SQL, &[Bind::Int(i64::try_from(id).unwrap_or(i64::MAX))]).await?;
        for row in &rows {
            if let ChangeRow::Domain { before, after, .. } = change_row(row)? {
                let (Some(before), Some(after)) = (before, after) else { return Ok(true) };
                let is_given = (&before.customer, before.customer_id) != (&after.customer, after.customer_id);
                if is_given || before.names_beyond(&after).next().is_some() {
                    return Ok(true);
                }
            }
        }
        Ok(false)
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
