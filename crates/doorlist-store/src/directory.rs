//! The one door to the list: [`Directory::snapshot`] for reading, [`Directory::apply`] for every change.
//!
//! Reads are an `Arc` clone and cannot fail; a change is one transaction that writes the rows, the change log and the
//! new version, then publishes the next snapshot. Must not know who asks, nor what is answered to a recipient.
//!
//! | module | what it is |
//! |---|---|
//! | `draft`, `domain_rules` | the rules of the list, pure, on rows in hand |
//! | `work`, `log` | one transaction of changes, and its change log |
//! | `rows`, `packed`, `domain_rows` | the SQL of addresses, written and read, and of domains |
//! | `belongings` | what an account has beside its address, and loses with it |
//! | `taking` | which rows a change concerns |
//! | `room` | how much one customer may have, and how many names of sources a domain |
//! | `load`, `publish`, `updates`, `follow` | the list in memory: built, replaced, mended, kept up with other processes |
//! | `plan` | changes of many rows: found out, staged, applied, undone |
//! | `damage` | a database that is lost or damaged stops the start |
//! | `read`, `changes`, `whose` | what people ask |

mod belongings;
mod changes;
mod damage;
mod domain_parts;
mod domain_rows;
mod domain_rules;
mod draft;
mod follow;
mod held;
mod load;
mod log;
mod outcome;
mod packed;
mod plan;
mod publish;
mod read;
mod records;
mod room;
mod routes;
mod rows;
mod taking;
mod updates;
#[cfg(test)]
mod upgrades;
mod whose;
mod work;

pub(crate) use domain_rows::domain_name;
pub use domain_rules::{CUSTOMER_NAME_MAX, DOMAIN_ALIASES_MAX, SERVERS_MAX};
pub(crate) use load::version;
pub use outcome::{Applied, ApplyError, NOTES_MAX, Note, Refusal};
pub(crate) use packed::unpack;
pub use plan::{Coverage, EXAMPLES_MAX, PlanEntry, PlanRow, PlanState, Planned, Shrunken, SourcePlan, UNDO_MAX};
pub use records::{
    AccountDetails, AccountFilter, AddressEntry, AddressRecord, ChangeEntry, ChangeRow, ClaimRecord, DomainDetails,
    DomainRecord, DomainSummary, ListCounts, VetoRecord,
};
pub use routes::{DomainRoute, RouteTable};
pub(crate) use rows::{corrupt, to_json};
pub use work::CHANGES_MAX;

use crate::db::Db;
use crate::error::StoreError;
use crate::limits::CustomerLimits;
use crate::migrate::{Migration, migrate};
use crate::url::StoreUrl;
use doorlist_core::change::{Actor, ChangeSet, PlanId};
use doorlist_core::list::Snapshot;
use doorlist_core::mail_policy::PolicyTable;
use doorlist_core::time::Timestamp;
use plan::Taken;
use publish::Published;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, OnceLock};
use tokio::sync::Mutex;
use work::Work;

/// Rows that one page of a read has at most.
pub const PAGE_MAX: u32 = 10_000;

/// The shape of the directory's tables.
const MIGRATIONS: &[Migration] = &[
    Migration { format: 1, sql: include_str!("../migrations/directory/0001_list.sql") },
    Migration { format: 2, sql: include_str!("../migrations/directory/0002_plans.sql") },
    Migration { format: 3, sql: include_str!("../migrations/directory/0003_tenants.sql") },
    Migration { format: 4, sql: include_str!("../migrations/directory/0004_owners.sql") },
    Migration { format: 5, sql: include_str!("../migrations/directory/0005_retention.sql") },
    Migration { format: 6, sql: include_str!("../migrations/directory/0006_contacts.sql") },
    Migration { format: 7, sql: include_str!("../migrations/directory/0007_named_by.sql") },
    Migration { format: 8, sql: include_str!("../migrations/directory/0008_memberships.sql") },
    Migration { format: 9, sql: include_str!("../migrations/directory/0009_numbers.sql") },
];

/// The list of all domains, in the store and in memory. A clone is another handle on the same.
#[derive(Clone)]
pub struct Directory {
    shared: Arc<Shared>,
}

struct Shared {
    db: Db,
    published: Published,
    /// Held by whoever makes the next snapshot, from reading the store to publishing.
    turn: Mutex<()>,
    /// Since when the store is away, in milliseconds; 0: it is not.
    away_since: AtomicI64,
    /// Set once, before the first change.
    limits: OnceLock<CustomerLimits>,
}

