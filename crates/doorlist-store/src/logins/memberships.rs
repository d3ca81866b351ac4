//! Memberships that a tenant offers to a login of another one. Until it is accepted, the tenant's admin is a login of its
//! own that only shares the name, and the other login has no rights by it; the tenant sees the same in either case, and
//! the same as for a name that nobody has.

use super::{Logins, put_grant};
use crate::db::{Read, Tx, binds, columns_of};
use crate::error::StoreError;
use crate::limits::Full;
use crate::numbers::take_number;
use doorlist_core::access::{Grant, LoginId};
use doorlist_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// An offer that is not accepted ends after this time.
pub const OFFER_TERM: Duration = Duration::from_hours(30 * 24);
/// Offers to one login that wait at once; a login that is added beyond them is offered to nobody.
pub const OFFERS_MAX: u32 = 20;
/// Memberships that a list shows.
const MEMBERSHIPS_SHOWN_MAX: u32 = 1_000;

/// A membership that a login holds beside its own, or may hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MembershipRow {
    /// Its number: that of the tenant's own login.
    pub id: LoginId,
    /// What it may do where.
    #[serde(rename = "may")]
    pub grant: Grant,
    /// The name of that reseller or customer; empty for other scopes.
    pub of: String,
    /// Until when it is offered; `None`: it is accepted.
    pub offered_until: Option<Timestamp>,
}

columns_of! { MembershipRow { id, grant, of, offered_until } }

impl Logins {
    /// Makes a login with a first grant. If the name belongs to a login already, it is one beside that, offered to it if
    /// the address is the same.
    pub async fn add_login(
        &self,
        username: &str,
        email: &str,
        first: (Grant, bool),
        now: Timestamp,
    ) -> Result<Result<LoginId, Full>, StoreError> {
        const SQL: &str = "
            INSERT INTO login (id, username, email, active, created, name, offered_to, offered_until)
            VALUES ($1, $2, $3, TRUE, $4, $5, $6, $7)";
        let name = username.to_lowercase();
        let mut tx = self.db.begin().await?;
        let id: LoginId = take_number(&mut tx, "login").await?;
        let of_name = tx.row("SELECT id, email FROM login WHERE username = $1", &binds![&name]).await?;
        let (mut unique, mut offered_to) = (name.clone(), None);
        if let Some(row) = &of_name {
            // A blank cannot be in a name.
            unique = format!("{name} {}", id.0);
            let holder: LoginId = row.get(0)?;
            let has_room = offers(&mut tx, holder, now).await? < OFFERS_MAX.into();
            offered_to = (row.text(1)? == email && has_room).then_some(holder);
        }
        let its_name = of_name.as_ref().map(|_| name.as_str());
        let until = offered_to.map(|_| now + OFFER_TERM);
        let offered_to = offered_to.map(|holder| i64::from(holder.0));
        tx.execute(SQL, &binds![id, &unique, email, now, its_name, offered_to, until]).await?;
        if let Err(full) = put_grant(&mut tx, id, first, now).await? {
            return Ok(Err(full));
        }
        tx.commit().await?;
        Ok(Ok(id))
    }

    /// What a login holds beside its own grants, and what it is offered.
    pub async fn memberships(&self, of: LoginId, now: Timestamp) -> Result<Vec<MembershipRow>, StoreError> {
        const SQL: &str = "
            SELECT l.id, g.role, g.scope, g.scope_id, COALESCE(r.name, c.name, ''),
                   CASE WHEN l.holder_id IS NULL THEN l.offered_until END
            FROM login AS l JOIN login_grant AS g ON g.login_id = l.id
            LEFT JOIN reseller AS r ON g.scope = 'reseller' AND r.id = g.scope_id
            LEFT JOIN customer AS c ON g.scope = 'customer' AND c.id = g.scope_id
            WHERE l.holder_id = $1 OR (l.offered_to = $1 AND l.offered_until > $2)
            ORDER BY l.id, g.number LIMIT $3";
        (&self.db).list(SQL, &binds![of, now, MEMBERSHIPS_SHOWN_MAX]).await
    }

    /// A login takes a membership that it is offered. Whether there was such an offer.
    pub async fn accept_membership(&self, login: LoginId, id: LoginId, now: Timestamp) -> Result<bool, StoreError> {
        const SQL: &str = "
            UPDATE login SET holder_id = $1, offered_to = NULL, offered_until = NULL
            WHERE id = $2 AND offered_to = $1 AND offered_until > $3";
        Ok(self.db.execute(SQL, &binds![login, id, now]).await? > 0)
    }

    /// A login declines a membership that it is offered, or gives one back that it had accepted. Whether there was one.
    pub async fn decline_membership(&self, login: LoginId, id: LoginId) -> Result<bool, StoreError> {
        const SQL: &str = "
            UPDATE login SET holder_id = NULL, offered_to = NULL, offered_until = NULL
            WHERE id = $2 AND (offered_to = $1 OR holder_id = $1)";
        Ok(self.db.execute(SQL, &binds![login, id]).await? > 0)
    }
}

async fn offers(tx: &mut Tx, to: LoginId, now: Timestamp) -> Result<i64, StoreError> {
    const SQL: &str = "SELECT COUNT(*) FROM login WHERE offered_to = $1 AND offered_until > $2";
    Ok(tx.value(SQL, &binds![to, now]).await?.unwrap_or(0))
}
