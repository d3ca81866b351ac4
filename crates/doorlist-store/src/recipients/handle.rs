//! The handle on the list: [`RecipientStore::snapshot`] for reading, [`RecipientStore::apply`] for every change.

use super::damage;
use super::first_messages::FirstMessages;
use super::outcome::ApplyError;
use super::plan::applying::TakenPlan;
use super::publish::Published;
use super::routes::RouteTable;
use super::work::Work;
use crate::db::Db;
use crate::error::StoreError;
use crate::last_mail::LastMail;
use crate::limits::CustomerLimits;
use crate::migrate::{Migration, migrate};
use crate::recent_messages::RecentMessages;
use crate::url::StoreUrl;
use doorlist_core::change::{Actor, ChangeSet, PlanId};
use doorlist_core::list::Snapshot;
use doorlist_core::list_change::Applied;
use doorlist_core::mail_policy::PolicyTable;
use doorlist_core::time::Timestamp;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use tokio::sync::Mutex;

/// The shape of the directory's tables.
pub(super) const MIGRATIONS: &[Migration] = &[
    Migration { format: 1, sql: include_str!("../../migrations/directory/0001_list.sql") },
    Migration { format: 2, sql: include_str!("../../migrations/directory/0002_plans.sql") },
    Migration { format: 3, sql: include_str!("../../migrations/directory/0003_tenants.sql") },
    Migration { format: 4, sql: include_str!("../../migrations/directory/0004_owners.sql") },
    Migration { format: 5, sql: include_str!("../../migrations/directory/0005_retention.sql") },
    Migration { format: 6, sql: include_str!("../../migrations/directory/0006_contacts.sql") },
    Migration { format: 7, sql: include_str!("../../migrations/directory/0007_named_by.sql") },
    Migration { format: 8, sql: include_str!("../../migrations/directory/0008_memberships.sql") },
    Migration { format: 9, sql: include_str!("../../migrations/directory/0009_numbers.sql") },
    Migration { format: 10, sql: include_str!("../../migrations/directory/0010_policies.sql") },
    Migration { format: 11, sql: include_str!("../../migrations/directory/0011_source_health.sql") },
    Migration { format: 12, sql: include_str!("../../migrations/directory/0012_bounce_addresses.sql") },
    Migration { format: 13, sql: include_str!("../../migrations/directory/0013_soft_while_empty.sql") },
    Migration { format: 14, sql: include_str!("../../migrations/directory/0014_write_check.sql") },
    Migration { format: 15, sql: include_str!("../../migrations/directory/0015_removed_customer.sql") },
    Migration { format: 16, sql: include_str!("../../migrations/directory/0016_removed_connection.sql") },
    Migration { format: 17, sql: include_str!("../../migrations/directory/0017_verification.sql") },
    Migration { format: 18, sql: include_str!("../../migrations/directory/0018_learning.sql") },
    Migration { format: 19, sql: include_str!("../../migrations/directory/0019_harvest.sql") },
    Migration { format: 20, sql: include_str!("../../migrations/directory/0020_last_mail.sql") },
    Migration { format: 21, sql: include_str!("../../migrations/directory/0021_spam.sql") },
    Migration { format: 22, sql: include_str!("../../migrations/directory/0022_slow_attack.sql") },
    Migration { format: 23, sql: include_str!("../../migrations/directory/0023_fall_back.sql") },
    Migration { format: 24, sql: include_str!("../../migrations/directory/0024_recent_message.sql") },
    Migration { format: 25, sql: include_str!("../../migrations/directory/0025_probe_nodes.sql") },
    Migration { format: 26, sql: include_str!("../../migrations/directory/0026_plus_refused.sql") },
];

/// The list of all domains, in the store and in memory. A clone is another handle on the same.
#[derive(Clone)]
pub struct RecipientStore {
    pub(super) shared: Arc<RecipientsShared>,
}

