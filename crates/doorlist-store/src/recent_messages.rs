//! Which clean messages listed addresses got of late, for suggestions of aliases. Noted in memory beside mail, written in
//! batches behind it: a row is written once, however often it is noted, and a crash loses at most half a minute of them.
//! Must not know what follows from it.

use crate::db::{Db, Read, Tx, binds};
use crate::error::StoreError;
use crate::json_rows::{to_json, write_rows};
use crate::last_mail::day_of;
use crate::numbers::lock_numbers;
use doorlist_core::domain::DomainId;
use doorlist_core::learning::{RECENT_MESSAGES_TERM, RecentMessage, SHARED_RECIPIENTS_MAX};
use doorlist_core::list::AddressId;
use doorlist_core::time::Timestamp;
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Messages of a domain and day that are kept, each counted for every address that got it; of the rest nothing is known.
pub const MESSAGES_PER_DAY_MAX: usize = 5_000;
/// Those of them that one domain of senders may send: who sends much leaves room for others.
pub const MESSAGES_PER_SENDER_MAX: usize = 1_000;
/// Messages that wait to be written, of all domains; about 5 MiB. Further ones are not noted.
const WAITING_MAX: usize = 100_000;
/// Addresses that one message is kept for: one more than tell something, so that it is known that there were more.
const RECIPIENTS_KEPT_MAX: usize = SHARED_RECIPIENTS_MAX + 1;
/// Notes are written so often.
const WRITE_EVERY: Duration = Duration::from_secs(30);
/// Rows of one transaction.
const ROWS_MAX: usize = 5_000;

/// Which messages listed addresses got. One for all handles on a list.
pub struct RecentMessages {
    db: Db,
    waiting: Mutex<WaitingMessages>,
}

struct WaitingMessages {
    by_domain: HashMap<DomainId, Vec<(i64, RecentMessage)>>,
    count: usize,
    written: Instant,
}

/// A row: domain, day, and the message for one address.
type RecentRow = (DomainId, i64, RecentMessage);

impl WaitingMessages {
    fn add(&mut self, (domain, day, message): RecentRow) {
        let of_domain = self.by_domain.entry(domain).or_default();
        if of_domain.len() < MESSAGES_PER_DAY_MAX && self.count < WAITING_MAX {
            of_domain.push((day, message));
            self.count += 1;
        }
    }

    fn take(&mut self) -> Vec<RecentRow> {
        (self.count, self.written) = (0, Instant::now());
        let taken = std::mem::take(&mut self.by_domain).into_iter();
        taken.flat_map(|(domain, rows)| rows.into_iter().map(move |(day, message)| (domain, day, message))).collect()
    }
}

impl RecentMessages {
    pub(crate) fn of(db: Db) -> Self {
        let waiting = WaitingMessages { by_domain: HashMap::new(), count: 0, written: Instant::now() };
        Self { db, waiting: Mutex::new(waiting) }
    }

    /// Notes that listed addresses got a clean message with this Message-ID from this reverse path. Never waits for the
    /// store.
    pub fn note(
        &self,
        message_id: &str,
        sender: &str,
        recipients: impl IntoIterator<Item = (DomainId, AddressId)>,
        at: Timestamp,
    ) {
        let day = day_of(at);
        let mut noted: Vec<DomainId> = Vec::new();
        let mut waiting = self.lock();
        for (domain, address) in recipients {
            if noted.iter().filter(|other| **other == domain).count() >= RECIPIENTS_KEPT_MAX {
                continue;
            }
            let Some(message) = RecentMessage::of(message_id, sender, address) else { return };
            noted.push(domain);
            waiting.add((domain, day, message));
        }
    }

    /// Writes what was noted, if it is time. What the store does not take is tried again later.
    pub(crate) async fn write_in_time(&self) {
        if self.lock().written.elapsed() >= WRITE_EVERY {
            // Said by whoever asks the store for something; here nobody waits.
            drop(self.write().await);
        }
    }

    /// Writes what was noted.
    ///
    /// # Errors
    /// When the store fails; what is not written waits as before.
    pub async fn write(&self) -> Result<(), StoreError> {
        let taken = self.lock().take();
        for (place, rows) in taken.chunks(ROWS_MAX).enumerate() {
            if let Err(error) = self.keep(rows).await {
                let mut waiting = self.lock();
                taken.iter().skip(place * ROWS_MAX).for_each(|row| waiting.add(*row));
                return Err(error);
            }
        }
        Ok(())
    }

