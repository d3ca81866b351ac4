//! Keys: made, found by their hash, used, revoked.

use super::Logins;
use crate::db::{Columns, FromColumns, Read, Tx, binds, column_as, columns_of};
use crate::error::StoreError;
use crate::json_rows::{from_json, to_json};
use crate::limits::{ACCOUNT_KEYS_MAX, Full, LOGIN_KEYS_MAX};
use crate::numbers::take_number;
use doorlist_core::access::{KeyLimits, KeyTerms, LoginId};
use doorlist_core::list::AddressId;
use doorlist_core::time::Timestamp;
use std::time::Duration;

/// The use of a key is noted at most so often: it is a write.
const NOTE_EVERY: Duration = Duration::from_secs(60);

/// Whose key it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyOwner {
    Login(LoginId),
    /// An email account's own.
    Account(AddressId),
}

/// A key that is made.
#[derive(Clone, Debug)]
pub struct NewKey<'a> {
    /// What is kept of it.
    pub hash: &'a str,
    /// Its first characters, by which people tell keys apart.
    pub prefix: &'a str,
    /// What it is called; the one without a name is replaced by the next without a name.
    pub name: &'a str,
    /// What it is good for, and until when.
    pub terms: &'a KeyTerms,
    /// Which of its login's grants it has.
    pub grants: &'a [u64],
    /// What whoever makes it is limited to: it takes no key's place that this does not cover.
    pub maker: &'a KeyTerms,
    pub by: &'a str,
}

/// Why a key was not kept. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyRefused {
    /// It would take the place of one that is beyond what its maker is limited to.
    #[error("it would take the place of a key that is good for more than its maker's")]
    BeyondMaker,
    /// Its owner has as many as it may have.
    #[error(transparent)]
    Full(Full),
}

/// A key, without what proves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    pub id: u32,
    pub prefix: String,
    pub owner: KeyOwner,
    /// The login, or the address of the account.
    pub login: String,
    /// The address of the login, which may be given instead of its name.
    pub email: Option<String>,
    pub name: String,
    pub limits: KeyLimits,
    /// Which of its login's grants it has.
    pub grants: Vec<u64>,
    pub created: Timestamp,
    pub created_by: String,
    /// Until when it is good.
    pub expires: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used: Option<Timestamp>,
}

columns_of! {
    KeyRecord { id, prefix, owner, login, email, name, limits, grants, created, created_by, expires, last_used }
    KeyTerms { limits, expires }
}

column_as! {
    KeyLimits: &str => |json| from_json(json, "api_key");
    Vec<u64>: &str => |json| from_json(json, "api_key");
}

impl<'r> FromColumns<'r> for KeyOwner {
    fn take_from(columns: &mut Columns<'r>) -> Result<Self, StoreError> {
        match (columns.take()?, columns.take()?) {
            (Some(login), _) => Ok(KeyOwner::Login(login)),
            (None, Some(account)) => Ok(KeyOwner::Account(account)),
            (None, None) => Err(StoreError::corrupt("api_key", "a key of nobody".to_owned())),
        }
    }
}

macro_rules! keys {
    ($which:literal) => {
        concat!(
            "SELECT k.id, k.prefix, k.login_id, k.address_id,
                    COALESCE(l.name, l.username, a.local || '@' || d.name, ''), l.email, k.name, k.limits, k.grants, k.created,
                    k.created_by, k.expires, k.last_used
             FROM api_key AS k LEFT JOIN login AS l ON l.id = k.login_id
             LEFT JOIN address AS a ON a.id = k.address_id LEFT JOIN domain AS d ON d.id = a.domain_id ",
            $which
        )
    };
}

impl Logins {
    pub async fn key(&self, hash: &str) -> Result<Option<KeyRecord>, StoreError> {
        const SQL: &str = keys!("WHERE k.hash = $1");
        (&self.db).value(SQL, &binds![hash]).await
    }

    /// Keys behind a number, in the order of their numbers.
    pub async fn keys(&self, after: u32, limit: u32) -> Result<Vec<KeyRecord>, StoreError> {
        const SQL: &str = keys!("WHERE k.id > $1 ORDER BY k.id LIMIT $2");
        (&self.db).list(SQL, &binds![after, limit]).await
    }

