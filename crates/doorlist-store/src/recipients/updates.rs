//! What changes do to the list in memory, read from the rows of the change log: of changes that were made, as the store
//! has their addresses now; of a plan that is being taken over, as it says that they will be.

use super::codes::{domain_id, kind_from, standing_from};
use crate::db::{Bind, Db, Read};
use crate::error::StoreError;
use crate::json_rows::unpack;
use doorlist_core::domain::DomainId;
use doorlist_core::list::{AddressId, Entry, ListUpdates, Seed};
use std::borrow::Cow;

/// Changed addresses of one transaction that are kept for the list in memory; beyond, loading it anew is quicker.
pub(super) const UPDATES_MAX: usize = 2_000_000;
/// Rows of the change log that are read at a time.
const PAGE: i64 = 5_000;

/// Each address as the store has it.
const STORED: &str = "
    SELECT CAST(JSON_ROWS(r.place, r.domain_id, r.local, COALESCE(r.address_id, $1 + r.place), a.kind, a.standing)) AS TEXT)
    FROM (SELECT place, domain_id, local, address_id FROM change_row
          WHERE batch = $2 AND place > $3 AND local IS NOT NULL ORDER BY place LIMIT $4) AS r
    LEFT JOIN address AS a ON a.id = COALESCE(r.address_id, $1 + r.place) AND a.local = r.local";
/// Each address as its row of a plan says that it will be; one that goes has no kind there.
const PLANNED: &str = "
    SELECT CAST(JSON_ROWS(r.place, r.domain_id, r.local, COALESCE(r.address_id, $1 + r.place), r.kind, r.standing)) AS TEXT)
    FROM (SELECT place, domain_id, local, address_id, kind, standing FROM change_row
          WHERE batch = $2 AND place > $3 AND local IS NOT NULL ORDER BY place LIMIT $4) AS r";

/// Addresses that the changes behind `have` touched, each as the store has it now. Read a second time, they give the
/// same: nothing is lost or doubled by a change that is committed meanwhile.
pub(super) async fn of_addresses(mut db: &Db, seed: Seed, have: u64, version: u64) -> Result<ListUpdates, StoreError> {
    const CHANGES: &str = "SELECT batch, first_address FROM change WHERE id > $1 AND id <= $2 ORDER BY id";
    let mut updates = ListUpdates::new(seed);
    for change in db.rows(CHANGES, &[number(have), number(version)]).await? {
        let mut pages = Pages { db, sql: STORED, batch: change.int(0)?, first_address: change.int(1)?, after: 0 };
        while pages.next(&mut updates).await? {}
    }
    Ok(updates)
}

/// Addresses that a plan will touch, its new ones numbered from `first_address`. `None`: more than are kept.
pub(super) async fn of_plan(
    db: Db,
    seed: Seed,
    batch: i64,
    first_address: i64,
) -> Result<Option<ListUpdates>, StoreError> {
    let mut updates = ListUpdates::new(seed);
    let mut pages = Pages { db: &db, sql: PLANNED, batch, first_address, after: 0 };
    while pages.next(&mut updates).await? {
        if updates.len() > UPDATES_MAX {
            return Ok(None);
        }
    }
    Ok(Some(updates))
}

/// The rows of one batch that name an address, a page at a time.
struct Pages<'a> {
    db: &'a Db,
    sql: &'static str,
    batch: i64,
    /// Where the numbers of its new addresses begin.
    first_address: i64,
    /// The last place that was read.
    after: i64,
}

impl Pages<'_> {
    /// Reads a page; `false`: there was none.
    async fn next(&mut self, updates: &mut ListUpdates) -> Result<bool, StoreError> {
        type UpdateColumns<'a> = (i64, u32, Cow<'a, str>, u32, Option<i64>, Option<i64>);
        let binds = [self.first_address, self.batch, self.after, PAGE].map(Bind::Int);
        let Some(row) = (&mut &*self.db).row(self.sql, &binds).await? else { return Ok(false) };
        let mut rows: Vec<UpdateColumns<'_>> = unpack(&row, "change_row")?;
        rows.sort_by_key(|row| row.0);
        let Some(last) = rows.last() else { return Ok(false) };
        self.after = last.0;
        for (_, domain, local, id, kind, standing) in rows {
            let entry = match (kind, standing) {
                (Some(kind), Some(standing)) => {
                    let (kind, standing) = (kind_from(kind)?, standing_from(standing)?);
                    Some(Entry { kind, standing, id: AddressId(id) })
                }
                _ => None,
            };
            updates.push(DomainId(domain), &local, entry);
        }
        Ok(true)
    }
}

/// How many rows the changes behind `have` have; more than anybody reads if some were removed.
pub(super) async fn rows_behind(mut db: &Db, have: u64) -> Result<u64, StoreError> {
    let sql = "
        SELECT CAST(COALESCE(SUM(CASE WHEN rows_gone THEN 1000000000 ELSE added + changed + removed END), 0)
                    + (SELECT CASE WHEN changes_gone > $1 THEN 1000000000 ELSE 0 END FROM list_state) AS BIGINT)
        FROM change WHERE id > $1";
    let row = db.row(sql, &[number(have)]).await?;
    Ok(row.map_or(Ok(0), |row| row.int(0))?.cast_unsigned())
}

