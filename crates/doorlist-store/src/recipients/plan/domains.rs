//! What a plan does to domains themselves, and whether the names that it gives them are free. Must not know why it gives
//! them, nor what becomes of the lists.

use crate::db::{Bind, Read, Tx};
use crate::error::StoreError;
use crate::recipients::codes::domain_id;
use crate::recipients::domain_rows;
use crate::recipients::log_rows::change_row;
use crate::recipients::outcome::ApplyError;
use crate::recipients::records::ChangeRow;
use doorlist_core::address::DomainName;
use doorlist_core::list_change::{PlannedDomain, Refusal};

/// The rows of a plan, or of a change, that are about domains.
pub(in crate::recipients) async fn planned_domains(
    from: &mut (impl Read + Send),
    batch: i64,
) -> Result<Vec<PlannedDomain>, StoreError> {
    const SQL: &str = "
        SELECT place, domain_name, address_id, local, before, after, domain_id FROM change_row
        WHERE batch = $1 AND local IS NULL ORDER BY place";
    let mut changes = Vec::new();
    for row in from.rows(SQL, &[Bind::Int(batch)]).await? {
        if let ChangeRow::Domain { name, before, after } = change_row(&row)? {
            changes.push(PlannedDomain { id: domain_id(row.int(6)?)?, name, before, after });
        }
    }
    Ok(changes)
}

/// Refuses a plan that gives a domain a name which leads elsewhere by now. What one domain of the plan gives up, another
/// one of it may have.
pub(super) async fn must_be_free(tx: &mut Tx, changes: &[PlannedDomain]) -> Result<(), ApplyError> {
    const GIVE_UP: &str = "DELETE FROM domain_alias WHERE name = $1 AND domain_id = $2";
    for change in changes {
        for name in change.names_lost() {
            tx.execute(GIVE_UP, &[Bind::Text(name.as_str()), Bind::Int(change.id.0.into())]).await?;
        }
    }
    for change in changes {
        for name in change.names_gained() {
            if domain_rows::id_of(tx, name).await?.is_some() {
                let (name, domain) = (DomainName::clone(name), change.name.clone());
                return Err(Refusal::NameGivenAway { name, domain }.into());
            }
        }
    }
    Ok(())
}