    /// Writes rows in one transaction, as far as they are new and have room.
    async fn keep(&self, rows: &[RecentRow]) -> Result<(), StoreError> {
        const SQL: &str = "
            INSERT INTO recent_message (domain_id, message, address_id, sender, day)
            SELECT CAST(value ->> 0 AS BIGINT), CAST(value ->> 1 AS BIGINT), CAST(value ->> 2 AS BIGINT),
                   CAST(value ->> 3 AS BIGINT), CAST(value ->> 4 AS BIGINT)
            FROM json_each($1) WHERE true
            ON CONFLICT (domain_id, message, address_id) DO NOTHING";
        let mut tx = self.db.begin().await?;
        // Two nodes with messages for one domain count its rows one after the other.
        lock_numbers(&mut tx, "recent_message").await?;
        let mut room = MessageRoom::read(&mut tx, rows).await?;
        let fresh = rows.iter().filter(|row| room.takes(row)).map(|(domain, day, one)| {
            json!([domain.0, one.message.cast_signed(), one.address.0, one.sender.cast_signed(), day])
        });
        let fresh: Vec<Value> = fresh.collect();
        write_rows(&mut tx, SQL, &fresh).await?;
        tx.commit().await
    }

    /// The messages of a domain that still count.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn of_domain(&self, domain: DomainId, now: Timestamp) -> Result<Vec<RecentMessage>, StoreError> {
        const SQL: &str = "SELECT message, address_id, sender FROM recent_message WHERE domain_id = $1 AND day >= $2";
        self.write().await?;
        let rows = (&self.db).rows(SQL, &binds![domain, day_of(now - RECENT_MESSAGES_TERM)]).await?;
        let message = |row: &crate::db::Row| {
            let (message, sender) = (row.int(0)?.cast_unsigned(), row.int(2)?.cast_unsigned());
            Ok(RecentMessage { message, address: row.get(1)?, sender })
        };
        rows.iter().map(message).collect()
    }

    /// Notes that a panic left half done are notes all the same.
    fn lock(&self) -> MutexGuard<'_, WaitingMessages> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is there already of the messages and days of some rows.
#[derive(Default)]
struct MessageRoom {
    /// The addresses of each message.
    addresses: HashMap<(DomainId, u64), BTreeSet<AddressId>>,
    /// Rows of each domain and day, and of each sender's among them.
    of_day: HashMap<(DomainId, i64), usize>,
    of_sender: HashMap<(DomainId, i64, u64), usize>,
}

impl MessageRoom {
    async fn read(tx: &mut Tx, rows: &[RecentRow]) -> Result<Self, StoreError> {
        const MESSAGES: &str = "
            SELECT r.domain_id, r.message, r.address_id FROM json_each($1) AS k CROSS JOIN recent_message AS r
            WHERE r.domain_id = CAST(k.value ->> 0 AS BIGINT) AND r.message = CAST(k.value ->> 1 AS BIGINT)";
        const COUNTS: &str = "
            SELECT r.domain_id, r.day, r.sender, COUNT(*) FROM json_each($1) AS k CROSS JOIN recent_message AS r
            WHERE r.day = CAST(k.value ->> 1 AS BIGINT) AND r.domain_id = CAST(k.value ->> 0 AS BIGINT)
            GROUP BY r.domain_id, r.day, r.sender";
        let mut room = Self::default();
        let messages: BTreeSet<_> = rows.iter().map(|(domain, _, one)| (domain.0, one.message.cast_signed())).collect();
        for row in tx.rows(MESSAGES, &binds![&to_json(&messages)?]).await? {
            let key = (row.get(0)?, row.int(1)?.cast_unsigned());
            room.addresses.entry(key).or_default().insert(row.get(2)?);
        }
        let days: BTreeSet<_> = rows.iter().map(|(domain, day, _)| (domain.0, *day)).collect();
        for row in tx.rows(COUNTS, &binds![&to_json(&days)?]).await? {
            let (domain, day, count) = (row.get(0)?, row.int(1)?, usize::try_from(row.int(3)?).unwrap_or(usize::MAX));
            *room.of_day.entry((domain, day)).or_default() += count;
            room.of_sender.insert((domain, day, row.int(2)?.cast_unsigned()), count);
        }
        Ok(room)
    }

    /// Whether a row is new and has room, which it takes then.
    fn takes(&mut self, (domain, day, one): &RecentRow) -> bool {
        let addresses = self.addresses.entry((*domain, one.message)).or_default();
        let of_day = self.of_day.entry((*domain, *day)).or_default();
        let of_sender = self.of_sender.entry((*domain, *day, one.sender)).or_default();
        let is_full = addresses.len() >= RECIPIENTS_KEPT_MAX
            || *of_day >= MESSAGES_PER_DAY_MAX
            || *of_sender >= MESSAGES_PER_SENDER_MAX;
        if is_full || !addresses.insert(one.address) {
            return false;
        }
        *of_day += 1;
        *of_sender += 1;
        true
    }
}
