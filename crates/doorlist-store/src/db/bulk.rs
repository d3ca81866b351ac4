//! Many new rows of one table, each value bound. As one JSON array they would be parsed once more for every column, which
//! costs three times as much where rows are long and come by the million.

use super::{Bind, Engine, Tx};
use crate::error::StoreError;
use futures_util::future::join;
use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

/// Rows of the largest statement, a power of two. SQLite takes 32,766 values at a time, PostgreSQL 65,535.
const ROWS_AT_ONCE: usize = 128;

/// A value of a new row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    Int(Option<i64>),
    Text(Option<String>),
}

impl From<i64> for Cell {
    fn from(value: i64) -> Self {
        Cell::Int(Some(value))
    }
}

impl From<Option<i64>> for Cell {
    fn from(value: Option<i64>) -> Self {
        Cell::Int(value)
    }
}

impl From<&str> for Cell {
    fn from(value: &str) -> Self {
        Cell::Text(Some(value.to_owned()))
    }
}

impl From<Option<&str>> for Cell {
    fn from(value: Option<&str>) -> Self {
        Cell::Text(value.map(str::to_owned))
    }
}

impl From<Option<String>> for Cell {
    fn from(value: Option<String>) -> Self {
        Cell::Text(value)
    }
}

/// Runs statements one after the other, each bound while the one before it runs.
macro_rules! run_all {
    ($statements:expr, $connection:expr) => {{
        let texts = $statements.texts;
        let mut bind = || $statements.next().map(|(text, cells)| bound!(text, binds(cells, texts)));
        let mut next = bind();
        while let Some(query) = next {
            let (ran, ahead) = join(query.execute($connection), async { bind() }).await;
            ran.map_err(StoreError::not_kept)?;
            next = ahead;
        }
    }};
}

/// New rows of `N` columns, gathered until they are written. They lie in two pieces of memory however many they are: made
/// by one thread and dropped by another, a million small ones would long be kept for the first.
pub(crate) struct NewRows<const N: usize> {
    into: &'static str,
    cells: Vec<KeptCell>,
    /// All texts, one behind the other.
    texts: String,
}

/// A cell as it is kept.
#[derive(Clone, Copy, Debug)]
enum KeptCell {
    Int(i64),
    NoInt,
    /// From where to where in the texts.
    Text(usize, usize),
    NoText,
}

impl<const N: usize> NewRows<N> {
    pub(crate) fn into(into: &'static str) -> Self {
        Self { into, cells: Vec::new(), texts: String::new() }
    }

    pub(crate) fn push(&mut self, row: [Cell; N]) {
        for cell in row {
            let kept = match cell {
                Cell::Int(Some(value)) => KeptCell::Int(value),
                Cell::Int(None) => KeptCell::NoInt,
                Cell::Text(Some(text)) => {
                    let from = self.texts.len();
                    self.texts.push_str(&text);
                    KeptCell::Text(from, self.texts.len())
                }
                Cell::Text(None) => KeptCell::NoText,
            };
            self.cells.push(kept);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.cells.len() / N
    }

    /// Takes what there is, to be written while others are gathered.
    pub(crate) fn take(&mut self) -> Self {
        let next = Self {
            into: self.into,
            cells: Vec::with_capacity(self.cells.len()),
            texts: String::with_capacity(self.texts.len()),
        };
        std::mem::replace(self, next)
    }

    /// Writes them. While a statement runs, the values of the next one are bound: each takes about half of the time.
    pub(crate) async fn write(&self, tx: &mut Tx) -> Result<(), StoreError> {
        let mut statements =
            Statements::<N> { engine: tx.engine(), into: self.into, text: None, texts: &self.texts, rest: &self.cells };
        match tx {
            Tx::Sqlite(tx, _) => run_all!(statements, &mut **tx),
            Tx::Postgres(tx) => run_all!(statements, &mut **tx),
        }
        Ok(())
    }
}

/// The statements that write rows: each a power of two of them, so that there are few to prepare.
struct Statements<'a, const N: usize> {
    engine: Engine,
    into: &'static str,
    /// The last one's, and for how many rows it is.
    text: Option<(usize, SqlStr)>,
    /// Where the texts of cells are.
    texts: &'a str,
    rest: &'a [KeptCell],
}

