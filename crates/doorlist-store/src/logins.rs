//! Logins with what they may do, and keys: who stands behind a request. A key is kept as a hash only. Must not know how a
//! key travels, nor what is done with it.

mod keys;
mod memberships;
mod roles;

pub use doorlist_core::access::{KeyLimits, KeyTerms};
pub use keys::{KeyOwner, KeyRecord, KeyRefused, NewKey};
pub use memberships::{MembershipRow, OFFER_TERM, OFFERS_MAX};
pub use roles::RoleRow;

use crate::db::{Db, Read, Row, Tx, binds, columns_of, word};
use crate::error::StoreError;
use crate::limits::{ADMINS_MAX, Full};
use crate::numbers::take_number;
use crate::recipients::RecipientStore;
use crate::tenants::scope_columns;
use doorlist_core::access::{Grant, LoginId, Scope};
use doorlist_core::domain::DomainId;
use doorlist_core::time::Timestamp;

/// The logins, in the store of the list. A clone is another handle on the same.
#[derive(Clone)]
pub struct Logins {
    db: Db,
}

/// A person or a script that may do something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginRecord {
    pub id: LoginId,
    /// Its name, folded. Logins of several tenants may have the same one.
    pub username: String,
    /// Another login had the name first: this one is a single tenant's.
    pub is_of_tenant: bool,
    pub email: String,
    /// The password, as argon2id keeps it.
    pub password: Option<String>,
    pub active: bool,
    /// What it may do.
    pub grants: Vec<HeldGrant>,
    /// What it may do by memberships of other tenants that it has accepted.
    pub accepted: Vec<HeldGrant>,
}

/// What a login may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldGrant {
    pub grant: Grant,
    /// Counts through all grants of all logins as they are given. A role that grows is another grant.
    pub number: u64,
    /// It counts; whoever looks after the admins of its scope says so.
    pub active: bool,
}

columns_of! { HeldGrant { grant, number, active } }

const ADMINS: &str = "
    SELECT DISTINCT l.email FROM domain AS d
    JOIN login_grant AS g ON (g.scope = 'domain' AND g.scope_id = d.id)
                          OR (g.scope = 'customer' AND g.scope_id = d.customer_id)
    JOIN login AS l ON l.id = g.login_id
    WHERE d.id = $1 AND g.role = 'admin' AND g.active AND l.active ORDER BY l.email";
const OWN_GRANTS: &str = "
    SELECT role, scope, scope_id, number, active FROM login_grant WHERE login_id = $1 ORDER BY scope, scope_id";
const ACCEPTED_GRANTS: &str = "
    SELECT g.role, g.scope, g.scope_id, g.number, g.active FROM login_grant AS g JOIN login AS l ON l.id = g.login_id
    WHERE l.holder_id = $1 ORDER BY g.number";

impl LoginRecord {
    /// What this key of it may do: nothing that was granted after it was made, or by others than those who made it, for
    /// they know the key.
    pub fn grants_of(&self, key: &KeyRecord) -> Vec<Grant> {
        let counts = |held: &&HeldGrant| held.active && key.grants.contains(&held.number);
        self.grants.iter().chain(&self.accepted).filter(counts).map(|held| held.grant).collect()
    }

    /// All of its grants, for a key that is to have them.
    pub fn grant_numbers(&self) -> Vec<u64> {
        self.grants.iter().chain(&self.accepted).map(|held| held.number).collect()
    }
}

