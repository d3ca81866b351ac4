//! Connections to directories, as they are kept: settings are text that the store does not read, the password is
//! encrypted before it comes here.

use super::{RunOutcome, SourceBook};
use crate::db::{Bind, Read, Row};
use crate::error::StoreError;
use crate::recipients::domain_name;
use doorlist_core::address::DomainName;
use doorlist_core::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Characters of the reason why a reading failed.
pub const WHY_CHARS_MAX: usize = 1_000;

/// A connection to a directory, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredConnection {
    /// Its name, which is also that of its claims' source.
    pub name: String,
    /// Whose list it keeps.
    pub domain: DomainName,
    pub settings: String,
    pub secret: Option<String>,
    /// From where the next reading of changes goes on.
    pub marker: Option<String>,
    /// When it is read next.
    pub next_run: Timestamp,
    /// When it was last read whole, and taken over.
    pub full_read: Option<Timestamp>,
    /// Not written by [`SourceBook::put_connection`]: readings say it.
    pub health: SourceHealth,
}

/// How the readings of a connection go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceHealth {
    /// When the last reading began that was taken over.
    pub last_good: Option<Timestamp>,
    /// Since when each reading has failed; `None` if the last one did not.
    pub failing_since: Option<Timestamp>,
    /// Why the last reading failed, [`WHY_CHARS_MAX`] at most.
    pub why: Option<String>,
    /// Readings that failed since the connection was added.
    pub failures: u64,
}

const COLUMNS: &str = "
    SELECT c.name, d.name, c.settings, c.secret, c.marker, c.next_run, c.full_read, c.last_good, c.failing_since,
           c.failing_why, c.failures
    FROM connection AS c JOIN domain AS d ON d.id = c.domain_id
    WHERE ($1 = '' OR c.name = $1) AND c.next_run <= $2 ORDER BY c.name";

impl SourceBook {
    /// All connections, by name.
    pub async fn connections(&self) -> Result<Vec<StoredConnection>, StoreError> {
        self.find("", i64::MAX).await
    }

    /// Those that are to be read by now.
    pub async fn due(&self, now: Timestamp) -> Result<Vec<StoredConnection>, StoreError> {
        self.find("", now.as_millis()).await
    }

    pub async fn connection(&self, name: &str) -> Result<Option<StoredConnection>, StoreError> {
        Ok(self.find(name, i64::MAX).await?.pop())
    }

    async fn find(&self, name: &str, until: i64) -> Result<Vec<StoredConnection>, StoreError> {
        let mut db = &self.db;
        db.rows(COLUMNS, &[Bind::Text(name), Bind::Int(until)]).await?.iter().map(stored).collect()
    }

    /// Writes a connection, new or changed. Its marker goes: other settings may read other entries.
    ///
    /// # Errors
    /// When the store fails; the domain must be there.
    pub async fn put_connection(&self, connection: &StoredConnection) -> Result<(), StoreError> {
        const SQL: &str = "
            INSERT INTO connection (name, domain_id, settings, secret, marker, next_run, full_read)
            SELECT $1, d.id, $2, CASE WHEN $3 = '' THEN NULL ELSE $3 END, NULL, $4, NULL FROM domain AS d WHERE d.name = $5
            ON CONFLICT (name) DO UPDATE SET domain_id = excluded.domain_id, settings = excluded.settings,
                secret = excluded.secret, marker = NULL, next_run = excluded.next_run, full_read = NULL";
        let binds = [
            Bind::Text(&connection.name),
            Bind::Text(&connection.settings),
            Bind::Text(connection.secret.as_deref().unwrap_or_default()),
            Bind::Int(connection.next_run.as_millis()),
            Bind::Text(connection.domain.as_str()),
        ];
        self.execute(SQL, &binds).await.map(drop)
    }

    /// Forgets a connection; what it claims stays on the list until somebody withdraws it.
    pub async fn remove_connection(&self, name: &str) -> Result<bool, StoreError> {
        Ok(self.execute("DELETE FROM connection WHERE name = $1", &[Bind::Text(name)]).await? > 0)
    }

    /// Says when a connection is read next.
    pub async fn schedule(&self, name: &str, next_run: Timestamp) -> Result<(), StoreError> {
        let binds = [Bind::Text(name), Bind::Int(next_run.as_millis())];
        self.execute("UPDATE connection SET next_run = $2 WHERE name = $1", &binds).await.map(drop)
    }

    /// Keeps how far a connection has been read and taken over; `full_read` if it was read whole.
    pub async fn keep_marker(
        &self,
        name: &str,
        marker: Option<&str>,
        full_read: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        const SQL: &str = "
            UPDATE connection SET marker = CASE WHEN $2 = '' THEN NULL ELSE $2 END,
                full_read = CASE WHEN $3 = 0 THEN full_read ELSE $3 END
            WHERE name = $1";
        let full = Bind::Int(full_read.map_or(0, Timestamp::as_millis));
        self.execute(SQL, &[Bind::Text(name), Bind::Text(marker.unwrap_or_default()), full]).await.map(drop)
    }

    /// Notes how a reading that began then ended; `why` of one that failed. One that was held for a person was read well,
    /// but not taken over.
    ///
    /// # Errors
    /// When the store fails; the next reading notes its own end.
    pub async fn note_health(
        &self,
        name: &str,
        began: Timestamp,
        outcome: RunOutcome,
        why: &str,
    ) -> Result<(), StoreError> {
        const GOOD: &str = "
            UPDATE connection SET last_good = $2, failing_since = NULL, failing_why = NULL WHERE name = $1";
        const HELD: &str = "UPDATE connection SET failing_since = NULL, failing_why = NULL WHERE name = $1";
        const FAILED: &str = "
            UPDATE connection SET failing_since = COALESCE(failing_since, $2), failing_why = $3, failures = failures + 1
            WHERE name = $1";
        let (name, began) = (Bind::Text(name), Bind::Int(began.as_millis()));
        match outcome {
            RunOutcome::Applied | RunOutcome::Same => self.execute(GOOD, &[name, began]).await,
            RunOutcome::Held => self.execute(HELD, &[name]).await,
            RunOutcome::Failed => {
                let why: String = why.chars().take(WHY_CHARS_MAX).collect();
                self.execute(FAILED, &[name, began, Bind::Text(&why)]).await
            }
        }
        .map(drop)
    }

    pub(super) async fn execute(&self, sql: &'static str, binds: &[Bind<'_>]) -> Result<u64, StoreError> {
        let mut tx = self.db.begin().await?;
        let touched = tx.execute(sql, binds).await?;
        tx.commit().await?;
        Ok(touched)
    }
}

fn stored(row: &Row) -> Result<StoredConnection, StoreError> {
    Ok(StoredConnection {
        name: row.text(0)?.to_owned(),
        domain: domain_name(row.text(1)?)?,
        settings: row.text(2)?.to_owned(),
        secret: row.text_or_null(3)?.map(str::to_owned),
        marker: row.text_or_null(4)?.map(str::to_owned),
        next_run: Timestamp::from_millis(row.int(5)?),
        full_read: row.int_or_null(6)?.map(Timestamp::from_millis),
        health: SourceHealth {
            last_good: row.int_or_null(7)?.map(Timestamp::from_millis),
            failing_since: row.int_or_null(8)?.map(Timestamp::from_millis),
            why: row.text_or_null(9)?.map(str::to_owned),
            failures: row.int(10)?.cast_unsigned(),
        },
    })
}
