//! Whether the list has moved where a plan stands. A plan of a million rows takes seconds, and somebody adds an address by
//! hand meanwhile: that does not matter unless it is one that the plan is about.

use crate::db::{Bind, Read, Tx};
use crate::error::StoreError;
use crate::json_rows::to_json;
use crate::recipients::log_rows::change_row;
use crate::recipients::outcome::ApplyError;
use crate::recipients::records::ChangeRow;
use doorlist_core::address::LocalPart;
use doorlist_core::domain::DomainId;
use doorlist_core::list_change::AddressRecord;
use std::collections::BTreeSet;

/// Rows changed since that are looked at one by one; where more were changed, the plan is made again.
const ROWS_MAX: i64 = 10_000;

/// Refuses a plan that was made at version `base` if anything that it is about was changed since: one of its addresses,
/// an account that its aliases lead to, or an address that leads to one of its accounts.
pub(super) async fn refuse_if_moved(
    tx: &mut Tx,
    batch: i64,
    domains: &[DomainId],
    has_domain_rows: bool,
    base: u64,
) -> Result<(), ApplyError> {
    let moved = |now: u64| Err(ApplyError::Moved { base, now });
    for domain in domains {
        let now = match changed(tx, *domain).await? {
            Some(now) if now > base => now,
            Some(_) => continue,
            // It is gone, unless the plan brings it back.
            None if has_domain_rows => continue,
            None => return moved(base),
        };
        if has_domain_rows {
            return moved(now);
        }
        let Some(touched) = touched(tx, *domain, base).await? else { return moved(now) };
        if !touched.is_empty() && is_about(tx, batch, *domain, &touched).await? {
            return moved(now);
        }
    }
    Ok(())
}

/// The version of a domain's last change; `None`: there is no such domain.
async fn changed(tx: &mut Tx, domain: DomainId) -> Result<Option<u64>, StoreError> {
    const SQL: &str = "SELECT changed FROM domain WHERE id = $1";
    let row = tx.row(SQL, &[Bind::Int(domain.0.into())]).await?;
    row.map(|row| Ok(row.int(0)?.cast_unsigned())).transpose()
}

/// Addresses of a domain that were changed since, with the accounts that they led or lead to. `None`: too many, or nobody
/// knows any more.
async fn touched(tx: &mut Tx, domain: DomainId, base: u64) -> Result<Option<BTreeSet<LocalPart>>, StoreError> {
    const SQL: &str = "
        SELECT r.place, r.domain_name, COALESCE(r.address_id, 0), r.local, r.before, r.after
        FROM change_domain AS t JOIN change AS c ON c.id = t.change_id JOIN change_row AS r ON r.batch = c.batch
        WHERE t.domain_id = $1 AND t.change_id > $2 AND r.domain_id = $1 AND r.local IS NOT NULL LIMIT $3";
    const GONE: &str = "
        SELECT c.id FROM change_domain AS t JOIN change AS c ON c.id = t.change_id
        WHERE t.domain_id = $1 AND t.change_id > $2 AND c.rows_gone
        UNION ALL SELECT changes_gone FROM list_state WHERE changes_gone > $2 LIMIT 1";
    let since = [Bind::Int(domain.0.into()), number(base), Bind::Int(ROWS_MAX + 1)];
    if tx.row(GONE, &since[..2]).await?.is_some() {
        return Ok(None);
    }
    let rows = tx.rows(SQL, &since).await?;
    if rows.len() as i64 > ROWS_MAX {
        return Ok(None);
    }
    let mut touched = BTreeSet::new();
    let account = |record: Option<AddressRecord>| record.and_then(|record| record.account);
    for row in &rows {
        if let ChangeRow::Address { address, before, after, .. } = change_row(row)? {
            touched.insert(address.local().clone());
            touched.extend(account(before).into_iter().chain(account(after)));
        }
    }
    Ok(Some(touched))
}

/// Whether a plan has a row of one of these addresses, or an alias that leads to one.
async fn is_about(
    tx: &mut Tx,
    batch: i64,
    domain: DomainId,
    touched: &BTreeSet<LocalPart>,
) -> Result<bool, StoreError> {
    const SQL: &str = "
        SELECT COUNT(*) FROM change_row AS r
        WHERE r.batch = $2 AND r.domain_id = $3
          AND (r.local IN (SELECT CAST(value ->> 0 AS TEXT) FROM json_each($1))
               OR r.account IN (SELECT CAST(value ->> 0 AS TEXT) FROM json_each($1)))";
    let keys = to_json(&touched.iter().map(|local| [local.as_str()]).collect::<Vec<_>>())?;
    let row = tx.row(SQL, &[Bind::Text(&keys), Bind::Int(batch), Bind::Int(domain.0.into())]).await?;
    Ok(row.map_or(Ok(0), |row| row.int(0))? > 0)
}

fn number(value: u64) -> Bind<'static> {
    Bind::Int(i64::try_from(value).unwrap_or(i64::MAX))
}