impl Logins {
    /// The addresses of the admins of a domain: its own, and those of its customer.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn admins_of(&self, domain: DomainId) -> Result<Vec<String>, StoreError> {
        (&self.db).list(ADMINS, &binds![domain]).await
    }

    /// Those beside this list.
    pub fn of(recipients: &RecipientStore) -> Self {
        Self { db: recipients.db().clone() }
    }

    /// The login of this name; where several tenants have one, that which had it first.
    pub async fn login(&self, username: &str) -> Result<Option<LoginRecord>, StoreError> {
        Ok(self.logins_named(username, 1).await?.pop())
    }

    /// The logins of this name, at most so many: first that which has it alone, then those of single tenants.
    pub async fn logins_named(&self, username: &str, limit: u32) -> Result<Vec<LoginRecord>, StoreError> {
        const SQL: &str = "
            SELECT id, COALESCE(name, username), email, password, active, name IS NOT NULL FROM login
            WHERE (username = $1 AND name IS NULL) OR name = $1
            ORDER BY CASE WHEN name IS NULL THEN 0 ELSE 1 END, id LIMIT $2";
        let mut logins = Vec::new();
        for row in (&self.db).rows(SQL, &binds![&username.to_lowercase(), limit]).await? {
            logins.extend(self.found(Some(row)).await?);
        }
        Ok(logins)
    }

    pub async fn login_by_id(&self, id: LoginId) -> Result<Option<LoginRecord>, StoreError> {
        const SQL: &str = "
            SELECT id, COALESCE(name, username), email, password, active, name IS NOT NULL FROM login WHERE id = $1";
        self.found((&self.db).row(SQL, &binds![id]).await?).await
    }

    async fn found(&self, row: Option<Row>) -> Result<Option<LoginRecord>, StoreError> {
        let Some(row) = row else { return Ok(None) };
        let id = row.get(0)?;
        Ok(Some(LoginRecord {
            id,
            username: row.get(1)?,
            is_of_tenant: row.get(5)?,
            email: row.get(2)?,
            password: row.get(3)?,
            active: row.get(4)?,
            grants: self.grants(id, OWN_GRANTS).await?,
            accepted: self.grants(id, ACCEPTED_GRANTS).await?,
        }))
    }

    async fn grants(&self, id: LoginId, sql: &'static str) -> Result<Vec<HeldGrant>, StoreError> {
        (&self.db).list(sql, &binds![id]).await
    }

    /// Gives a login a role in a scope, which counts if it is `active`. [`ADMINS_MAX`] logins have one in it.
    ///
    /// # Errors
    /// When the store fails, or the login is gone.
    pub async fn grant_to(
        &self,
        id: LoginId,
        held: (Grant, bool),
        now: Timestamp,
    ) -> Result<Result<(), Full>, StoreError> {
        let mut tx = self.db.begin().await?;
        if let Err(full) = put_grant(&mut tx, id, held, now).await? {
            return Ok(Err(full));
        }
        tx.commit().await.map(Ok)
    }

    /// Sets the password of a login, as argon2id keeps it.
    pub async fn set_password(&self, id: LoginId, hash: &str) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE login SET password = $2 WHERE id = $1";
        self.db.execute(SQL, &binds![id, hash]).await.map(drop)
    }

    /// Takes a login's role in a scope away; a login that has none left, nor one that it accepted, goes with its keys.
    pub async fn revoke(&self, id: LoginId, scope: Scope) -> Result<(), StoreError> {
        const REVOKE: &str = "DELETE FROM login_grant WHERE login_id = $1 AND scope = $2 AND scope_id = $3";
        const HOLDER: &str = "SELECT holder_id FROM login WHERE id = $1";
        const EMPTY: &str = "
            DELETE FROM login WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM login_grant WHERE login_id = $1)
            AND NOT EXISTS (SELECT 1 FROM login AS l WHERE l.holder_id = $1)";
        let (word, scope_id) = scope_columns(scope);
        let mut tx = self.db.begin().await?;
        tx.execute(REVOKE, &binds![id, word, scope_id]).await?;
        let holder: Option<LoginId> = tx.value(HOLDER, &binds![id]).await?.flatten();
        tx.execute(EMPTY, &binds![id]).await?;
        if let Some(holder) = holder {
            tx.execute(EMPTY, &binds![holder]).await?;
        }
        tx.commit().await
    }
}

async fn put_grant(
    tx: &mut Tx,
    login: LoginId,
    (grant, active): (Grant, bool),
    now: Timestamp,
) -> Result<Result<(), Full>, StoreError> {
    // Who becomes less keeps the number, and with it the keys.
    const SQL: &str = "
        INSERT INTO login_grant (login_id, role, scope, scope_id, created, number, active)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (login_id, scope, scope_id) DO UPDATE SET role = excluded.role, active = excluded.active,
        number = CASE WHEN excluded.role = 'admin' AND login_grant.role <> 'admin' THEN excluded.number
                 ELSE login_grant.number END";
    const COUNT: &str = "
        SELECT COUNT(*) FROM (SELECT 1 FROM login_grant WHERE scope = $1 AND scope_id = $2 LIMIT $3) AS found";
    let (scope, scope_id) = scope_columns(grant.scope);
    let role = word(grant.role)?;
    let number: u64 = take_number(tx, "login_grant").await?;
    tx.execute(SQL, &binds![login, &role, scope, scope_id, now, number, active]).await?;
    // Numbers are given one at a time, so that one writer counts at a time.
    let count: Option<u32> = tx.value(COUNT, &binds![scope, scope_id, ADMINS_MAX + 1]).await?;
    let is_too_many = count > Some(ADMINS_MAX);
    Ok(if is_too_many { Err(Full { what: "admins and auditors here", limit: ADMINS_MAX }) } else { Ok(()) })
}
