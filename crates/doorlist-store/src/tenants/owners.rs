//! Customers with their branding as rows, and the words by which tables name an owner. Must not know who may write.

use crate::db::{Tx, binds};
use crate::error::StoreError;
use crate::numbers::take_number;
use doorlist_core::access::{CustomerId, ResellerId, Scope};
use doorlist_core::time::Timestamp;

/// The reseller that is the operator: whoever is added without a reseller is the operator's own customer.
pub const OPERATOR: ResellerId = ResellerId(1);

/// Writes a new customer; gives its number.
pub(crate) async fn insert_customer(
    tx: &mut Tx,
    reseller: ResellerId,
    name: &str,
    now: Timestamp,
) -> Result<CustomerId, StoreError> {
    const SQL: &str = "INSERT INTO customer (id, reseller_id, name, created, updated) VALUES ($1, $2, $3, $4, $4)";
    let id: CustomerId = take_number(tx, "customer").await?;
    tx.execute(SQL, &binds![id, reseller, name, now]).await?;
    add_branding(tx, Scope::Customer(id), now).await?;
    Ok(id)
}

pub(super) async fn add_branding(tx: &mut Tx, of: Scope, now: Timestamp) -> Result<(), StoreError> {
    const SQL: &str = "
        INSERT INTO branding (id, reseller_id, customer_id, settings, created, updated) VALUES ($1, $2, $3, '{}', $4, $4)";
    let (_, owner) = scope_columns(of);
    let (reseller, customer) = match of {
        Scope::Reseller(_) => (Some(owner), None),
        _ => (None, Some(owner)),
    };
    let id: u32 = take_number(tx, "branding").await?;
    tx.execute(SQL, &binds![id, reseller, customer, now]).await.map(drop)
}

/// How the tables name a scope.
pub(crate) fn scope_columns(scope: Scope) -> (&'static str, i64) {
    match scope {
        Scope::All => ("all", 0),
        Scope::Reseller(id) => ("reseller", id.0.into()),
        Scope::Customer(id) => ("customer", id.0.into()),
        Scope::Domain(id) => ("domain", id.0.into()),
        Scope::Account(id) => ("account", id.0.into()),
    }
}
