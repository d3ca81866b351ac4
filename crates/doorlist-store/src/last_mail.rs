//! When each listed address got mail last, and clean mail: by the day, so that an address costs one write a day at most.
//! Noted in memory beside mail, written in batches behind it; a crash loses at most half a minute. Must not know what
//! follows from it.

use crate::db::{Db, Read, binds};
use crate::error::StoreError;
use crate::json_rows::{keys, to_json};
use doorlist_core::address::LocalPart;
use doorlist_core::domain::DomainId;
use doorlist_core::list::AddressId;
use doorlist_core::time::Timestamp;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a day is kept on which an address got mail; longer than an address that was taken off the list is asked for.
pub(crate) const LAST_MAIL_KEPT: Duration = Duration::from_hours(24 * 400);
/// Days that were noted are written so often.
const WRITE_EVERY: Duration = Duration::from_secs(30);
/// Addresses that are remembered at a time, 80 to 100 MiB; of further ones nothing is noted.
const ADDRESSES_MAX: usize = 2_000_000;
/// Rows of one statement.
const ROWS_MAX: usize = 5_000;
const DAY_SECS: i64 = 24 * 60 * 60;

/// When listed addresses got mail last. One for all handles on a list.
pub struct LastMail {
    db: Db,
    notes: Mutex<LastMailNotes>,
}

struct LastMailNotes {
    /// What was noted today, or is not written yet.
    addresses: HashMap<AddressId, MailDays>,
    written: Instant,
}

/// The last days of one address, since 1970.
#[derive(Clone, Copy)]
struct MailDays {
    accepted: i64,
    clean: Option<i64>,
    is_written: bool,
}

/// The last days on which an address got mail while it was listed: their first moments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailedAddress {
    pub local: LocalPart,
    /// The first of them, where it was kept already.
    pub first: Option<Timestamp>,
    pub accepted: Timestamp,
    pub clean: Option<Timestamp>,
}

/// The number of a day since 1970.
pub(crate) fn day_of(at: Timestamp) -> i64 {
    at.as_secs().div_euclid(DAY_SECS)
}

fn first_moment(day: i64) -> Timestamp {
    Timestamp::from_secs(day.saturating_mul(DAY_SECS))
}

impl LastMail {
    pub(crate) fn of(db: Db) -> Self {
        let notes = LastMailNotes { addresses: HashMap::new(), written: Instant::now() };
        Self { db, notes: Mutex::new(notes) }
    }