impl<'a, const N: usize> Iterator for Statements<'a, N> {
    type Item = (SqlStr, &'a [KeptCell]);

    fn next(&mut self) -> Option<Self::Item> {
        let size = 1 << (self.rest.len() / N).min(ROWS_AT_ONCE).checked_ilog2()?;
        let (cells, rest) = self.rest.split_at_checked(size * N)?;
        self.rest = rest;
        let text = match self.text.take().filter(|(of, _)| *of == size) {
            Some((_, text)) => text,
            None => AssertSqlSafe(insertion::<N>(self.engine, self.into, size)).into_sql_str(),
        };
        self.text = Some((size, text.clone()));
        Some((text, cells))
    }
}

/// Placeholders have no numbers on SQLite: there a number is a name, which is looked for among all others when it is bound.
fn insertion<const N: usize>(engine: Engine, into: &'static str, rows: usize) -> String {
    let mut text = format!("INSERT INTO {into} VALUES ");
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { "), (" });
        for column in 1..=N {
            text.push_str(if column == 1 { "" } else { ", " });
            match engine {
                Engine::Sqlite => text.push('?'),
                Engine::Postgres => text.push_str(&format!("${}", row * N + column)),
            }
        }
    }
    text.push(')');
    text
}

fn binds<'a>(cells: &'a [KeptCell], texts: &'a str) -> impl Iterator<Item = Bind<'a>> {
    cells.iter().map(move |cell| match *cell {
        KeptCell::Int(value) => Bind::IntOrNull(Some(value)),
        KeptCell::NoInt => Bind::IntOrNull(None),
        KeptCell::Text(from, to) => Bind::TextOrNull(texts.get(from..to)),
        KeptCell::NoText => Bind::TextOrNull(None),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{Engine, NewRows, insertion};
    use crate::db::{Db, Read as _};
    use doorlist_testbed::postgres::Cluster;

    #[tokio::test(flavor = "multi_thread")]
    async fn rows_of_any_number_are_written_once_on_sqlite() {
        let folder = tempfile::tempdir().unwrap();
        are_written_once(Db::open_sqlite(&folder.path().join("rows.db")).await.unwrap()).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn rows_of_any_number_are_written_once_on_postgresql() {
        let cluster = Cluster::start().unwrap();
        are_written_once(Db::open_postgres(&cluster.url("rows").unwrap()).await.unwrap()).await;
    }

    async fn are_written_once(db: Db) {
        let mut tx = db.begin().await.unwrap();
        tx.execute("CREATE TABLE thing (a BIGINT PRIMARY KEY, b TEXT)", &[]).await.unwrap();
        let (mut rows, mut last) = (NewRows::<2>::into("thing (a, b)"), 0_i64);
        for number in [0, 1, 2, 127, 128, 129, 301] {
            for _ in 0..number {
                last += 1;
                let text = format!("text {last}");
                rows.push([last.into(), (last % 2 == 0).then_some(text.as_str()).into()]);
            }
            rows.take().write(&mut tx).await.unwrap();
            assert_eq!(rows.len(), 0);
        }
        const SQL: &str = "SELECT COUNT(*), COUNT(b), CAST(SUM(a) AS BIGINT), MAX(a) FROM thing
                           WHERE (a % 2 = 1 AND b IS NULL) OR b = 'text ' || CAST(a AS TEXT)";
        let row = tx.row(SQL, &[]).await.unwrap().unwrap();
        let found = [0, 1, 2, 3].map(|at| row.int(at).unwrap());
        assert_eq!(found, [last, last / 2, last * (last + 1) / 2, last]);
    }

    #[test]
    fn a_statement_numbers_the_values_of_its_rows() {
        let text = insertion::<2>(Engine::Postgres, "t (a, b)", 2);
        assert_eq!(text, "INSERT INTO t (a, b) VALUES ($1, $2), ($3, $4)");
        assert_eq!(insertion::<2>(Engine::Sqlite, "t (a, b)", 2), "INSERT INTO t (a, b) VALUES (?, ?), (?, ?)");
    }
}
