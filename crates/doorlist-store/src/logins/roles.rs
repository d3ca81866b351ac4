//! All roles of all logins, for the operator of the machine.

use super::Logins;
use crate::db::{Read, binds, columns_of};
use crate::error::StoreError;
use doorlist_core::access::{Grant, LoginId};
use doorlist_core::time::Timestamp;
use serde::{Deserialize, Serialize};

/// A role of a login.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleRow {
    /// Counts through all roles as they are given.
    pub number: u64,
    pub login_id: LoginId,
    /// Its name; logins of several tenants may have the same one.
    pub login: String,
    pub email: String,
    /// What it may do where.
    #[serde(rename = "may")]
    pub grant: Grant,
    /// The name of that reseller, customer or domain; empty for everything.
    pub of: String,
    /// Both the login and the role count.
    pub active: bool,
    pub since: Timestamp,
}

columns_of! { RoleRow { number, login_id, login, email, grant, of, active, since } }

impl Logins {
    /// Roles after this number, at most so many; of one login if a name is given.
    pub async fn roles(&self, login: Option<&str>, after: u64, limit: u32) -> Result<Vec<RoleRow>, StoreError> {
        const SQL: &str = "
            SELECT g.number, l.id, COALESCE(l.name, l.username), l.email, g.role, g.scope, g.scope_id,
                   COALESCE(r.name, c.name, d.name, ''), l.active AND g.active, g.created
            FROM login_grant AS g JOIN login AS l ON l.id = g.login_id
            LEFT JOIN reseller AS r ON g.scope = 'reseller' AND r.id = g.scope_id
            LEFT JOIN customer AS c ON g.scope = 'customer' AND c.id = g.scope_id
            LEFT JOIN domain AS d ON g.scope = 'domain' AND d.id = g.scope_id
            WHERE g.number > $1 AND (CAST($2 AS TEXT) = '' OR COALESCE(l.name, l.username) = CAST($2 AS TEXT))
            ORDER BY g.number LIMIT $3";
        let login = login.map(str::to_lowercase).unwrap_or_default();
        (&self.db).list(SQL, &binds![after, &login, limit]).await
    }
}