    /// Notes that a message was accepted for a listed address. Never waits for the store.
    pub fn note(&self, address: AddressId, at: Timestamp, is_clean: bool) {
        let day = day_of(at);
        let clean = is_clean.then_some(day);
        let mut notes = self.lock();
        if notes.addresses.len() >= ADDRESSES_MAX && !notes.addresses.contains_key(&address) {
            return;
        }
        let fresh = MailDays { accepted: day, clean, is_written: false };
        let days = notes.addresses.entry(address).or_insert(fresh);
        if days.accepted < day || days.clean < clean {
            *days = MailDays { accepted: days.accepted.max(day), clean: days.clean.max(clean), is_written: false };
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
    /// When the store fails; what is not written is noted still.
    pub async fn write(&self) -> Result<(), StoreError> {
        const SQL: &str = "
            INSERT INTO address_mail (domain_id, local, accepted, clean, first_accepted)
            SELECT a.domain_id, a.local, CAST(k.value ->> 1 AS BIGINT), CAST(k.value ->> 2 AS BIGINT),
                   CAST(k.value ->> 1 AS BIGINT)
            FROM json_each($1) AS k CROSS JOIN address AS a WHERE a.id = CAST(k.value ->> 0 AS BIGINT)
            ON CONFLICT (domain_id, local) DO UPDATE SET
                accepted = CASE WHEN excluded.accepted > address_mail.accepted
                    THEN excluded.accepted ELSE address_mail.accepted END,
                clean = CASE WHEN excluded.clean > COALESCE(address_mail.clean, -1)
                    THEN excluded.clean ELSE address_mail.clean END,
                first_accepted = CASE WHEN excluded.first_accepted < address_mail.first_accepted
                    THEN excluded.first_accepted ELSE address_mail.first_accepted END";
        for rows in self.waiting().chunks(ROWS_MAX) {
            self.db.execute(SQL, &binds![&to_json(rows)?]).await?;
            self.mark_written(rows);
        }
        Ok(())
    }

    /// What is to be written, in the order of addresses: two nodes lock rows in the same order.
    fn waiting(&self) -> Vec<(u32, i64, Option<i64>)> {
        let mut notes = self.lock();
        notes.written = Instant::now();
        let newest = notes.addresses.values().map(|days| days.accepted).max();
        // Yesterday's are not asked again whether they were written.
        notes.addresses.retain(|_, days| !days.is_written || Some(days.accepted) == newest);
        let waiting = notes.addresses.iter().filter(|(_, days)| !days.is_written);
        let mut rows: Vec<_> = waiting.map(|(id, days)| (id.0, days.accepted, days.clean)).collect();
        rows.sort_unstable();
        rows
    }

    fn mark_written(&self, rows: &[(u32, i64, Option<i64>)]) {
        let mut notes = self.lock();
        for (id, accepted, clean) in rows {
            if let Some(days) = notes.addresses.get_mut(&AddressId(*id))
                && (days.accepted, days.clean) == (*accepted, *clean)
            {
                days.is_written = true;
            }
        }
    }

    /// The last days of a listed address; `None`: it never got mail, as far as that is kept.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn of_address(&self, domain: DomainId, local: &LocalPart) -> Result<Option<MailedAddress>, StoreError> {
        self.write().await?;
        Ok(self.of_addresses(domain, std::slice::from_ref(local)).await?.pop())
    }

    /// The same of several, as it was written last; those that never got mail are left out.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn of_addresses(&self, domain: DomainId, locals: &[LocalPart]) -> Result<Vec<MailedAddress>, StoreError> {
        const SQL: &str = "
            SELECT m.local, m.accepted, m.clean, m.first_accepted FROM json_each($1) AS k CROSS JOIN address_mail AS m
            WHERE m.domain_id = $2 AND m.local = CAST(k.value ->> 0 AS TEXT)";
        let locals = keys(locals.iter().map(LocalPart::as_str))?;
        self.addresses(SQL, &binds![&locals, domain]).await
    }

    /// Addresses of a domain that got mail since then and are on the list no more, at most so many. Those that a person
    /// removed are not among them.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn no_longer_listed(
        &self,
        domain: DomainId,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<MailedAddress>, StoreError> {
        const SQL: &str = "
            SELECT m.local, m.accepted, m.clean, m.first_accepted FROM address_mail AS m
            WHERE m.domain_id = $1 AND m.accepted >= $2 AND NOT EXISTS
                (SELECT 1 FROM address AS a WHERE a.domain_id = m.domain_id AND a.local = m.local)
            ORDER BY m.local LIMIT $3";
        self.write().await?;
        self.addresses(SQL, &binds![domain, day_of(since), limit]).await
    }

    /// Listed addresses of a domain that never got mail, as far as that is kept, by local part, behind `after`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn never_mailed(
        &self,
        domain: DomainId,
        after: Option<&LocalPart>,
        limit: u32,
    ) -> Result<Vec<LocalPart>, StoreError> {
        const SQL: &str = "
            SELECT a.local FROM address AS a WHERE a.domain_id = $1 AND a.standing <> 2 AND a.local > $2 AND NOT EXISTS
                (SELECT 1 FROM address_mail AS m WHERE m.domain_id = a.domain_id AND m.local = a.local)
            ORDER BY a.local LIMIT $3";
        self.write().await?;
        let after = after.map_or("", LocalPart::as_str);
        let rows = (&self.db).rows(SQL, &binds![domain, after, limit]).await?;
        rows.iter().map(|row| Ok(LocalPart::from_canonical(row.text(0)?))).collect()
    }

    async fn addresses(
        &self,
        sql: &'static str,
        binds: &[crate::db::Bind<'_>],
    ) -> Result<Vec<MailedAddress>, StoreError> {
        let rows = (&self.db).rows(sql, binds).await?;
        let mailed = |row: &crate::db::Row| {
            Ok(MailedAddress {
                local: LocalPart::from_canonical(row.text(0)?),
                accepted: first_moment(row.int(1)?),
                clean: row.int_or_null(2)?.map(first_moment),
                first: row.int_or_null(3)?.map(first_moment),
            })
        };
        rows.iter().map(mailed).collect()
    }

    /// Notes that a panic left half done are notes all the same.
    fn lock(&self) -> MutexGuard<'_, LastMailNotes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
