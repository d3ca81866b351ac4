//! Accounts and aliases of what may be millions: which rows a page has, and how many there are in all. A list without
//! filters is counted by the domains' own counts, text is looked for in memory ([`super::names`]), everything else is
//! asked of the store. Must not know who may change what.

mod columns;
mod details;
mod whole;

pub(super) use columns::{AddressColumn, ColumnRole};
pub use details::{AccountRow, AliasRow};

use super::View;
use super::columns::{AccountColumn, AliasColumn};
use super::names::Sought;
use super::query::{Lookup, PAGE_ROWS_MAX, Query, QueryValue, RowFilter};
use super::sight;
use super::table::{FILTERS_MAX, Owners, Page, Placed, column, pattern, put_filter};
use crate::db::{Built, Row};
use crate::error::StoreError;
use doorlist_core::access::{Grant, Scope};
use doorlist_core::address::Address;
use doorlist_core::list::AddressId;

/// Which of the two lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum What {
    Accounts,
    Aliases,
}

/// The condition of the partial index of each, word for word.
impl What {
    pub(super) fn only(self) -> &'static str {
        match self {
            What::Accounts => "a.kind <> 1 AND a.standing <> 2",
            What::Aliases => "a.kind = 1 AND a.standing <> 2",
        }
    }

    fn owners(self) -> Owners {
        let account = (self == What::Accounts).then_some("a.id");
        Owners { reseller: Some("c.reseller_id"), customer: Some("c.id"), domain: Some("d.id"), account }
    }
}

/// Domains from the outside in, so that the order by domain and number costs nothing.
const FROM: &str = " FROM domain AS d CROSS JOIN customer AS c CROSS JOIN address AS a
    WHERE c.id = d.customer_id AND a.domain_id = d.id AND ";

/// From the rows that are named to their domains: few rows, and ten thousand domains that would be looked through.
const FROM_NAMED: &str = " FROM address AS a CROSS JOIN domain AS d CROSS JOIN customer AS c
    WHERE d.id = a.domain_id AND c.id = d.customer_id AND ";

/// The numbers of a page's rows, in order, and how many rows there are in all.
type FoundRows = (Vec<u32>, u64);

impl View {
    /// A page of accounts: by domain, in it by number, unless another order is asked for.
    pub async fn accounts(&self, query: &Query<AccountColumn>) -> Result<Page<AccountRow>, StoreError> {
        let (ids, total) = self.find(query).await?;
        Ok(Page { rows: self.account_rows(&ids).await?, total })
    }

    /// A page of aliases, in the same order.
    pub async fn aliases(&self, query: &Query<AliasColumn>) -> Result<Page<AliasRow>, StoreError> {
        let (ids, total) = self.find(query).await?;
        Ok(Page { rows: self.alias_rows(&ids).await?, total })
    }

    pub async fn account(&self, id: AddressId) -> Result<Option<Placed<AccountRow>>, StoreError> {
        let query = Query { limit: 1, ..Query::default() }.with(AccountColumn::Id, QueryValue::Int(id.0.into()));
        let ids = self.numbers(&query).await?;
        Ok(self.account_rows(&ids).await?.pop())
    }

    /// The account of this address; an alias is not one.
    pub async fn account_of(&self, address: &Address) -> Result<Option<Placed<AccountRow>>, StoreError> {
        let query = Query { limit: 1, ..Query::default() }
            .with(AccountColumn::DomainName, QueryValue::Text(address.domain().to_string()))
            .with(AccountColumn::LocalPart, QueryValue::Text(address.local().as_str().to_owned()));
        let ids = self.numbers(&query).await?;
        Ok(self.account_rows(&ids).await?.pop())
    }

    /// The accounts of these numbers, those that may be seen, in the order of their numbers.
    pub async fn accounts_by_id(&self, ids: &[AddressId]) -> Result<Vec<Placed<AccountRow>>, StoreError> {
        let mut rows = Vec::new();
        for ids in ids.chunks(PAGE_ROWS_MAX as usize) {
            let values = ids.iter().map(|id| QueryValue::Int(id.0.into())).collect();
            let filter = RowFilter { column: AccountColumn::Id, lookup: Lookup::In, values };
            let query = Query { filters: vec![filter], limit: PAGE_ROWS_MAX, ..Query::default() };
            rows.extend(self.account_rows(&self.numbers(&query).await?).await?);
        }
        Ok(rows)
    }

