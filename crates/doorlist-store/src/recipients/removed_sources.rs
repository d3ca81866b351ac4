//! The directories of a domain that is removed: kept with their sealed passwords for as long as the removal can be undone,
//! and brought back with the domain.

use crate::db::{Read, Tx, binds};
use crate::error::StoreError;
use doorlist_core::address::DomainName;
use doorlist_core::domain::DomainId;
use doorlist_core::list_change::Note;
use doorlist_core::time::Timestamp;

/// Keeps the directories of a domain that is about to be removed.
pub(super) async fn keep(tx: &mut Tx, id: DomainId, now: Timestamp) -> Result<(), StoreError> {
    const SQL: &str = "
        INSERT INTO removed_connection (domain_id, name, time, settings, secret)
        SELECT c.domain_id, c.name, $2, c.settings, c.secret FROM connection AS c WHERE c.domain_id = $1
        ON CONFLICT (domain_id, name) DO UPDATE SET time = excluded.time, settings = excluded.settings,
            secret = excluded.secret";
    tx.execute(SQL, &binds![id, now]).await.map(drop)
}

/// Brings the directories of a domain back, to be read at once. One whose name another source has by now stays away.
pub(super) async fn bring_back(tx: &mut Tx, id: DomainId, now: Timestamp) -> Result<(), StoreError> {
    const BACK: &str = "
        INSERT INTO connection (name, domain_id, settings, secret, marker, next_run, full_read)
        SELECT r.name, r.domain_id, r.settings, r.secret, NULL, $2, NULL FROM removed_connection AS r
        WHERE r.domain_id = $1
        ON CONFLICT (name) DO NOTHING";
    tx.execute(BACK, &binds![id, now]).await?;
    tx.execute("DELETE FROM removed_connection WHERE domain_id = $1", &binds![id]).await.map(drop)
}

/// What a person is told of the directories that would come back with a domain.
pub(super) async fn notes(
    from: &mut (impl Read + Send),
    id: DomainId,
    domain: &DomainName,
) -> Result<Vec<Note>, StoreError> {
    const SQL: &str = "
        SELECT r.name, EXISTS (SELECT 1 FROM connection AS c WHERE c.name = r.name)
        FROM removed_connection AS r WHERE r.domain_id = $1 ORDER BY r.name";
    let note = |row: &crate::db::Row| {
        let (source, domain) = (row.get::<String>(0)?, domain.clone());
        Ok(match row.get::<bool>(1)? {
            true => Note::SourceNameTaken { source, domain },
            false => Note::SourceComesBack { source, domain },
        })
    };
    from.rows(SQL, &binds![id]).await?.iter().map(note).collect()
}
