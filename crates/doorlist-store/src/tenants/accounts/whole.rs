//! A list without filters but its domain's: counted by the counts that each domain keeps, and entered at any depth
//! without reading the domains that lie before.

use super::{FROM, Found, What, ids_of};
use crate::db::Built;
use crate::error::StoreError;
use crate::tenants::nouns::BY_CUSTOMER;
use crate::tenants::places::NEAR;
use crate::tenants::table::{Lookup, PAGE_ROWS_MAX, Query, Value};
use crate::tenants::{View, sight};
use doorlist_core::access::Scope;

impl What {
    fn count(self) -> &'static str {
        match self {
            What::Accounts => "d.mailboxes + d.lists",
            What::Aliases => "d.aliases",
        }
    }
}

impl View {
    /// The page, if the query is of that kind.
    pub(super) async fn whole(&self, what: What, query: &Query) -> Result<Option<Found>, StoreError> {
        if !query.order.is_empty() {
            return Ok(None);
        }
        let (Some(domain), Some(total)) = (only_domain(query), self.whole_total(what, query).await?) else {
            return Ok(None);
        };
        let (mut ids, limit) = (Vec::new(), query.limit.min(PAGE_ROWS_MAX) as usize);
        let Some((at, place)) = self.enter(what, domain, query, total).await? else { return Ok(Some((ids, total))) };
        ids.extend(self.stretch(what, at, place, limit).await?);
        if domain.is_none() && ids.len() < limit {
            ids.extend(self.behind(what, at, limit - ids.len()).await?);
        }
        Ok(Some((ids, total)))
    }

    /// How many rows there are, if the query asks for nothing but a domain; in whatever order.
    pub(super) async fn whole_total(&self, what: What, query: &Query) -> Result<Option<u64>, StoreError> {
        let Some(domain) = only_domain(query) else { return Ok(None) };
        // Whoever sees single accounts sees no whole lists.
        if self.sees_single_accounts() {
            return Ok(None);
        }
        Ok(Some(self.count(what, domain).await?))
    }

    /// Whether the caller is the key of an account, which sees that account alone.
    pub(in crate::tenants) fn sees_single_accounts(&self) -> bool {
        self.access().grants.iter().any(|grant| matches!(grant.scope, Scope::Account(_)))
    }

    async fn count(&self, what: What, domain: Option<i64>) -> Result<u64, StoreError> {
        let mut sql = Built::default();
        sql.push("SELECT CAST(COALESCE(SUM(").push(what.count()).push("), 0) AS BIGINT)");
        self.put_domains(&mut sql, domain);
        let rows = self.db().built(&sql).await?;
        Ok(rows.first().map_or(Ok(0), |row| row.int(0))?.cast_unsigned())
    }

    fn put_domains(&self, sql: &mut Built, domain: Option<i64>) {
        sql.push(" FROM domain AS d CROSS JOIN customer AS c WHERE c.id = d.customer_id AND ");
        sight::condition(sql, self.access(), &BY_CUSTOMER);
        if let Some(domain) = domain {
            sql.push(" AND d.id = ").number(domain);
        }
    }

    /// In which domain the page begins, and where in it.
    async fn enter(
        &self,
        what: What,
        domain: Option<i64>,
        query: &Query,
        total: u64,
    ) -> Result<Option<(i64, Place)>, StoreError> {
        if query.offset >= total || query.limit == 0 {
            return Ok(None);
        }
        if let Some(after) = query.after
            && let Some(at) = self.domain_of(after, domain).await?
        {
            return Ok(Some((at, Place::After(after))));
        }
        let mut sql = Built::default();
        // The sum of a BIGINT is a NUMERIC for PostgreSQL.
        sql.push("SELECT id, CAST(upto - own AS BIGINT) FROM (SELECT d.id AS id, ")
            .push(what.count())
            .push(" AS own, SUM(");
        sql.push(what.count()).push(") OVER (ORDER BY d.id) AS upto");
        self.put_domains(&mut sql, domain);
        let offset = i64::try_from(query.offset).unwrap_or(i64::MAX);
        sql.push(") AS s WHERE upto > ").number(offset).push(" ORDER BY id LIMIT 1");
        let rows = self.db().built(&sql).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let before = row.int(1)?.cast_unsigned();
        Ok(Some((row.int(0)?, Place::Offset(query.offset.saturating_sub(before)))))
    }

    /// The domain of an address, if it is one that may be seen and is asked for: anybody may name any number.
    async fn domain_of(&self, address: u64, domain: Option<i64>) -> Result<Option<i64>, StoreError> {
        let mut sql = Built::default();
        sql.push("SELECT d.id");
        self.put_domains(&mut sql, domain);
        sql.push(" AND d.id = (SELECT domain_id FROM address WHERE id = ");
        sql.number(i64::try_from(address).unwrap_or(0)).push(")");
        self.db().built(&sql).await?.first().map(|row| row.int(0)).transpose()
    }

    /// Rows of a domain that may be seen.
    async fn stretch(&self, what: What, domain: i64, from: Place, limit: usize) -> Result<Vec<u32>, StoreError> {
        let (from, offset) = match from {
            Place::After(id) => (i64::try_from(id).unwrap_or(i64::MAX).saturating_add(1), 0),
            Place::Offset(offset) if offset > NEAR => self.place(what, domain, offset).await?,
            Place::Offset(offset) => (0, offset),
        };
        let mut sql = Built::default();
        sql.push("SELECT a.id FROM address AS a WHERE a.domain_id = ").number(domain).push(" AND ").push(what.only());
        sql.push(" AND a.id >= ").number(from);
        sql.push(" ORDER BY a.domain_id, a.id LIMIT ").number(i64::try_from(limit).unwrap_or(0));
        sql.push(" OFFSET ").number(i64::try_from(offset).unwrap_or(i64::MAX));
        ids_of(&self.db().built(&sql).await?)
    }

    /// The first rows of the domains behind this one.
    async fn behind(&self, what: What, domain: i64, limit: usize) -> Result<Vec<u32>, StoreError> {
        let mut sql = Built::default();
        sql.push("SELECT a.id").push(FROM).push(what.only()).push(" AND ");
        sight::condition(&mut sql, self.access(), &BY_CUSTOMER);
        sql.push(" AND d.id > ").number(domain);
        sql.push(" ORDER BY d.id, a.id LIMIT ").number(i64::try_from(limit).unwrap_or(0));
        ids_of(&self.db().built(&sql).await?)
    }
}

/// Where a page begins in a domain.
enum Place {
    /// Behind so many rows.
    Offset(u64),
    /// Behind this row.
    After(u64),
}

/// `Some(None)`: all domains; `Some(Some)`: one of them; `None`: there is more to the query.
#[allow(clippy::option_option, reason = "all domains, one of them, and neither are three answers")]
fn only_domain(query: &Query) -> Option<Option<i64>> {
    if query.search.is_some() {
        return None;
    }
    match query.filters.as_slice() {
        [] => Some(None),
        [one] if one.column == "domain" && one.lookup == Lookup::Exact => match one.values.as_slice() {
            [Value::Int(id)] => Some(Some(*id)),
            _ => None,
        },
        _ => None,
    }
}
