//! How many accounts and aliases each domain has, and as of which change: kept in memory, since a page of all domains'
//! accounts has to add them up. Brought up to date by the list's version. Must not know what a page is.

use super::View;
use super::resources::BY_CUSTOMER;
use super::sight::{self, DomainSight};
use crate::db::{Built, Db, Read, binds};
use crate::error::StoreError;
use crate::json_rows::unpack;
use crate::recipients::version;
use std::sync::Arc;
use tokio::sync::Mutex;

const COUNT: &str = "SELECT CAST(JSON_ROWS(d.id, d.customer_id, d.changed, d.mailboxes + d.lists, d.aliases)) AS TEXT)";

/// What one domain has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) domain: i64,
    pub(super) customer: i64,
    pub(super) changed: i64,
    pub(super) accounts: u64,
    pub(super) aliases: u64,
}

/// The counts of all domains; nothing until somebody asks. As many as there are domains, which the list holds in memory
/// anyway; 40 octets each.
#[derive(Default)]
pub(super) struct DomainCounts(Mutex<Arc<CountTable>>);

/// Domains in the order of their numbers, as of a version of the list; 0: nothing was read yet.
#[derive(Default)]
struct CountTable {
    version: u64,
    domains: Vec<Count>,
}

impl CountTable {
    fn place(&self, domain: i64) -> Result<usize, usize> {
        self.domains.binary_search_by_key(&domain, |count| count.domain)
    }
}

/// The domains that one caller sees.
pub(super) struct SeenDomains {
    table: Arc<CountTable>,
    sight: DomainSight,
}

impl SeenDomains {
    /// In the order of their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Count> {
        self.table.domains.iter().filter(|count| self.sight.has(count))
    }

    /// The domain of this number, if it may be seen.
    pub(super) fn get(&self, domain: i64) -> Option<&Count> {
        let count = self.table.place(domain).ok().and_then(|at| self.table.domains.get(at));
        count.filter(|count| self.sight.has(count))
    }
}

impl View {
    /// The domains that the caller sees, or `only` the one of this number.
    pub(super) async fn domains_seen(&self, only: Option<i64>) -> Result<SeenDomains, StoreError> {
        if let Some(domain) = only {
            // One row costs nothing, however many others were changed.
            let mut sql = Built::default();
            sql.push(COUNT).push(" FROM domain AS d CROSS JOIN customer AS c WHERE c.id = d.customer_id AND ");
            sight::condition(&mut sql, self.access(), &BY_CUSTOMER);
            sql.push(" AND d.id = ").number(domain);
            let table = Arc::new(CountTable { version: 0, domains: read(self.db(), &sql).await? });
            return Ok(SeenDomains { table, sight: DomainSight::everything() });
        }
        let sight = DomainSight::of(self.db(), self.access()).await?;
        Ok(SeenDomains { table: self.counts().table(self.db()).await?, sight })
    }
}

impl DomainCounts {
    async fn table(&self, db: &Db) -> Result<Arc<CountTable>, StoreError> {
        let now = version(db).await?;
        let mut table = self.0.lock().await;
        if table.version != now {
            // Somebody else may have read a later one while this call waited.
            let now = version(db).await?;
            if table.version != now {
                *table = Arc::new(taken_up(db, &table, now).await?);
            }
        }
        Ok(Arc::clone(&table))
    }
}

/// The table as of a version. What is written meanwhile may be in it, and is read once more with the next version.
async fn taken_up(db: &Db, old: &CountTable, version: u64) -> Result<CountTable, StoreError> {
    // A smaller version: the store was put back from a backup.
    if old.version == 0 || version < old.version || domains_differ(db, old.version).await? {
        return Ok(CountTable { version, domains: changed_behind(db, None).await? });
    }
    let mut table = CountTable { version, domains: old.domains.clone() };
    for count in changed_behind(db, Some(old.version)).await? {
        match table.place(count.domain) {
            Ok(at) => table.domains[at] = count,
            Err(at) => table.domains.insert(at, count),
        }
    }
    Ok(table)
}

/// Whether domains came, went or changed hands behind a version; else only their counts can differ.
async fn domains_differ(mut db: &Db, have: u64) -> Result<bool, StoreError> {
    const SQL: &str = "
        SELECT id FROM change WHERE id > $1 AND domains > 0
        UNION ALL SELECT changes_gone FROM list_state WHERE changes_gone > $1 LIMIT 1";
    Ok(db.row(SQL, &binds![have]).await?.is_some())
}

/// The domains that changed behind a version; all of them if there is none.
async fn changed_behind(db: &Db, have: Option<u64>) -> Result<Vec<Count>, StoreError> {
    let mut sql = Built::default();
    sql.push(COUNT).push(" FROM domain AS d");
    if let Some(have) = have {
        sql.push(" WHERE d.changed > ").number(have.cast_signed());
    }
    read(db, &sql).await
}

async fn read(db: &Db, sql: &Built) -> Result<Vec<Count>, StoreError> {
    let rows = db.built(sql).await?;
    let Some(row) = rows.first() else { return Ok(Vec::new()) };
    let rows: Vec<(i64, i64, i64, u64, u64)> = unpack(row, "domain")?;
    let count = |(domain, customer, changed, accounts, aliases)| Count { domain, customer, changed, accounts, aliases };
    let mut counts: Vec<Count> = rows.into_iter().map(count).collect();
    counts.sort_unstable_by_key(|count| count.domain);
    Ok(counts)
}
