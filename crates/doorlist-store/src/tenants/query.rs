//! What a list is asked for: conditions, order, and which page of it. Must not know SQL, nor any list.

use super::columns::ListColumn;

/// Rows of a page.
pub const PAGE_ROWS_MAX: u32 = 1_000;

/// How a value is compared. Texts are compared without regard to case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    Exact,
    /// A part of it.
    Contains,
    StartsWith,
    EndsWith,
    In,
    Gt,
    Gte,
    Lt,
    Lte,
    /// Between two, both included.
    Range,
    /// Not given at all (true), or given (false).
    IsNull,
}

/// What is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueryValue {
    /// A number, a moment in milliseconds.
    Int(i64),
    Text(String),
    Flag(bool),
}

/// One condition on rows of a list with columns `C`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowFilter<C> {
    pub column: C,
    pub lookup: Lookup,
    /// With what: several only for [`Lookup::In`] and [`Lookup::Range`].
    pub values: Vec<QueryValue>,
}

/// By what rows are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order<C> {
    pub column: C,
    pub descending: bool,
}

/// A page of a list with columns `C`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query<C> {
    /// All of these hold.
    pub filters: Vec<RowFilter<C>>,
    /// Text that is part of the name.
    pub search: Option<String>,
    /// The list's own order if there is none.
    pub order: Vec<Order<C>>,
    /// At most so many rows, at most [`PAGE_ROWS_MAX`].
    pub limit: u32,
    pub offset: u64,
    /// The last row of the page before, where it is known: a deep page is then as quick as the first.
    pub after: Option<u64>,
}

impl<C> Default for Query<C> {
    fn default() -> Self {
        Self { filters: Vec::new(), search: None, order: Vec::new(), limit: 0, offset: 0, after: None }
    }
}

impl<C: ListColumn> Query<C> {
    #[must_use]
    pub fn with(mut self, column: C, value: QueryValue) -> Self {
        self.filters.push(RowFilter { column, lookup: Lookup::Exact, values: vec![value] });
        self
    }
}

impl<C> Query<Option<C>> {
    /// The query without the conditions and orders that are about no column.
    pub fn known(self) -> Query<C> {
        let Self { filters, search, order, limit, offset, after } = self;
        let filter = |RowFilter { column, lookup, values }| Some(RowFilter { column: column?, lookup, values });
        let filters = filters.into_iter().filter_map(filter).collect();
        let order_by = |Order { column, descending }| Some(Order { column: column?, descending });
        let order = order.into_iter().filter_map(order_by).collect();
        Query { filters, search, order, limit, offset, after }
    }
}
