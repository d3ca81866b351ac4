//! Values that are told by the name of their column or key.

use crate::source_rows::shown;

/// Columns and keys that are told; further ones count in the last.
const COLUMNS_TOLD_MAX: usize = 100;

/// Counts by column; a file has few of them.
#[derive(Default)]
pub(super) struct ColumnCounts(Vec<(String, u64)>);

impl ColumnCounts {
    pub(super) fn add(&mut self, column: &str) {
        let counts = &mut self.0;
        let is_full = counts.len() >= COLUMNS_TOLD_MAX;
        match counts.iter().position(|(name, _)| name.eq_ignore_ascii_case(column)) {
            Some(at) => counts[at].1 += 1,
            None if is_full => counts.last_mut().into_iter().for_each(|(_, n)| *n += 1),
            None => counts.push((shown(column.as_bytes()), 1)),
        }
    }

    /// Each as `note` says it.
    pub(super) fn told<N>(self, note: impl Fn(String, u64) -> N) -> impl Iterator<Item = N> {
        self.0.into_iter().map(move |(column, count)| note(column, count))
    }
}
