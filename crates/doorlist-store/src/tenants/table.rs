//! One page of a list: which rows, in which order, and how many there are in all. A [`Table`] says once what a noun's
//! rows are read from and by what they can be found; everything else is the same for all nouns. Must not know any noun.

use super::columns::ListColumn;
use super::query::{Lookup, PAGE_ROWS_MAX, Query, QueryValue, RowFilter};
use super::{View, sight};
use crate::db::{Built, Columns, FromColumns};
use crate::error::StoreError;
use doorlist_core::access::Lineage;

/// Filters of a query, and values of one filter.
pub(crate) const FILTERS_MAX: usize = 50;
pub(crate) const VALUES_MAX: usize = 10_000;

/// A row with where it stands among the tenants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed<T> {
    pub row: T,
    pub lineage: Lineage,
}

/// Rows of a page, and how many there are in all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    pub rows: Vec<Placed<T>>,
    pub total: u64,
}

/// SQL that gives a row's owners.
pub(crate) struct Owners {
    pub(super) reseller: Option<&'static str>,
    pub(super) customer: Option<&'static str>,
    pub(super) domain: Option<&'static str>,
    pub(super) account: Option<&'static str>,
}

/// What stands behind a column.
#[derive(Clone, Copy)]
pub(crate) struct Column {
    pub(super) sql: &'static str,
    /// A text whose letters may be large.
    pub(super) is_mixed_case: bool,
}

pub(super) const fn column(sql: &'static str) -> Column {
    Column { sql, is_mixed_case: false }
}

pub(super) const fn text(sql: &'static str) -> Column {
    Column { sql, is_mixed_case: true }
}

pub(crate) struct Table<C> {
    /// What is read of a row, in the order of its fields: the first column is its number.
    pub(super) select: &'static str,
    /// From where; every column below is of these.
    pub(super) from: &'static str,
    /// Which rows of it are meant at all.
    pub(super) only: &'static str,
    pub(super) owners: Owners,
    /// By these it can be found and ordered.
    pub(super) column: fn(C) -> Column,
    /// By these free text is searched.
    pub(super) search: &'static [&'static str],
    pub(super) order: &'static str,
}

impl<'r, T: FromColumns<'r>> FromColumns<'r> for Placed<T> {
    fn take_from(columns: &mut Columns<'r>) -> Result<Self, StoreError> {
        Ok(Self { row: columns.take()?, lineage: columns.take()? })
    }
}

impl<C: ListColumn> Table<C> {
    fn put_select(&self, sql: &mut Built) {
        sql.push("SELECT ").push(self.select);
        for owner in [self.owners.reseller, self.owners.customer, self.owners.domain, self.owners.account] {
            sql.push(", ").push(owner.unwrap_or("CAST(NULL AS BIGINT)"));
        }
        sql.push(" FROM ").push(self.from);
    }

    fn put_where(&self, sql: &mut Built, view: &View, query: &Query<C>) {
        sql.push(" WHERE ").push(self.only).push(" AND ");
        sight::condition(sql, view.access(), &self.owners);
        for filter in query.filters.iter().take(FILTERS_MAX) {
            sql.push(" AND ");
            put_filter(sql, (self.column)(filter.column), filter);
        }
        if let Some(search) = &query.search {
            sql.push(" AND (FALSE");
            for column in self.search {
                sql.push(" OR LOWER(").push(column).push(") LIKE ");
                sql.bind(QueryValue::Text(pattern("%", search, "%"))).push(" ESCAPE '\\'");
            }
            sql.push(")");
        }
    }

    fn put_order(&self, sql: &mut Built, query: &Query<C>) {
        sql.push(" ORDER BY ");
        for order in &query.order {
            let column = (self.column)(order.column);
            match column.is_mixed_case {
                true => sql.push("LOWER(").push(column.sql).push(")"),
                false => sql.push(column.sql),
            };
            sql.push(if order.descending { " DESC, " } else { ", " });
        }
        // What was found comes as it was made.
        match &query.search {
            Some(_) if query.order.is_empty() => sql.push((self.column)(C::ID).sql),
            _ => sql.push(self.order),
        };
    }
}

