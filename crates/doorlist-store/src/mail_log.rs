//! The mail log: what happened to every message and every refused recipient, searchable for 30 days.
//!
//! Nobody waits for it: [`MailLog::record`] puts an entry into a bounded channel, and one task writes what has gathered
//! there. It is a diary, not a promise: a crash or a power cut loses at most the last second, and entries that found
//! the channel full are counted and dropped. Each day has a file (a partition on PostgreSQL) of its own; an old day goes
//! as a whole. While a day runs it has no index, so that mail pays nothing for searches; it gets them when it is over.
//!
//! What was asked for is summed up beside the entries (`asked`).
//!
//! This module must not know why a recipient was refused or a message bounced.

mod asked;
mod day;
mod entry;
mod flood;
mod postgres;
mod query;
mod size;
mod sqlite;
mod writer;

pub use asked::{
    AskedNote, AskedRecipient, HourCount, NAMES_PER_DOMAIN_DAY, NAMES_WITHOUT_MESSAGE, NULL_SENDER, SENDER_DOMAINS_MAX,
};
pub use entry::{LoggedMail, MailAction, MailEntry, MailFilter, MailLogConfig};
pub use flood::RefusedRecipient;

use crate::{StoreError, StoreUrl};
use day::Day;
use flood::Flood;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, mpsc, oneshot};

/// Entries that wait to be written, about 20 MiB at most.
const QUEUE_MAX: usize = 50_000;
/// Refused and deferred recipients may fill the queue up to here; the rest is for what happens to messages.
const REFUSALS_QUEUE_MAX: usize = QUEUE_MAX / 2;
/// Entries that one search may ask for.
pub const SEARCH_MAX: usize = 100_000;

/// The handle that gateway and actions hold; clones share one log.
#[derive(Clone, Debug)]
pub struct MailLog {
    queue: mpsc::Sender<MailLogMessage>,
    shared: Arc<MailLogShared>,
}

/// What the writer is told.
#[derive(Debug)]
enum MailLogMessage {
    Entry(MailEntry),
    /// What happened to a recipient, to be summed up.
    Asked(AskedNote),
    /// Everything before this is to be written now.
    Flush(oneshot::Sender<()>),
}

/// What handles and writer share.
#[derive(Debug)]
struct MailLogShared {
    days: Days,
    dropped: AtomicU64,
    /// Today alone is larger than all days may be: nothing more is written until tomorrow.
    is_full: AtomicBool,
    flood: Mutex<Flood>,
    /// Someone waits for a flush: no more gathering.
    hurry: Notify,
}

/// Where the days are.
#[derive(Clone, Debug)]
enum Days {
    Sqlite(sqlite::Files),
    Postgres(postgres::Partitions),
}

impl MailLog {
    /// Opens the log beside the store and begins to write.
    ///
    /// # Errors
    /// When the engine or the folder does not answer, or was written by a newer Doorlist.
    pub async fn open(url: &StoreUrl, config: MailLogConfig) -> Result<Self, StoreError> {
        let days = match url {
            StoreUrl::Sqlite(state) => Days::Sqlite(sqlite::Files::open(state).await?),
            StoreUrl::Postgres(url) => Days::Postgres(postgres::Partitions::open(url).await?),
        };
        let flood = Mutex::new(Flood::new(config.refusals_per_domain_hour_max));
        let shared = Arc::new(MailLogShared {
            days,
            dropped: AtomicU64::new(0),
            is_full: AtomicBool::new(false),
            flood,
            hurry: Notify::new(),
        });
        let (queue, notes) = mpsc::channel(QUEUE_MAX);
        tokio::spawn(writer::run(Arc::clone(&shared), notes, config));
        Ok(Self { queue, shared })
    }

    /// Notes what happened to a message. Never blocks.
    pub fn record(&self, entry: MailEntry) {
        if self.queue.try_send(MailLogMessage::Entry(entry)).is_err() {
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Notes a recipient that was refused or deferred: singly, or in a flood by a count. Never blocks.
    pub fn record_refusal(&self, refusal: &RefusedRecipient<'_>) {
        let Some(entry) = self.shared.flood().pass(refusal) else { return };
        if self.queue.capacity() < QUEUE_MAX - REFUSALS_QUEUE_MAX {
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.record(entry);
    }

    /// Entries that were lost because the writer could not keep up, could not write, or had no more room.
    pub fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }

    /// The newest entries that match, newest first, across days. What was recorded before is among them.
    ///
    /// # Errors
    /// When a day cannot be read.
    pub async fn search(&self, filter: &MailFilter) -> Result<Vec<LoggedMail>, StoreError> {
        self.flush().await;
        let limit = filter.limit.min(SEARCH_MAX);
        let mut found = Vec::new();
        for day in self.shared.days.list().await?.into_iter().rev() {
            let wanted = limit - found.len();
            if wanted == 0 || !day.is_asked_for(filter) {
                continue;
            }
            let question = query::Question::new(filter, wanted);
            let searched = match &self.shared.days {
                Days::Sqlite(files) => files.search(day, question).await,
                Days::Postgres(partitions) => partitions.search(day, question).await,
            };
            match searched {
                Ok(mut entries) => found.append(&mut entries),
                Err(error) if self.shared.days.list().await?.contains(&day) => return Err(error),
                // The day was dropped meanwhile.
                Err(_) => {}
            }
        }
        Ok(found)
    }

    /// Returns when everything recorded so far is written, or was dropped because it could not be.
    pub async fn flush(&self) {
        let (told, written) = oneshot::channel();
        if self.queue.send(MailLogMessage::Flush(told)).await.is_ok() {
            self.shared.hurry.notify_one();
            // The writer ends with the runtime only.
            drop(written.await);
        }
    }
}

impl MailLogShared {
    /// A count that a panic left half done is a count all the same.
    fn flood(&self) -> MutexGuard<'_, Flood> {
        self.flood.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Days {
    /// The days that are kept, oldest first.
    async fn list(&self) -> Result<Vec<Day>, StoreError> {
        match self {
            Days::Sqlite(files) => files.list(),
            Days::Postgres(partitions) => partitions.list().await,
        }
    }

    /// The same, each with what it takes up, in octets.
    async fn sizes(&self) -> Result<Vec<(Day, u64)>, StoreError> {
        match self {
            Days::Sqlite(files) => files.sizes(),
            Days::Postgres(partitions) => partitions.sizes().await,
        }
    }

    async fn drop_day(&self, day: Day) -> Result<(), StoreError> {
        match self {
            Days::Sqlite(files) => files.drop_day(day),
            Days::Postgres(partitions) => partitions.drop_day(day).await,
        }
    }
}