/// Domains that themselves changed behind `have`.
pub(super) async fn of_domains(mut db: &Db, have: u64, version: u64) -> Result<Vec<DomainId>, StoreError> {
    const SQL: &str = "
        SELECT DISTINCT r.domain_id FROM change AS c CROSS JOIN change_row AS r
        WHERE c.id > $1 AND c.id <= $2 AND c.domains > 0 AND r.batch = c.batch AND r.local IS NULL";
    let rows = db.rows(SQL, &[number(have), number(version)]).await?;
    rows.iter().map(|row| domain_id(row.int(0)?)).collect()
}

fn number(value: u64) -> Bind<'static> {
    Bind::Int(i64::try_from(value).unwrap_or(i64::MAX))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;
    use crate::recipients::handle::RecipientStore;
    use crate::recipients::plan::stage::batch;
    use crate::recipients::version::version;
    use doorlist_core::address::LocalPart;
    use doorlist_core::change::{Actor, Change, ChangeSet, DomainChange, PlanId, Source, Structure, Via};
    use doorlist_core::list_change::{Coverage, SourcePlan};
    use doorlist_core::source_rows::{RowPosition, SourceRow, normalize};
    use doorlist_testbed::postgres::Cluster;

    #[tokio::test(flavor = "multi_thread")]
    async fn what_a_plan_says_is_what_the_store_has_afterwards_on_sqlite() {
        let folder = tempfile::tempdir().unwrap();
        holds(Db::open_sqlite(&folder.path().join("directory.db")).await.unwrap()).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_a_plan_says_is_what_the_store_has_afterwards_on_postgresql() {
        let cluster = Cluster::start().unwrap();
        holds(Db::open_postgres(&cluster.url("updates").unwrap()).await.unwrap()).await;
    }

    async fn holds(db: Db) {
        let store = TestStore { here: RecipientStore::load(db.clone()).await.unwrap(), db };
        let name = "example.test".parse().unwrap();
        store
            .apply(Change::Domain { name, change: DomainChange::Add { customer: "Maple".to_owned(), servers: vec![] } })
            .await;
        store.apply(Change::Veto { address: "gone@example.test".parse().unwrap() }).await;
        // New ones only; then some that are there, one that becomes an alias, and some that go.
        let first = store.file("ann bob cora>ann team").await;
        let second = store.file("ann bob>ann dan team>dan gone").await;
        assert_eq!((first, second), (4, 4));
        assert_eq!(store.undo().await, 4);
        let (address, to) = ("ann@example.test".parse().unwrap(), local("ann.lee"));
        store.apply(Change::Rename { address, to }).await;
        assert_eq!(store.undo().await, 3, "a name comes, another goes, and its alias follows");
        assert_eq!(store.file("").await, 4);
        assert_eq!(store.undo().await, 4, "with the numbers that they had");
    }

    struct TestStore {
        db: Db,
        here: RecipientStore,
    }

    impl TestStore {
        async fn apply(&self, change: Change) {
            let set = ChangeSet { changes: vec![change], summary: String::new() };
            self.here.apply(&set, &actor(), None).await.unwrap();
        }

        /// What a file says is all of it.
        async fn file(&self, text: &str) -> usize {
            let rows = text.split_whitespace().zip(1..).map(|(word, line)| {
                let (name, account) = word.split_once('>').unzip();
                let structure = account.map_or(Structure::Mailbox, |account| Structure::AliasOf(local(account)));
                SourceRow {
                    local: local(name.unwrap_or(word)),
                    structure,
                    switched_off: false,
                    place: RowPosition::Line(line),
                }
            });
            let (domain, source) = ("example.test".parse().unwrap(), Source::File("staff".to_owned()));
            let (list, coverage) = (normalize(rows.collect()), Coverage::Whole);
            let plan =
                SourcePlan { domain: &domain, source: &source, list: &list, coverage, file: None, examples_max: 0 };
            self.take(self.here.plan_source(&plan, &actor(), Some("file")).await.unwrap().id.unwrap()).await
        }

        async fn undo(&self) -> usize {
            let last = version(&self.db).await.unwrap();
            self.take(self.here.plan_undo(last, &actor(), Some("undo")).await.unwrap().id.unwrap()).await
        }

        /// Takes a plan over; how many addresses it touched.
        async fn take(&self, id: PlanId) -> usize {
            let sql = "SELECT version, next_address FROM list_state WHERE id = 1";
            let row = (&self.db).row(sql, &[]).await.unwrap().unwrap();
            let (have, first) = (row.int(0).unwrap().cast_unsigned(), row.int(1).unwrap());
            let seed = self.here.snapshot().seed();
            let said = of_plan(self.db.clone(), seed, batch(id), first).await.unwrap().unwrap();
            self.apply(Change::Plan { id }).await;
            assert!(said == of_addresses(&self.db, seed, have, have + 1).await.unwrap());
            said.len()
        }
    }

    fn local(text: &str) -> LocalPart {
        LocalPart::parse(text.as_bytes()).unwrap()
    }

    fn actor() -> Actor {
        Actor { name: "ann".to_owned(), via: Via::Command }
    }
}