    /// Keeps a new key. One without a name takes the place of the owner's former one without a name, in whatever it may do:
    /// a login that serves two tenants has a key of each. [`LOGIN_KEYS_MAX`] of a login, [`ACCOUNT_KEYS_MAX`] of an account.
    ///
    /// # Errors
    /// When the store fails, or the owner is gone.
    pub async fn add_key(
        &self,
        owner: KeyOwner,
        key: &NewKey<'_>,
        now: Timestamp,
    ) -> Result<Result<u32, KeyRefused>, StoreError> {
        const SQL: &str = "
            INSERT INTO api_key (id, hash, prefix, login_id, address_id, name, limits, created, created_by, expires,
                                 grants)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
        let (login, account) = match owner {
            KeyOwner::Login(id) => (Some(i64::from(id.0)), None),
            KeyOwner::Account(id) => (None, Some(i64::from(id.0))),
        };
        let (limits, grants) = (to_json(&key.terms.limits)?, to_json(key.grants)?);
        let mut tx = self.db.begin().await?;
        if key.name.is_empty() && !replace(&mut tx, owner, key).await? {
            return Ok(Err(KeyRefused::BeyondMaker));
        }
        // Numbers are given one at a time, so that one writer counts at a time.
        let id: u32 = take_number(&mut tx, "api_key").await?;
        if let Err(full) = has_room(&mut tx, owner).await? {
            return Ok(Err(KeyRefused::Full(full)));
        }
        let NewKey { hash, prefix, name, terms, by, .. } = *key;
        let binds = binds![id, hash, prefix, login, account, name, &limits, now, by, terms.expires, &grants];
        tx.execute(SQL, &binds).await?;
        tx.commit().await?;
        Ok(Ok(id))
    }

    /// Notes that a key was used, unless that was noted within the last minute.
    pub async fn note_use(&self, key: &KeyRecord, now: Timestamp) -> Result<(), StoreError> {
        if key.last_used.is_some_and(|at| now.since(at) < NOTE_EVERY) {
            return Ok(());
        }
        const USED: &str = "
            UPDATE login_grant SET last_used = $2
            WHERE number IN (SELECT CAST(k.value ->> 0 AS BIGINT) FROM json_each($1) AS k)";
        let mut tx = self.db.begin().await?;
        tx.execute("UPDATE api_key SET last_used = $2 WHERE id = $1", &binds![key.id, now]).await?;
        let grants: Vec<[u64; 1]> = key.grants.iter().map(|number| [*number]).collect();
        tx.execute(USED, &binds![&to_json(&grants)?, now]).await?;
        tx.commit().await
    }

    /// Revokes a key: the next request with it is refused. Whether there was one.
    pub async fn revoke_key(&self, id: u32) -> Result<bool, StoreError> {
        Ok(self.db.execute("DELETE FROM api_key WHERE id = $1", &binds![id]).await? > 0)
    }
}

/// Whether the owner may have one more.
async fn has_room(tx: &mut Tx, owner: KeyOwner) -> Result<Result<(), Full>, StoreError> {
    const OF_LOGIN: &str = "SELECT COUNT(*) FROM (SELECT 1 FROM api_key WHERE login_id = $1 LIMIT $2) AS found";
    const OF_ACCOUNT: &str = "SELECT COUNT(*) FROM (SELECT 1 FROM api_key WHERE address_id = $1 LIMIT $2) AS found";
    let (full, count, id) = match owner {
        KeyOwner::Login(id) => (Full { what: "keys of this login", limit: LOGIN_KEYS_MAX }, OF_LOGIN, id.0),
        KeyOwner::Account(id) => {
            (Full { what: "keys of this email account", limit: ACCOUNT_KEYS_MAX }, OF_ACCOUNT, id.0)
        }
    };
    full.unless_room(tx, count, id).await
}

/// Takes the place of keys without a name; false: one of them is not covered by what the maker is limited to.
async fn replace(tx: &mut Tx, owner: KeyOwner, new: &NewKey<'_>) -> Result<bool, StoreError> {
    const LESS: &str = "UPDATE api_key SET grants = $2 WHERE id = $1";
    const GONE: &str = "DELETE FROM api_key WHERE id = $1";
    const OF_LOGIN: &str = "
        SELECT id, grants, limits, expires FROM api_key WHERE login_id = $1 AND name = '' FOR UPDATE";
    const OF_ACCOUNT: &str = "
        SELECT id, grants, limits, expires FROM api_key WHERE address_id = $1 AND name = '' FOR UPDATE";
    let (sql, id) = match owner {
        KeyOwner::Login(id) => (OF_LOGIN, id.0),
        KeyOwner::Account(id) => (OF_ACCOUNT, id.0),
    };
    for (key, (had, terms)) in tx.list::<(u32, (Vec<u64>, KeyTerms))>(sql, &binds![id]).await? {
        let left: Vec<u64> = had.iter().copied().filter(|number| !new.grants.contains(number)).collect();
        let is_of_account = matches!(owner, KeyOwner::Account(_));
        if left.len() == had.len() && !is_of_account && !had.is_empty() {
            continue;
        }
        if !new.maker.covers(&terms) {
            return Ok(false);
        }
        if left.is_empty() || is_of_account {
            tx.execute(GONE, &binds![key]).await?;
        } else {
            tx.execute(LESS, &binds![key, &to_json(&left)?]).await?;
        }
    }
    Ok(true)
}