impl Directory {
    /// Opens the store, brings its tables to this version's shape and loads the list.
    ///
    /// # Errors
    /// When the store does not answer, is of a newer version, or a SQLite file is lost or damaged.
    pub async fn open(url: &StoreUrl) -> Result<Self, StoreError> {
        match url {
            StoreUrl::Sqlite(folder) => {
                let file = folder.join("directory.db");
                damage::refuse_if_lost(folder, &file)?;
                let opened = async { Self::load(Db::open_sqlite(&file).await?).await };
                opened.await.map_err(|error| damage::explain(error, &file))
            }
            StoreUrl::Postgres(url) => Self::load(Db::open_postgres(url).await?).await,
        }
    }

    pub(crate) async fn load(db: Db) -> Result<Self, StoreError> {
        migrate(&db, "directory", MIGRATIONS).await?;
        let published = Published::load(&db).await?;
        let (turn, away_since, limits) = (Mutex::new(()), AtomicI64::new(0), OnceLock::new());
        Ok(Self { shared: Arc::new(Shared { db, published, turn, away_since, limits }) })
    }

    /// The same list, of which each customer may have so much. To be said before the first change, which else holds for the
    /// defaults.
    #[must_use]
    pub fn with_limits(self, limits: CustomerLimits) -> Self {
        self.shared.limits.get_or_init(|| limits);
        self
    }

    fn limits(&self) -> CustomerLimits {
        *self.shared.limits.get_or_init(CustomerLimits::default)
    }

    /// The list as it is now. Never waits, never fails.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.shared.published.snapshot()
    }

    /// Where each domain's mail goes. Never waits, never fails.
    pub fn routes(&self) -> Arc<RouteTable> {
        self.shared.published.routes()
    }

    /// What domains and accounts set about their mail. Never waits, never fails.
    pub fn policies(&self) -> Arc<PolicyTable> {
        self.shared.published.policies()
    }

    /// Shows what was just written about mail, here or elsewhere. If the store is away it is taken up as soon as that
    /// answers again.
    pub async fn show_policies(&self) {
        let Shared { db, published, turn, .. } = &*self.shared;
        let _turn = turn.lock().await;
        if published.take_up_policies(db).await.is_err() {
            self.note_contact(false);
        }
    }

    /// Applies all of the change set or nothing of it, and publishes the list that results.
    ///
    /// `base` is the version on which a plan was made; if a domain that the set touches was changed since, nothing is
    /// done. A set that changes nothing writes nothing and leaves the version as it is.
    pub async fn apply(&self, set: &ChangeSet, actor: &Actor, base: Option<u64>) -> Result<Applied, ApplyError> {
        let mut work = self.begin(base, actor).await?;
        Box::pin(work.run(set)).await?;
        self.commit(work, &set.summary).await
    }

    /// Begins to take over a plan that waits. What it was made from is not needed again: [`ApplyError::Moved`] comes from
    /// here, not from [`Directory::finish_plan`]. Every other change waits from here on.
    ///
    /// # Errors
    /// When there is no such plan, it does not wait, or what it is about has moved since; nothing was changed.
    pub async fn begin_plan(&self, id: PlanId, actor: &Actor) -> Result<BegunPlan, ApplyError> {
        let mut work = self.begin(None, actor).await?;
        let plan = work.find_plan(id).await?;
        Ok(BegunPlan { work, plan })
    }

    /// Takes it over, as [`Directory::apply`] does.
    ///
    /// # Errors
    /// As there.
    pub async fn finish_plan(&self, begun: BegunPlan, summary: &str) -> Result<Applied, ApplyError> {
        let BegunPlan { mut work, plan } = begun;
        Box::pin(work.take_over(plan)).await?;
        self.commit(work, summary).await
    }

    async fn begin(&self, base: Option<u64>, actor: &Actor) -> Result<Work, StoreError> {
        let seed = self.snapshot().seed();
        Work::begin(&self.shared.db, (seed, base), now(), actor, self.limits()).await
    }

    async fn commit(&self, work: Work, summary: &str) -> Result<Applied, ApplyError> {
        let Shared { db, published, turn, .. } = &*self.shared;
        // Taken before the commit, so that who keeps up with other processes does not read this change from the store. It
        // is not waited for in the transaction: its holder may wait for a connection of somebody who waits for this one.
        let free_turn = turn.try_lock().ok();
        let committed = work.commit(summary).await?;
        let applied = committed.applied.clone();
        if applied.change_id.is_some() {
            // Whoever comes second finds its change shown already, with the first one's.
            let _turn = match free_turn {
                Some(turn) => turn,
                None => turn.lock().await,
            };
            // It is committed: if it cannot be shown now, it is taken up as soon as the store answers again.
            if published.show(db, committed).await.is_err() {
                self.note_contact(false);
            }
        }
        Ok(applied)
    }
}

/// A plan that is about to be taken over. Dropped, it waits as before.
pub struct BegunPlan {
    work: Work,
    plan: Taken,
}

/// The store's rows carry the wall clock; rules take it as a parameter.
fn now() -> Timestamp {
    Timestamp::from_millis(jiff::Timestamp::now().as_millisecond())
}
