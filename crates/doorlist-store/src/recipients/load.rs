//! Reading the whole list into memory: ten million rows in seconds, since the store packs ten thousand of them into one
//! text, several readers fetch such texts at once, and one thread hashes and sorts.

use super::codes::{BATCH, address_id, domain_id, kind_from, standing_from};
use super::domain_rows::{self, StoredDomain};
use super::routes::{DomainRoute, RouteTable};
use super::version::version;
use crate::db::{Db, Read, binds};
use crate::error::StoreError;
use crate::mail_policy::table as mail_policy;
use doorlist_core::domain::{DomainId, ProtectedDomain};
use doorlist_core::list::{Collision, DomainTable, Seed, Snapshot, SnapshotBuilder};
use doorlist_core::mail_policy::PolicyTable;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::sync::mpsc;
use tokio::task::{JoinSet, spawn_blocking};

/// Readers that fetch at once.
const READERS: usize = 2;
/// Texts that wait for the thread that hashes.
const TEXTS_WAITING: usize = 4;
/// Seeds that are tried; a second one is needed once in a hundred thousand starts.
const SEEDS_MAX: usize = 5;
/// `id domain kind+16*standing local`, one row a line. No local part has a control character, so none has a line end.
const PACKED: &str = "
    SELECT string_agg(id || ' ' || domain_id || ' ' || (kind + 16 * standing) || ' ' || local, $3)
    FROM address WHERE id >= $1 AND id < $2";

/// The list, the routes and the policies as the store has them.
pub(super) struct Loaded {
    pub(super) snapshot: Snapshot,
    pub(super) routes: RouteTable,
    pub(super) policies: PolicyTable,
    /// Changes to policies that are shown.
    pub(super) policy: i64,
}

/// Loads everything. What is written meanwhile may be in it or not: it shows the version that was read first, and who
/// takes up the changes behind that version sets everything right.
pub(super) async fn load(db: &Db) -> Result<Loaded, StoreError> {
    for _ in 0..SEEDS_MAX {
        let version = version(db).await?;
        let domains = all_domains(db).await?;
        let mut routes = RouteTable::default();
        let mut table = DomainTable::default();
        for domain in &domains {
            put_domain(&mut table, &mut routes, domain);
        }
        let rows = domains.iter().map(|domain| domain.counts.rows());
        let builder = SnapshotBuilder::new(fresh_seed()?, usize::try_from(rows.sum::<u64>()).unwrap_or(0));
        if let Ok(snapshot) = load_addresses(db, builder, version, Arc::new(table)).await? {
            let (policy, policies) = mail_policy::load(db).await?;
            return Ok(Loaded { snapshot, routes, policies, policy });
        }
    }
    Err(StoreError::corrupt("address", "two rows have the same address".to_owned()))
}

async fn all_domains(mut db: &Db) -> Result<Vec<StoredDomain>, StoreError> {
    let mut domains = Vec::new();
    for ids in domain_rows::all_ids(&mut db).await?.chunks(BATCH) {
        domains.extend(domain_rows::load(&mut db, ids).await?);
    }
    Ok(domains)
}

fn fresh_seed() -> Result<Seed, StoreError> {
    let mut seed = [0; 16];
    getrandom::fill(&mut seed).map_err(|e| StoreError::Engine(Box::new(e)))?;
    Ok(Seed(seed))
}

async fn load_addresses(
    mut db: &Db,
    mut builder: SnapshotBuilder,
    version: u64,
    domains: Arc<DomainTable>,
) -> Result<Result<Snapshot, Collision>, StoreError> {
    let ends: Option<(Option<i64>, Option<i64>)> = db.value("SELECT MIN(id), MAX(id) FROM address", &[]).await?;
    let ends = ends.and_then(|(first, last)| first.zip(last));
    let Some((first, last)) = ends else { return Ok(builder.build(version, domains)) };
    let (texts, mut waiting) = mpsc::channel::<String>(TEXTS_WAITING);
    let hashing = spawn_blocking(move || {
        while let Some(text) = waiting.blocking_recv() {
            for line in text.lines() {
                push(&mut builder, line)?;
            }
        }
        Ok::<_, StoreError>(builder.build(version, domains))
    });
    let next = Arc::new(AtomicI64::new(first));
    let mut readers = JoinSet::new();
    for _ in 0..READERS {
        readers.spawn(read_texts(db.clone(), Arc::clone(&next), last, texts.clone()));
    }
    drop(texts);
    while let Some(read) = readers.join_next().await {
        read.map_err(|e| StoreError::Engine(Box::new(e)))??;
    }
    hashing.await.map_err(|e| StoreError::Engine(Box::new(e)))?
}

/// Fetches one range of ids after another until none is left, or nobody hashes any more.
async fn read_texts(db: Db, next: Arc<AtomicI64>, last: i64, texts: mpsc::Sender<String>) -> Result<(), StoreError> {
    let batch = i64::try_from(BATCH).unwrap_or(i64::MAX);
    loop {
        let from = next.fetch_add(batch, Ordering::Relaxed);
        if from > last {
            return Ok(());
        }
        let text: Option<Option<String>> = (&db).value(PACKED, &binds![from, from + batch, "\n"]).await?;
        let Some(text) = text.flatten() else { continue };
        if texts.send(text).await.is_err() {
            return Ok(());
        }
    }
}

fn push(builder: &mut SnapshotBuilder, line: &str) -> Result<(), StoreError> {
    let mut words = line.splitn(4, ' ');
    let mut number = || words.next().and_then(|word| word.parse::<i64>().ok());
    let (Some(id), Some(domain), Some(tag)) = (number(), number(), number()) else {
        return Err(StoreError::corrupt("address", format!("{line:?}")));
    };
    let local = words.next().unwrap_or_default();
    let domain = domain_id(domain)?;
    builder.push(domain, local, kind_from(tag % 16)?, standing_from(tag / 16)?, address_id(id)?);
    Ok(())
}

/// Enters a domain under all its names, and its route.
pub(super) fn put_domain(table: &mut DomainTable, routes: &mut RouteTable, domain: &StoredDomain) {
    let record = &domain.record;
    let protected = Arc::new(ProtectedDomain {
        id: domain.id,
        name: domain.name.clone(),
        mode: record.mode,
        active: record.active,
        hold: record.hold,
        sub_addressing: record.sub_addressing,
        accept_abuse: record.accept_abuse,
        bounce_addresses: record.bounce_addresses,
        fall_back: record.fall_back,
        plus_refused: record.plus_refused,
    });
    for alias in &record.domain_aliases {
        let is_off = record.aliases_off.contains(alias);
        let protected = if is_off { Arc::new(inactive(&protected)) } else { Arc::clone(&protected) };
        table.insert(alias.clone(), protected);
    }
    table.insert(domain.name.clone(), protected);
    let route = DomainRoute {
        name: domain.name.clone(),
        servers: record.servers.clone(),
        hold: record.hold,
        customer: record.customer_id,
    };
    routes.insert(domain.id, Arc::new(route));
}

/// What a name is that is ours and not served.
fn inactive(domain: &ProtectedDomain) -> ProtectedDomain {
    ProtectedDomain { active: false, ..domain.clone() }
}

/// Takes a domain out, with all its names.
pub(super) fn take_domains(table: &mut DomainTable, routes: &mut RouteTable, ids: &HashSet<DomainId>) {
    table.retain(|_, domain| !ids.contains(&domain.id));
    routes.retain(|id, _| !ids.contains(id));
}
