//! The book of sources: directories that are read on a schedule, what came of each reading, who does scheduled work at
//! the moment, and the links behind which a file can be handed in. Must not know what a directory is, nor the list.

mod connections;
mod links;
mod parts;
mod runs;

pub use connections::{SourceHealth, StoredConnection, WHY_CHARS_MAX};
pub use links::UploadLink;
pub use parts::{PUSH_BYTES_MAX, PUSH_BYTES_OF_CUSTOMER_MAX, PUSHES_OPEN_MAX, PartKept, PushPart};
pub use runs::{RunOutcome, RunRecord};

use crate::db::{Bind, Db, Read};
use crate::error::StoreError;
use crate::recipients::RecipientStore;
use doorlist_core::time::Timestamp;
use std::time::Duration;

/// The book, in the store of the list.
#[derive(Clone)]
pub struct SourceBook {
    db: Db,
}

impl SourceBook {
    /// The book that lies beside this list.
    pub fn of(recipients: &RecipientStore) -> Self {
        Self { db: recipients.db().clone() }
    }

    /// Takes a lease, or keeps it: true for whoever holds it until it runs out. Nodes with clocks apart by more than the
    /// lease would both hold it; what is done under it must be harmless twice.
    pub async fn take_lease(
        &self,
        name: &str,
        holder: &str,
        now: Timestamp,
        term: Duration,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "
            INSERT INTO lease (name, holder, until) VALUES ($1, $2, $3)
            ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
            WHERE lease.until <= $4 OR lease.holder = excluded.holder";
        let mut tx = self.db.begin().await?;
        let until = Bind::Int((now + term).as_millis());
        let taken = tx.execute(SQL, &[Bind::Text(name), Bind::Text(holder), until, Bind::Int(now.as_millis())]).await?;
        tx.commit().await?;
        Ok(taken > 0)
    }

    /// Whether a password of a directory is kept, sealed.
    pub async fn keeps_secrets(&self) -> Result<bool, StoreError> {
        const SQL: &str = "SELECT name FROM connection WHERE secret IS NOT NULL LIMIT 1";
        Ok((&self.db).row(SQL, &[]).await?.is_some())
    }

    /// Gives a lease back before its time.
    ///
    /// # Errors
    /// When the store fails; it runs out by itself then.
    pub async fn end_lease(&self, name: &str, holder: &str) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        let binds = [Bind::Text(name), Bind::Text(holder)];
        tx.execute("DELETE FROM lease WHERE name = $1 AND holder = $2", &binds).await?;
        tx.commit().await
    }
}
