//! Memberships that a tenant offers to a login of another one. Until it is accepted, the tenant's admin is a login of its
//! own that only shares the name, and the other login has no rights by it; the tenant sees the same in either case, and
//! the same as for a name that nobody has.

use super::{Logins, grant, put_grant};
use crate::db::{Bind, Read, Tx};
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
        let id = take_number(&mut tx, "login").await?;
        let of_name = tx.row("SELECT id, email FROM login WHERE username = $1", &[Bind::Text(&name)]).await?;
        let (mut unique, mut offered_to) = (name.clone(), None);
        if let Some(row) = &of_name {
            // A blank cannot be in a name.
            unique = format!("{name} {id}");
            let holder = row.int(0)?;
            let has_room = offers(&mut tx, holder, now).await? < OFFERS_MAX.into();
            offered_to = (row.text(1)? == email && has_room).then_some(holder);
        }
        let binds = [
            Bind::Int(id),
            Bind::Text(&unique),
            Bind::Text(email),
            Bind::Int(now.as_millis()),
            Bind::TextOrNull(of_name.as_ref().map(|_| name.as_str())),
            Bind::IntOrNull(offered_to),
            Bind::IntOrNull(offered_to.map(|_| (now + OFFER_TERM).as_millis())),
        ];
        tx.execute(SQL, &binds).await?;
        if let Err(full) = put_grant(&mut tx, id, first, now).await? {
            return Ok(Err(full));
        }
        tx.commit().await?;
        Ok(Ok(LoginId(u32::try_from(id).unwrap_or(u32::MAX))))
    }

    /// What a login holds beside its own grants, and what it is offered.
    pub async fn memberships(&self, of: LoginId, now: Timestamp) -> Result<Vec<MembershipRow>, StoreError> {
        const SQL: &str = "
            SELECT g.role, g.scope, g.scope_id, g.number, g.active, l.id, COALESCE(r.name, c.name, ''),
                   CASE WHEN l.holder_id IS NULL THEN l.offered_until END
            FROM login AS l JOIN login_grant AS g ON g.login_id = l.id
            LEFT JOIN reseller AS r ON g.scope = 'reseller' AND r.id = g.scope_id
            LEFT JOIN customer AS c ON g.scope = 'customer' AND c.id = g.scope_id
            WHERE l.holder_id = $1 OR (l.offered_to = $1 AND l.offered_until > $2)
            ORDER BY l.id, g.number LIMIT $3";
        let binds = [Bind::Int(of.0.into()), Bind::Int(now.as_millis()), Bind::Int(MEMBERSHIPS_SHOWN_MAX.into())];
        let rows = (&self.db).rows(SQL, &binds).await?;
        let membership = |row: &crate::db::Row| {
            Ok(MembershipRow {
                id: LoginId(u32::try_from(row.int(5)?).unwrap_or(0)),
                grant: grant(row)?.grant,
                of: row.text(6)?.to_owned(),
                offered_until: row.int_or_null(7)?.map(Timestamp::from_millis),
            })
        };
        rows.iter().map(membership).collect()
    }

    /// A login takes a membership that it is offered. Whether there was such an offer.
    pub async fn accept_membership(&self, login: LoginId, id: LoginId, now: Timestamp) -> Result<bool, StoreError> {
        const SQL: &str = "
            UPDATE login SET holder_id = $1, offered_to = NULL, offered_until = NULL
            WHERE id = $2 AND offered_to = $1 AND offered_until > $3";
        self.change_one(SQL, &[Bind::Int(login.0.into()), Bind::Int(id.0.into()), Bind::Int(now.as_millis())]).await
    }

    /// A login declines a membership that it is offered, or gives one back that it had accepted. Whether there was one.
    pub async fn decline_membership(&self, login: LoginId, id: LoginId) -> Result<bool, StoreError> {
        const SQL: &str = "
            UPDATE login SET holder_id = NULL, offered_to = NULL, offered_until = NULL
            WHERE id = $2 AND (offered_to = $1 OR holder_id = $1)";
        self.change_one(SQL, &[Bind::Int(login.0.into()), Bind::Int(id.0.into())]).await
    }

    async fn change_one(&self, sql: &'static str, binds: &[Bind<'_>]) -> Result<bool, StoreError> {
        let mut tx = self.db.begin().await?;
        let changed = tx.execute(sql, binds).await?;
        tx.commit().await?;
        Ok(changed > 0)
    }
}

async fn offers(tx: &mut Tx, to: i64, now: Timestamp) -> Result<i64, StoreError> {
    const SQL: &str = "SELECT COUNT(*) FROM login WHERE offered_to = $1 AND offered_until > $2";
    let row = tx.row(SQL, &[Bind::Int(to), Bind::Int(now.as_millis())]).await?;
    row.map_or(Ok(0), |row| row.int(0))
}
