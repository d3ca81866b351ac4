//! Customers that were removed, as they were: with the first domain that an undo gives back, its customer comes back, to its
//! own reseller and with its admins, whose keys then mean what they meant. Must not know who undoes what.

use super::owners::{OPERATOR, scope_columns};
use crate::db::{Read, Tx, binds, columns_of};
use crate::error::StoreError;
use crate::json_rows::to_json;
use doorlist_core::access::{CustomerId, LoginId, ResellerId, Scope};
use doorlist_core::time::Timestamp;
use serde::{Deserialize, Serialize};

/// What is kept of a customer.
#[derive(Serialize, Deserialize)]
struct KeptCustomer {
    name: String,
    reseller: ResellerId,
    allow_branding: bool,
    is_full_user_list: bool,
    reported_user_count: Option<i64>,
    created: Timestamp,
    branding: Option<KeptBranding>,
    grants: Vec<KeptGrant>,
}

#[derive(Serialize, Deserialize)]
struct KeptBranding {
    id: u32,
    settings: String,
    created: Timestamp,
}

/// Keys name their grants by number.
#[derive(Serialize, Deserialize)]
struct KeptGrant {
    login: LoginId,
    role: String,
    created: Timestamp,
    number: u64,
    active: bool,
}

columns_of! {
    KeptBranding { id, settings, created }
    KeptGrant { login, role, created, number, active }
}

/// Keeps a customer that is about to be removed.
pub(super) async fn keep(tx: &mut Tx, id: CustomerId, now: Timestamp) -> Result<(), StoreError> {
    const CUSTOMER: &str = "
        SELECT name, reseller_id, allow_branding, is_full_user_list, reported_user_count, created FROM customer
        WHERE id = $1 FOR UPDATE";
    const BRANDING: &str = "SELECT id, settings, created FROM branding WHERE customer_id = $1";
    const GRANTS: &str = "
        SELECT login_id, role, created, number, active FROM login_grant WHERE scope = $1 AND scope_id = $2
        ORDER BY number";
    const KEEP: &str = "
        INSERT INTO removed_customer (id, time, kept) VALUES ($1, $2, $3)
        ON CONFLICT (id) DO UPDATE SET time = excluded.time, kept = excluded.kept";
    let Some(row) = tx.row(CUSTOMER, &binds![id]).await? else { return Ok(()) };
    let (word, scope_id) = scope_columns(Scope::Customer(id));
    let kept = KeptCustomer {
        name: row.get(0)?,
        reseller: row.get(1)?,
        allow_branding: row.get(2)?,
        is_full_user_list: row.get(3)?,
        reported_user_count: row.get(4)?,
        created: row.get(5)?,
        branding: tx.value(BRANDING, &binds![id]).await?,
        grants: tx.list(GRANTS, &binds![word, scope_id]).await?,
    };
    tx.execute(KEEP, &binds![id, now, &to_json(&kept)?]).await.map(drop)
}

/// Brings a customer back under its number. Whether there was one to bring back. One whose reseller is gone is the
/// operator's own.
pub(crate) async fn bring_back(tx: &mut Tx, id: CustomerId, now: Timestamp) -> Result<bool, StoreError> {
    const KEPT: &str = "SELECT kept FROM removed_customer WHERE id = $1";
    const CUSTOMER: &str = "
        INSERT INTO customer (id, reseller_id, name, created, updated, allow_branding, is_full_user_list,
                              reported_user_count)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    const BRANDING: &str = "
        INSERT INTO branding (id, customer_id, settings, created, updated) VALUES ($1, $2, $3, $4, $5)";
    let Some(text) = tx.value::<String>(KEPT, &binds![id]).await? else { return Ok(false) };
    let kept: KeptCustomer =
        serde_json::from_str(&text).map_err(|e| StoreError::corrupt("removed_customer", e.to_string()))?;
    let is_there = tx.row("SELECT id FROM reseller WHERE id = $1", &binds![kept.reseller]).await?.is_some();
    let reseller = if is_there { kept.reseller } else { OPERATOR };
    let KeptCustomer { allow_branding, is_full_user_list, reported_user_count: count, created, .. } = kept;
    let binds = binds![id, reseller, &kept.name, created, now, allow_branding, is_full_user_list, count];
    tx.execute(CUSTOMER, &binds).await?;
    if let Some(KeptBranding { id: number, settings, created }) = &kept.branding {
        tx.execute(BRANDING, &binds![*number, id, settings, *created, now]).await?;
    }
    for grant in &kept.grants {
        bring_back_grant(tx, id, grant).await?;
    }
    tx.execute("DELETE FROM removed_customer WHERE id = $1", &binds![id]).await?;
    Ok(true)
}

/// A login that is gone is not made again.
async fn bring_back_grant(tx: &mut Tx, id: CustomerId, grant: &KeptGrant) -> Result<(), StoreError> {
    const SQL: &str = "
        INSERT INTO login_grant (login_id, role, scope, scope_id, created, number, active)
        VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (login_id, scope, scope_id) DO NOTHING";
    let KeptGrant { login, role, created, number, active } = grant;
    if tx.row("SELECT id FROM login WHERE id = $1", &binds![*login]).await?.is_none() {
        return Ok(());
    }
    let (word, scope_id) = scope_columns(Scope::Customer(id));
    tx.execute(SQL, &binds![*login, role, word, scope_id, *created, *number, *active]).await.map(drop)
}