pub(super) struct RecipientsShared {
    pub(super) db: Db,
    pub(super) published: Published,
    /// Held by whoever makes the next snapshot, from reading the store to publishing.
    pub(super) update_lock: Mutex<()>,
    /// When listed addresses got mail last, as far as it is not written yet.
    last_mail: LastMail,
    /// Which clean messages listed addresses got, likewise.
    recent_messages: RecentMessages,
    /// Since when the store is away, in milliseconds; 0: it is not.
    pub(super) away_since: AtomicI64,
    pub(super) first_messages: FirstMessages,
    /// Set once, before the first change.
    limits: OnceLock<CustomerLimits>,
}

impl RecipientStore {
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
        let (update_lock, away_since, limits) = (Mutex::new(()), AtomicI64::new(0), OnceLock::new());
        let (last_mail, recent_messages) = (LastMail::of(db.clone()), RecentMessages::of(db.clone()));
        let first_messages = FirstMessages::default();
        let shared = RecipientsShared {
            db,
            published,
            update_lock,
            last_mail,
            recent_messages,
            away_since,
            first_messages,
            limits,
        };
        Ok(Self { shared: Arc::new(shared) })
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

    /// When listed addresses got mail last.
    pub fn last_mail(&self) -> &LastMail {
        &self.shared.last_mail
    }

    /// Which clean messages listed addresses got of late.
    pub fn recent_messages(&self) -> &RecentMessages {
        &self.shared.recent_messages
    }

    /// Shows what was just written about mail, here or elsewhere. If the store is away it is taken up as soon as that
    /// answers again.
    pub async fn show_policies(&self) {
        let RecipientsShared { db, published, update_lock, .. } = &*self.shared;
        let _locked = update_lock.lock().await;
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
    /// here, not from [`RecipientStore::finish_plan`]. Every other change waits from here on.
    ///
    /// # Errors
    /// When there is no such plan, it does not wait, or what it is about has moved since; nothing was changed.
    pub async fn begin_plan(&self, id: PlanId, actor: &Actor) -> Result<BegunPlan, ApplyError> {
        let mut work = self.begin(None, actor).await?;
        let plan = work.find_plan(id).await?;
        Ok(BegunPlan { work, plan })
    }

    /// Takes it over, as [`RecipientStore::apply`] does.
    pub async fn finish_plan(&self, begun: BegunPlan, summary: &str) -> Result<Applied, ApplyError> {
        let BegunPlan { mut work, plan } = begun;
        Box::pin(work.take_over(plan)).await?;
        self.commit(work, summary).await
    }

    pub(crate) fn db(&self) -> &Db {
        &self.shared.db
    }

    /// Notes whether the store answered.
    pub(super) fn note_contact(&self, answered: bool) {
        let away_since = &self.shared.away_since;
        if answered {
            away_since.store(0, Ordering::Relaxed);
        } else if away_since.load(Ordering::Relaxed) == 0 {
            away_since.store(now().as_millis(), Ordering::Relaxed);
        }
    }

    async fn begin(&self, base: Option<u64>, actor: &Actor) -> Result<Work, StoreError> {
        let seed = self.snapshot().seed();
        Work::begin(&self.shared.db, (seed, base), now(), actor, self.limits()).await
    }

    async fn commit(&self, work: Work, summary: &str) -> Result<Applied, ApplyError> {
        let RecipientsShared { db, published, update_lock, .. } = &*self.shared;
        // Taken before the commit, so that who keeps up with other processes does not read this change from the store. It
        // is not waited for in the transaction: its holder may wait for a connection of somebody who waits for this one.
        let free = update_lock.try_lock().ok();
        let committed = work.commit(summary).await?;
        let applied = committed.applied.clone();
        if applied.change_id.is_some() {
            // Whoever comes second finds its change shown already, with the first one's.
            let _locked = match free {
                Some(locked) => locked,
                None => update_lock.lock().await,
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
    plan: TakenPlan,
}

/// The store's rows carry the wall clock; rules take it as a parameter.
pub(super) fn now() -> Timestamp {
    Timestamp::from_millis(jiff::Timestamp::now().as_millisecond())
}
