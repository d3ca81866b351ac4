//! One writer for each node: a lock that lives as long as the writer's connection. Who holds it knows that no earlier
//! connection of this node can still commit anything.

use crate::db::no_answer;
use crate::error::StoreError;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgConnection};
use std::time::Duration;

/// Names the kind of lock among the advisory locks of the database ("DOOR").
const LOCK_KIND: i32 = 0x444F_4F52;
/// How often an occupied lock is tried.
const TRY_EVERY: Duration = Duration::from_millis(100);

/// Connects as the writer of a node.
#[derive(Debug)]
pub(super) struct Fence {
    options: PgConnectOptions,
    node: i16,
    /// The server process of our last connection. It may still be at work although we lost it.
    last: Option<i32>,
    /// Whether somebody had the lock when it was last tried.
    occupied: bool,
}

impl Fence {
    pub(super) fn new(options: PgConnectOptions, node: i16) -> Self {
        Self { options, node, last: None, occupied: false }
    }

    /// A connection that holds the lock. Waits for it as long as the caller does.
    pub(super) async fn connect(&mut self) -> Result<PgConnection, sqlx::Error> {
        self.occupied = false;
        let mut connection = self.options.connect().await?;
        if let Some(last) = self.last {
            sqlx::query("SELECT pg_terminate_backend($1)").bind(last).execute(&mut connection).await?;
        }
        loop {
            let taken: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1, $2)")
                .bind(LOCK_KIND)
                .bind(i32::from(self.node))
                .fetch_one(&mut connection)
                .await?;
            self.occupied = !taken;
            if taken {
                break;
            }
            tokio::time::sleep(TRY_EVERY).await;
        }
        self.last = Some(sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut connection).await?);
        Ok(connection)
    }

    /// Why connecting took longer than `within`.
    pub(super) fn why_late(&self, within: Duration) -> String {
        if self.occupied { StoreError::NodeTaken { node: self.node }.to_string() } else { no_answer(within) }
    }

    /// The same for a start.
    pub(super) fn refused(&self, within: Duration) -> StoreError {
        if self.occupied {
            StoreError::NodeTaken { node: self.node }
        } else {
            StoreError::Engine(no_answer(within).into())
        }
    }
}
