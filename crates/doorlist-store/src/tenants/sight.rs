//! What a caller may see, as a condition of a statement: the same rule as `Access::on`, said in SQL, so that rows of
//! others are never read.

use super::table::Owners;
use crate::db::Built;
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
    is_one_of(
        sql,
        owners.reseller,
        scopes(access, |scope| if let Scope::Reseller(id) = scope { Some(id.0) } else { None }),
    );
    sql.push(" OR ");
    is_one_of(
        sql,
        owners.customer,
        scopes(access, |scope| if let Scope::Customer(id) = scope { Some(id.0) } else { None }),
    );
    sql.push(" OR ");
    is_one_of(
        sql,
        owners.domain,
        scopes(access, |scope| if let Scope::Domain(id) = scope { Some(id.0) } else { None }),
    );
    sql.push(" OR ");
    is_one_of(
        sql,
        owners.account,
        scopes(access, |scope| if let Scope::Account(id) = scope { Some(id.0) } else { None }),
    );
    sql.push(")");
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
