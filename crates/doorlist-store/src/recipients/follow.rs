//! Keeping up with what other processes and nodes write: commands beside a running server, other nodes of a cluster.
//! While the store is away the last list keeps serving. Must not know what changed.

use super::handle::RecipientStore;
use crate::db::Db;
use doorlist_core::time::Timestamp;
use sqlx::PgPool;
use sqlx::postgres::PgListener;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// How often the version in an embedded file is looked at.
const SQLITE_POLL: Duration = Duration::from_millis(250);
/// How often the version on a server is looked at, for notifications that were lost with a connection.
const POSTGRES_POLL: Duration = Duration::from_secs(1);
/// A server that hangs for so long is taken for away.
const TAKE_UP_MAX: Duration = Duration::from_secs(60);

impl RecipientStore {
    /// Takes up what other processes and nodes write; runs until it is dropped.
    pub async fn follow(&self) {
        let mut news = News::of(&self.shared.db);
        loop {
            news.wait().await;
            let answered = timeout(TAKE_UP_MAX, self.take_up()).await;
            self.note_contact(matches!(answered, Ok(Ok(()))));
            self.last_mail().write_in_time().await;
            self.recent_messages().write_in_time().await;
        }
    }

    /// Since when the store has not answered; the list is as it was then. `None`: it answers.
    pub fn away_since(&self) -> Option<Timestamp> {
        match self.shared.away_since.load(Ordering::Relaxed) {
            0 => None,
            millis => Some(Timestamp::from_millis(millis)),
        }
    }

    async fn take_up(&self) -> Result<(), crate::StoreError> {
        let _locked = self.shared.update_lock.lock().await;
        self.shared.published.take_up(&self.shared.db).await
    }
}

/// When to look at the store again.
enum News<'a> {
    Poll,
    /// The listener is made anew when its connection is lost.
    Listen(&'a PgPool, Option<PgListener>),
}

impl<'a> News<'a> {
    fn of(db: &'a Db) -> Self {
        match db {
            Db::Sqlite { .. } => News::Poll,
            Db::Postgres(pool) => News::Listen(pool, None),
        }
    }

    /// Returns when somebody told of a change, and after the poll's time at the latest.
    async fn wait(&mut self) {
        match self {
            News::Poll => sleep(SQLITE_POLL).await,
            News::Listen(pool, listener) => {
                if listener.is_none() {
                    *listener = listen(pool).await;
                }
                match listener {
                    None => sleep(POSTGRES_POLL).await,
                    Some(heard) => {
                        if let Ok(Err(_) | Ok(None)) = timeout(POSTGRES_POLL, heard.try_recv()).await {
                            *listener = None;
                        }
                    }
                }
            }
        }
    }
}

async fn listen(pool: &PgPool) -> Option<PgListener> {
    let mut listener = timeout(POSTGRES_POLL, PgListener::connect_with(pool)).await.ok()?.ok()?;
    timeout(POSTGRES_POLL, listener.listen("doorlist_list")).await.ok()?.ok()?;
    Some(listener)
}
