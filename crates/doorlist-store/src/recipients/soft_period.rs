//! When the soft period of an enforced list begins: looked at behind every change, whatever made it, in its transaction.
//! The rule itself is [`Mode::with_list`](doorlist_core::domain::Mode::with_list).

use super::codes::standing_code;
use super::domain_rows;
use super::log::TransactionLog;
use crate::db::{Read, SOFT_WHILE_EMPTY, Tx, binds};
use crate::error::StoreError;
use crate::json_rows::keys;
use doorlist_core::domain::DomainId;
use doorlist_core::list::Standing;
use doorlist_core::time::Timestamp;

/// Enforced domains whose list got its first active entry, or lost its last one, and which of the two.
const TURNED: &str = "
    SELECT d.id, d.has_active FROM
    (SELECT d.id, COALESCE(d.soft_until, 0) = $2 AS was_empty,
            EXISTS (SELECT 1 FROM address AS a WHERE a.domain_id = d.id AND a.standing = $3) AS has_active
     FROM json_each($1) AS k CROSS JOIN domain AS d
     WHERE d.id = CAST(k.value ->> 0 AS BIGINT) AND d.mode = 'enforce') AS d
    WHERE d.was_empty = d.has_active";

/// Gives the domains that a change touched the mode that their lists call for now, and notes it in the log; which ones
/// got another.
pub(super) async fn settle(tx: &mut Tx, log: &mut TransactionLog, at: Timestamp) -> Result<Vec<DomainId>, StoreError> {
    let touched = keys(log.domains())?;
    let active = standing_code(Standing::Active);
    let turned: Vec<(DomainId, bool)> = tx.list(TURNED, &binds![&touched, SOFT_WHILE_EMPTY, active]).await?;
    for (id, has_active) in &turned {
        for before in domain_rows::load(tx, &[*id]).await? {
            let mut now = before.clone();
            now.record.mode = before.record.mode.with_list(*has_active, at);
            domain_rows::update(tx, &before, &now, at).await?;
            log.domain(Some(&before), Some(&now))?;
        }
    }
    log.write(tx).await?;
    Ok(turned.into_iter().map(|(id, _)| id).collect())
}
