//! Retention times and limits of stored data.

use super::build::ConfigReader;
use super::units;
use doorlist_actions::RetentionTerms;

pub(super) fn read(reader: &mut ConfigReader<'_>) -> RetentionTerms {
    let mut terms = RetentionTerms::default();
    reader.set(&mut terms.audit.keep, "audit.keep", units::duration);
    reader.set(&mut terms.audit.size_max, "audit.size_max", units::size);
    reader.set(&mut terms.audit.files_max, "audit.files_max", units::count);
    reader.set(&mut terms.store.changes, "changes.keep", units::duration);
    reader.set(&mut terms.store.change_rows_max, "changes.rows_max", units::count);
    reader.set(&mut terms.store.changes_max, "changes.number_max", units::count);
    terms
}
