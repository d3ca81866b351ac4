//! What a caller may see: the same rule as `Access::on`, said in SQL as a condition of a statement, so that rows of
//! others are never read; and for whole domains that are counted in memory.

use super::count_cache::Count;
use super::table::Owners;
use crate::db::{Built, Db};
use crate::error::StoreError;
use crate::json_rows::unpack;
use doorlist_core::access::{Access, Scope};

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
    is_one_of(sql, owners.reseller, resellers(access));
    sql.push(" OR ");
    is_one_of(sql, owners.customer, customers(access));
    sql.push(" OR ");
    is_one_of(sql, owners.domain, domains(access));
    sql.push(" OR ");
    is_one_of(sql, owners.account, accounts(access));
    sql.push(")");
}

fn resellers(access: &Access) -> Vec<u32> {
    scopes(access, |scope| if let Scope::Reseller(id) = scope { Some(id.0) } else { None })
}

fn customers(access: &Access) -> Vec<u32> {
    scopes(access, |scope| if let Scope::Customer(id) = scope { Some(id.0) } else { None })
}

fn domains(access: &Access) -> Vec<u32> {
    scopes(access, |scope| if let Scope::Domain(id) = scope { Some(id.0) } else { None })
}

fn accounts(access: &Access) -> Vec<u32> {
    scopes(access, |scope| if let Scope::Account(id) = scope { Some(id.0) } else { None })
}

fn scopes(access: &Access, number: impl Fn(Scope) -> Option<u32>) -> Vec<u32> {
    access.grants.iter().filter_map(|grant| number(grant.scope)).collect()
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
    only: Option<Numbers>,
    customers: Numbers,
    domains: Numbers,
}

impl DomainSight {
    pub(super) fn everything() -> Self {
        Self { everything: true, only: None, customers: Numbers::default(), domains: Numbers::default() }
    }

    /// Those of this caller. Who is whose customer is asked of the store: no version says when that changes.
    pub(super) async fn of(db: &Db, access: &Access) -> Result<Self, StoreError> {
        let mut customers: Vec<i64> = customers(access).into_iter().map(i64::from).collect();
        customers.extend(customers_of(db, resellers(access)).await?);
        Ok(Self {
            everything: access.grants.iter().any(|grant| grant.scope == Scope::All),
            only: access.only_domains.as_ref().map(|only| only.iter().map(|id| id.0.into()).collect()),
            customers: customers.into_iter().collect(),
            domains: domains(access).into_iter().map(i64::from).collect(),
        })
    }

    /// Whether this domain is one of them.
    pub(super) fn has(&self, count: &Count) -> bool {
        self.only.as_ref().is_none_or(|only| only.has(count.domain))
            && (self.everything || self.customers.has(count.customer) || self.domains.has(count.domain))
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

/// A set of numbers, in order: mostly one or two, sometimes thousands, asked for once for each domain.
#[derive(Default)]
struct Numbers(Vec<i64>);

impl Numbers {
    fn has(&self, number: i64) -> bool {
        self.0.binary_search(&number).is_ok()
    }
}

impl FromIterator<i64> for Numbers {
    fn from_iter<I: IntoIterator<Item = i64>>(numbers: I) -> Self {
        let mut numbers: Vec<i64> = numbers.into_iter().collect();
        numbers.sort_unstable();
        Self(numbers)
    }
}
