//! What a caller may see: the same rule as `Access::on`, said in SQL as a condition of a statement, so that rows of
//! others are never read; and for whole domains that are counted in memory.

use super::count_cache::Count;
use super::table::Owners;
use crate::db::{Built, Db};
use crate::error::StoreError;
use crate::json_rows::unpack;
use doorlist_core::access::{Access, Scope};
use std::collections::BTreeSet;

/// Adds the condition under which a row of these owners may be seen.
pub(super) fn condition(sql: &mut Built, access: &Access, owners: &Owners) {
    if access.sees_all() {
        sql.push("TRUE");
        return;
    }
    if let Some(only) = &access.only_domains {
        sql.push("(");
        is_one_of(sql, owners.domain, only.iter().map(|id| id.0));
        sql.push(") AND ");
    }
    if access.grants.iter().any(|grant| grant.scope == Scope::All) {
        sql.push("TRUE");
        return;
    }
    sql.push("(");
    let [resellers, customers, domains, accounts] = granted(access);
    is_one_of(sql, owners.reseller, resellers);
    sql.push(" OR ");
    is_one_of(sql, owners.customer, customers);
    sql.push(" OR ");
    is_one_of(sql, owners.domain, domains);
    sql.push(" OR ");
    is_one_of(sql, owners.account, accounts);
    sql.push(")");
}

/// The numbers of the resellers, customers, domains and accounts that are granted.
fn granted(access: &Access) -> [Vec<u32>; 4] {
    let mut granted = <[Vec<u32>; 4]>::default();
    for grant in &access.grants {
        match grant.scope {
            Scope::All => {}
            Scope::Reseller(id) => granted[0].push(id.0),
            Scope::Customer(id) => granted[1].push(id.0),
            Scope::Domain(id) => granted[2].push(id.0),
            Scope::Account(id) => granted[3].push(id.0),
        }
    }
    granted
}

/// `FALSE` where the row has no such owner, or nobody is meant; never NULL.
fn is_one_of(sql: &mut Built, column: Option<&'static str>, ids: impl IntoIterator<Item = u32>) {
    let ids: Vec<i64> = ids.into_iter().map(i64::from).collect();
    match column {
        Some(column) if !ids.is_empty() => {
            sql.push("COALESCE(").push(column).push(", 0) IN (").numbers(ids).push(")");
        }
        _ => {
            sql.push("FALSE");
        }
    }
}

/// Which domains a caller sees whole.
pub(super) struct DomainSight {
    everything: bool,
    only: Option<BTreeSet<i64>>,
    customers: BTreeSet<i64>,
    domains: BTreeSet<i64>,
}

impl DomainSight {
    pub(super) fn everything() -> Self {
        Self { everything: true, only: None, customers: BTreeSet::new(), domains: BTreeSet::new() }
    }

    /// Those of this caller. Who is whose customer is asked of the store: no version says when that changes.
    pub(super) async fn of(db: &Db, access: &Access) -> Result<Self, StoreError> {
        let [resellers, customers, domains, _] = granted(access);
        let mut customers: BTreeSet<i64> = customers.into_iter().map(i64::from).collect();
        customers.extend(customers_of(db, resellers).await?);
        Ok(Self {
            everything: access.grants.iter().any(|grant| grant.scope == Scope::All),
            only: access.only_domains.as_ref().map(|only| only.iter().map(|id| id.0.into()).collect()),
            customers,
            domains: domains.into_iter().map(i64::from).collect(),
        })
    }

    /// Whether this domain is one of them.
    pub(super) fn has(&self, count: &Count) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(&count.domain))
            && (self.everything || self.customers.contains(&count.customer) || self.domains.contains(&count.domain))
    }
}

async fn customers_of(db: &Db, resellers: Vec<u32>) -> Result<Vec<i64>, StoreError> {
    if resellers.is_empty() {
        return Ok(Vec::new());
    }
    let mut sql = Built::default();
    sql.push("SELECT CAST(JSON_ROWS(c.id)) AS TEXT) FROM customer AS c WHERE c.reseller_id IN (");
    sql.numbers(resellers.into_iter().map(i64::from)).push(")");
    let rows = db.built(&sql).await?;
    let Some(row) = rows.first() else { return Ok(Vec::new()) };
    let rows: Vec<(i64,)> = unpack(row, "customer")?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}
