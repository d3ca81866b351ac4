//! A list without filters but its domain's: counted by the counts that each domain keeps, and entered at any depth
//! without reading the domains that lie before.

use super::{AddressColumn, ColumnRole, FROM, FoundRows, What, ids_of};
use crate::db::{Built, Read, binds};
use crate::error::StoreError;
use crate::tenants::count_cache::{Count, SeenDomains};
use crate::tenants::page_anchors::NEAR;
use crate::tenants::query::{Lookup, PAGE_ROWS_MAX, Query, QueryValue};
use crate::tenants::resources::BY_CUSTOMER;
use crate::tenants::{View, sight};
use doorlist_core::access::Scope;

impl What {
    fn of(self, count: &Count) -> u64 {
        match self {
            What::Accounts => count.accounts,
            What::Aliases => count.aliases,
        }
    }

    fn total(self, seen: &SeenDomains) -> u64 {
        seen.iter().map(|count| self.of(count)).sum()
    }
}

impl View {
    /// The page, if the query is of that kind.
    pub(super) async fn whole<C: AddressColumn>(&self, query: &Query<C>) -> Result<Option<FoundRows>, StoreError> {
        let what = C::LIST;
        if !query.order.is_empty() {
            return Ok(None);
        }
        let Some((domain, seen)) = self.whole_domains(query).await? else { return Ok(None) };
        let total = what.total(&seen);
        let (mut ids, limit) = (Vec::new(), query.limit.min(PAGE_ROWS_MAX) as usize);
        let Some((entered, place)) = self.enter(what, &seen, query).await? else { return Ok(Some((ids, total))) };
        ids.extend(self.stretch(what, entered, place, limit).await?);
        if domain.is_none() && ids.len() < limit {
            ids.extend(self.behind(what, entered.domain, limit - ids.len()).await?);
        }
        Ok(Some((ids, total)))
    }

    /// How many rows there are, if the query asks for nothing but a domain; in whatever order.
    pub(super) async fn whole_total<C: AddressColumn>(&self, query: &Query<C>) -> Result<Option<u64>, StoreError> {
        Ok(self.whole_domains(query).await?.map(|(_, seen)| C::LIST.total(&seen)))
    }

    /// The domains whose whole lists a query asks for, and which one if it is one.
    async fn whole_domains<C: AddressColumn>(
        &self,
        query: &Query<C>,
    ) -> Result<Option<(Option<i64>, SeenDomains)>, StoreError> {
        let Some(domain) = only_domain(query) else { return Ok(None) };
        // Whoever sees single accounts sees no whole lists.
        if self.sees_single_accounts() {
            return Ok(None);
        }
        Ok(Some((domain, self.domains_seen(domain).await?)))
    }

    /// Whether the caller is the key of an account, which sees that account alone.
    pub(in crate::tenants) fn sees_single_accounts(&self) -> bool {
        self.access().grants.iter().any(|grant| matches!(grant.scope, Scope::Account(_)))
    }

    /// In which domain the page begins, and where in it.
    async fn enter<'a, C>(
        &self,
        what: What,
        seen: &'a SeenDomains,
        query: &Query<C>,
    ) -> Result<Option<(&'a Count, PageStart)>, StoreError> {
        if query.limit == 0 {
            return Ok(None);
        }
        if let Some(after) = query.after
            && let Some(count) = self.domain_of(after, seen).await?
        {
            return Ok(Some((count, PageStart::After(after))));
        }
        let mut rest = query.offset;
        for count in seen.iter() {
            let own = what.of(count);
            if rest < own {
                return Ok(Some((count, PageStart::Offset(rest))));
            }
            rest -= own;
        }
        Ok(None)
    }

    /// The domain of an address, if it is one that may be seen and is asked for: anybody may name any number.
    async fn domain_of<'a>(&self, address: u64, seen: &'a SeenDomains) -> Result<Option<&'a Count>, StoreError> {
        const SQL: &str = "SELECT domain_id FROM address WHERE id = $1";
        let domain = self.db().value(SQL, &binds![address]).await?;
        Ok(domain.and_then(|domain| seen.get(domain)))
    }

    /// Rows of a domain that may be seen.
    async fn stretch(&self, what: What, of: &Count, from: PageStart, limit: usize) -> Result<Vec<u32>, StoreError> {
        let (from, offset) = match from {
            PageStart::After(id) => (i64::try_from(id).unwrap_or(i64::MAX).saturating_add(1), 0),
            PageStart::Offset(offset) if offset > NEAR => self.place(what, of, offset).await?,
            PageStart::Offset(offset) => (0, offset),
        };
        let mut sql = Built::default();
        sql.push("SELECT a.id FROM address AS a WHERE a.domain_id = ").number(of.domain);
        sql.push(" AND ").push(what.only());
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
enum PageStart {
    /// Behind so many rows.
    Offset(u64),
    After(u64),
}

/// `Some(None)`: all domains; `Some(Some)`: one of them; `None`: there is more to the query.
#[allow(clippy::option_option, reason = "all domains, one of them, and neither are three answers")]
fn only_domain<C: AddressColumn>(query: &Query<C>) -> Option<Option<i64>> {
    if query.search.is_some() {
        return None;
    }
    match query.filters.as_slice() {
        [] => Some(None),
        [one] if one.column.role() == Some(ColumnRole::Domain) && one.lookup == Lookup::Exact => {
            match one.values.as_slice() {
                [QueryValue::Int(id)] => Some(Some(*id)),
                _ => None,
            }
        }
        _ => None,
    }
}
