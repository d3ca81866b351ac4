//! Where the rows of a long list stand: the number of every so manyth row, so that a page at any depth is entered without
//! reading what lies before it. A list's places are found when somebody first goes deep into it, and brought up to date
//! by the change log. Must not know who asks.

use super::View;
use super::accounts::What;
use super::count_cache::Count;
use super::names::changes;
use crate::db::{Built, Db};
use crate::error::StoreError;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Rows of a stretch, about.
const STRETCH: u64 = 1_024;
/// Nearer to its beginning a list is read from there.
pub(super) const NEAR: u64 = 4 * STRETCH;
/// Lists whose places are kept.
const LISTS_MAX: usize = 1_000;

/// The places of lists that somebody went deep into.
#[derive(Default)]
pub(super) struct PageAnchors(Mutex<HashMap<(i64, What), Arc<List>>>);

/// A list as of a version of its domain. There is always a stretch; the first one begins before all rows.
struct List {
    version: i64,
    stretches: Vec<Stretch>,
}

/// Rows that follow one another, from this number on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stretch {
    first: i64,
    rows: u64,
}

impl List {
    /// From which number on to read, and how many rows to pass over.
    fn at(&self, offset: u64) -> (i64, u64) {
        let mut rest = offset;
        for stretch in &self.stretches {
            if rest < stretch.rows {
                return (stretch.first, rest);
            }
            rest -= stretch.rows;
        }
        // The list has grown shorter since.
        (i64::MAX, 0)
    }

    /// The stretches in which these numbers lie or would lie, in order, each once.
    fn touched(&self, ids: impl Iterator<Item = i64>) -> Vec<usize> {
        let at = |id| self.stretches.partition_point(|stretch| stretch.first <= id).saturating_sub(1);
        let mut touched: Vec<usize> = ids.map(at).collect();
        touched.sort_unstable();
        touched.dedup();
        touched
    }
}

impl View {
    /// From which number on the list of a domain is to be read for a page behind `offset` rows, and how many rows of
    /// those are to be passed over.
    pub(super) async fn place(&self, what: What, of: &Count, offset: u64) -> Result<(i64, u64), StoreError> {
        Ok(self.places().list(self.db(), what, of.domain, of.changed).await?.at(offset))
    }
}

impl PageAnchors {
    async fn list(&self, db: &Db, what: What, domain: i64, changed: i64) -> Result<Arc<List>, StoreError> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&(domain, what)).cloned();
        let list = match kept {
            Some(list) if list.version >= changed => return Ok(list),
            Some(list) => match changes(db, domain, list.version, changed).await? {
                Some(changes) => {
                    let ids = changes.iter().map(|change| i64::from(change.0));
                    counted_anew(db, what, domain, &list, &list.touched(ids)).await?
                }
                None => stretches(db, what, domain, 0, i64::MAX).await?,
            },
            None => stretches(db, what, domain, 0, i64::MAX).await?,
        };
        // Rows that were written meanwhile are counted anew with their change: counting twice does no harm.
        let list = Arc::new(List { version: changed, stretches: list });
        let mut lists = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lists.len() >= LISTS_MAX
            && !lists.contains_key(&(domain, what))
            && let Some(other) = lists.keys().next().copied()
        {
            lists.remove(&other);
        }
        lists.insert((domain, what), Arc::clone(&list));
        Ok(list)
    }
}

/// The stretches of a list after changes in some of them.
async fn counted_anew(
    db: &Db,
    what: What,
    domain: i64,
    list: &List,
    touched: &[usize],
) -> Result<Vec<Stretch>, StoreError> {
    let mut counted = Vec::with_capacity(list.stretches.len() + touched.len());
    let mut touched = touched.iter().copied().peekable();
    for (at, stretch) in list.stretches.iter().enumerate() {
        if touched.next_if_eq(&at).is_none() {
            counted.push(*stretch);
            continue;
        }
        let upto = list.stretches.get(at + 1).map_or(i64::MAX, |next| next.first);
        let parts = stretches(db, what, domain, stretch.first, upto).await?;
        // What lies behind an empty one begins where the one before it ends.
        counted.extend(parts.into_iter().filter(|part| part.rows > 0 || at == 0));
    }
    Ok(counted)
}

/// The rows of a list from one number to before another, in stretches.
async fn stretches(db: &Db, what: What, domain: i64, from: i64, upto: i64) -> Result<Vec<Stretch>, StoreError> {
    let rows = |select: &'static str, from: i64| {
        let mut sql = Built::default();
        sql.push("SELECT ").push(select).push(" FROM address AS a WHERE a.domain_id = ").number(domain);
        sql.push(" AND ").push(what.only()).push(" AND a.id >= ").number(from).push(" AND a.id < ").number(upto);
        sql
    };
    let (mut stretches, mut first) = (Vec::new(), from);
    loop {
        let mut next = rows("a.id", first);
        next.push(" ORDER BY a.domain_id, a.id LIMIT 1 OFFSET ").number(STRETCH.cast_signed());
        let Some(row) = db.built(&next).await?.into_iter().next() else { break };
        stretches.push(Stretch { first, rows: STRETCH });
        first = row.int(0)?;
    }
    let counted = db.built(&rows("COUNT(*)", first)).await?;
    stretches.push(Stretch { first, rows: counted.first().map_or(Ok(0), |row| row.get(0))? });
    Ok(stretches)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(stretches: &[(i64, u64)]) -> List {
        List { version: 1, stretches: stretches.iter().map(|&(first, rows)| Stretch { first, rows }).collect() }
    }

    #[test]
    fn a_page_begins_in_the_stretch_that_has_its_first_row() {
        let list = list(&[(0, 3), (10, 0), (20, 2)]);
        let table = [(0, (0, 0)), (2, (0, 2)), (3, (20, 0)), (4, (20, 1)), (5, (i64::MAX, 0))];
        for (offset, place) in table {
            assert_eq!(list.at(offset), place, "{offset}");
        }
    }

    #[test]
    fn a_change_touches_the_stretch_around_it() {
        let list = list(&[(0, 3), (10, 4), (20, 2)]);
        assert_eq!(list.touched([25, 9, 0, 10, 21].into_iter()), [0, 1, 2]);
        assert_eq!(list.touched([19].into_iter()), [1]);
        assert!(list.touched(std::iter::empty()).is_empty());
    }
}
