//! Applies the column mapping of a person over the detected one.

use super::columns::{ColumnContent, ColumnMap, ColumnTaken, TakenBy};
use super::heads::normal;
use super::{NotAList, values};

/// Gives each named column its field. A column that was taken for the same single thing before is no more.
pub(super) fn apply(columns: &mut [ColumnTaken], maps: &[ColumnMap]) -> Result<(), NotAList> {
    for map in maps {
        let at = find(columns, &map.column).ok_or_else(|| NotAList::NoSuchColumn {
            column: map.column.clone(),
            columns: columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", "),
        })?;
        for column in columns.iter_mut() {
            if column.by != TakenBy::Map && stands_against(column.field, map.field) {
                column.field = ColumnContent::Ignore;
            }
        }
        columns[at].field = map.field;
        columns[at].by = TakenBy::Map;
    }
    Ok(())
}

/// A row has one of these.
fn stands_against(seen: ColumnContent, said: ColumnContent) -> bool {
    let is_name = |field| matches!(field, ColumnContent::Address | ColumnContent::Local | ColumnContent::List);
    (seen == said && !matches!(said, ColumnContent::Alias | ColumnContent::Ignore | ColumnContent::Password))
        || (is_name(seen) && is_name(said))
}

/// By name, without regard to case and punctuation, or by number.
fn find(columns: &[ColumnTaken], wanted: &str) -> Option<usize> {
    let wanted = values::trimmed(wanted);
    let by = |is: &dyn Fn(&ColumnTaken) -> bool| columns.iter().position(is);
    by(&|column| column.name.eq_ignore_ascii_case(wanted))
        .or_else(|| by(&|column| !normal(wanted).is_empty() && normal(&column.name) == normal(wanted)))
        .or_else(|| wanted.parse::<usize>().ok()?.checked_sub(1).filter(|at| *at < columns.len()))
}