    pub async fn alias(&self, id: AddressId) -> Result<Option<Placed<AliasRow>>, StoreError> {
        let query = Query { limit: 1, ..Query::default() }.with(AliasColumn::Id, QueryValue::Int(id.0.into()));
        let ids = self.numbers(&query).await?;
        Ok(self.alias_rows(&ids).await?.pop())
    }

    async fn find<C: AddressColumn>(&self, query: &Query<C>) -> Result<FoundRows, StoreError> {
        if let Some(found) = self.whole(query).await? {
            return Ok(found);
        }
        if let Some(sought) = Sought::of(query)
            && let Some(found) = self.sought(query, &sought).await?
        {
            return Ok(found);
        }
        self.asked(query).await
    }

    /// Whatever the query is: the store looks at every row that the filters leave.
    async fn asked<C: AddressColumn>(&self, query: &Query<C>) -> Result<FoundRows, StoreError> {
        let ids = self.numbers(query).await?;
        // A page that is not full is the last one.
        if ids.len() < query.limit as usize && (query.offset == 0 || !ids.is_empty()) {
            let total = query.offset + ids.len() as u64;
            return Ok((ids, total));
        }
        if let Some(total) = self.whole_total(query).await? {
            return Ok((ids, total));
        }
        let mut count = Built::default();
        count.push("SELECT COUNT(*)");
        self.put_where(&mut count, query);
        let counted = self.db().built(&count).await?;
        Ok((ids, counted.first().map_or(Ok(0), |row| row.get(0))?))
    }

    /// The rows of a page, without counting what there is beside them.
    async fn numbers<C: AddressColumn>(&self, query: &Query<C>) -> Result<Vec<u32>, StoreError> {
        let mut rows = Built::default();
        rows.push("SELECT a.id");
        self.put_where(&mut rows, query);
        put_order(&mut rows, query);
        let offset = i64::try_from(query.offset).unwrap_or(i64::MAX);
        rows.push(" LIMIT ").number(query.limit.min(PAGE_ROWS_MAX).into()).push(" OFFSET ").number(offset);
        ids_of(&self.db().built(&rows).await?)
    }

    /// The accounts of a caller who sees nothing else.
    fn own_accounts(&self) -> Option<Vec<i64>> {
        let grants = &self.access().grants;
        let own = |grant: &Grant| if let Scope::Account(id) = grant.scope { Some(i64::from(id.0)) } else { None };
        grants.iter().map(own).collect::<Option<Vec<i64>>>().filter(|own| !own.is_empty())
    }

    fn put_where<C: AddressColumn>(&self, sql: &mut Built, query: &Query<C>) {
        let what = C::LIST;
        let own = self.own_accounts().filter(|_| what == What::Accounts);
        let is_named = own.is_some() || query.filters.iter().any(names_rows);
        sql.push(if is_named { FROM_NAMED } else { FROM }).push(what.only()).push(" AND ");
        sight::condition(sql, self.access(), &what.owners());
        if let Some(own) = own {
            sql.push(" AND a.id IN (").numbers(own).push(")");
        }
        for filter in query.filters.iter().take(FILTERS_MAX) {
            sql.push(" AND ");
            put_filter(sql, column(filter.column.sql()), filter);
        }
        if let Some(search) = &query.search {
            sql.push(" AND a.local LIKE ");
            sql.bind(QueryValue::Text(pattern("%", search, "%"))).push(" ESCAPE '\\'");
        }
    }
}

/// Whether a condition leaves the few rows that it names.
fn names_rows<C: AddressColumn>(filter: &RowFilter<C>) -> bool {
    matches!(
        (filter.column.role(), filter.lookup),
        (Some(ColumnRole::Id | ColumnRole::Account), Lookup::Exact | Lookup::In)
    )
}

fn put_order<C: AddressColumn>(sql: &mut Built, query: &Query<C>) {
    sql.push(" ORDER BY ");
    for order in &query.order {
        // Numbers are given in the order of creation, and are in an index.
        let column = if order.column.role() == Some(ColumnRole::CreatedAt) { C::ID } else { order.column };
        sql.push(column.sql()).push(if order.descending { " DESC, " } else { ", " });
    }
    sql.push("d.id, a.id");
}

fn ids_of(rows: &[Row]) -> Result<Vec<u32>, StoreError> {
    rows.iter().map(|row| row.get(0)).collect()
}