pub(super) fn put_filter<C>(sql: &mut Built, column: Column, filter: &RowFilter<C>) {
    let folds = column.is_mixed_case;
    let put_column = |sql: &mut Built| {
        if folds {
            sql.push("LOWER(").push(column.sql).push(")")
        } else {
            sql.push(column.sql)
        };
    };
    let mut values = filter.values.iter().take(VALUES_MAX).map(folded);
    let text = |value: Option<&QueryValue>| match value {
        Some(QueryValue::Text(text)) => text.clone(),
        Some(QueryValue::Int(number)) => number.to_string(),
        Some(QueryValue::Flag(flag)) => flag.to_string(),
        None => String::new(),
    };
    let like = |sql: &mut Built, before: &str, after: &str| {
        sql.push("CAST(");
        put_column(sql);
        sql.push(" AS TEXT) LIKE ");
        sql.bind(QueryValue::Text(pattern(before, &text(filter.values.first()), after))).push(" ESCAPE '\\'");
    };
    let compare = |sql: &mut Built, how: &'static str, value: Option<QueryValue>| {
        put_column(sql);
        sql.push(how);
        sql.bind(value.unwrap_or(QueryValue::Int(0)));
    };
    match filter.lookup {
        // SQLite folds ASCII only: a name with other large letters is found as it is written.
        Lookup::Exact if folds => {
            sql.push("(").push(column.sql).push(" = ").bind(QueryValue::Text(text(filter.values.first()))).push(" OR ");
            compare(sql, " = ", values.next());
            sql.push(")");
        }
        Lookup::Exact => compare(sql, " = ", values.next()),
        Lookup::Gt => compare(sql, " > ", values.next()),
        Lookup::Gte => compare(sql, " >= ", values.next()),
        Lookup::Lt => compare(sql, " < ", values.next()),
        Lookup::Lte => compare(sql, " <= ", values.next()),
        Lookup::Contains => like(sql, "%", "%"),
        Lookup::StartsWith => like(sql, "", "%"),
        Lookup::EndsWith => like(sql, "%", ""),
        Lookup::IsNull => {
            let is_null = filter.values.first() == Some(&QueryValue::Flag(true));
            sql.push(column.sql).push(if is_null { " IS NULL" } else { " IS NOT NULL" });
        }
        Lookup::Range => {
            compare(sql, " >= ", values.next());
            sql.push(" AND ");
            compare(sql, " <= ", values.next());
        }
        Lookup::In => {
            put_column(sql);
            sql.push(" IN (");
            for (at, value) in values.enumerate() {
                sql.push(if at == 0 { "" } else { ", " }).bind(value);
            }
            sql.push(")");
        }
    }
}

/// As it is compared: texts are folded.
fn folded(value: &QueryValue) -> QueryValue {
    match value {
        QueryValue::Text(text) => QueryValue::Text(text.to_lowercase()),
        other => other.clone(),
    }
}

/// What a person typed, as a pattern of `LIKE`: `%` and `_` mean themselves.
pub(crate) fn pattern(before: &str, typed: &str, after: &str) -> String {
    let mut pattern = before.to_owned();
    for c in typed.chars().flat_map(char::to_lowercase) {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern + after
}

impl View {
    /// A page of a noun's rows.
    pub(super) async fn page<T: for<'r> FromColumns<'r>, C: ListColumn>(
        &self,
        table: &Table<C>,
        query: &Query<C>,
    ) -> Result<Page<T>, StoreError> {
        let mut count = Built::default();
        count.push("SELECT COUNT(*) FROM ").push(table.from);
        table.put_where(&mut count, self, query);
        let counted = self.db().built(&count).await?;
        let total = counted.first().map_or(Ok(0), |row| row.get(0))?;
        let mut rows = Built::default();
        table.put_select(&mut rows);
        table.put_where(&mut rows, self, query);
        table.put_order(&mut rows, query);
        let offset = i64::try_from(query.offset).unwrap_or(i64::MAX);
        rows.push(" LIMIT ").number(query.limit.min(PAGE_ROWS_MAX).into()).push(" OFFSET ").number(offset);
        let rows = if query.offset < total { self.db().built(&rows).await? } else { Vec::new() };
        Ok(Page { rows: rows.iter().map(|row| row.get(0)).collect::<Result<_, _>>()?, total })
    }

    /// All rows that a query means, at most [`PAGE_ROWS_MAX`].
    pub(super) async fn one<T: for<'r> FromColumns<'r>, C: ListColumn>(
        &self,
        table: &Table<C>,
        query: Query<C>,
    ) -> Result<Option<Placed<T>>, StoreError> {
        let mut rows = Built::default();
        table.put_select(&mut rows);
        table.put_where(&mut rows, self, &query);
        rows.push(" LIMIT 1");
        let rows = self.db().built(&rows).await?;
        rows.first().map(|row| row.get(0)).transpose()
    }

    /// The row of this number.
    pub(super) async fn by_id<T: for<'r> FromColumns<'r>, C: ListColumn>(
        &self,
        table: &Table<C>,
        id: u32,
    ) -> Result<Option<Placed<T>>, StoreError> {
        self.one(table, Query::default().with(C::ID, QueryValue::Int(id.into()))).await
    }
}
