//! Opening the spool in PostgreSQL: its tables, this node's rows, and the sweep of chunks that no row names.

use super::fence::Fence;
use super::{CONNECTIONS_MAX, PostgresSpoolReader, PostgresSpoolWriter, read_row};
use crate::error::StoreError;
use crate::migrate::make_postgres_tables;
use crate::spool::disk::Room;
use crate::spool::index::{Index, IndexEntry};
use crate::spool::large_bodies::LargeBodies;
use crate::spool::outcome::DeliveryOutcome;
use crate::spool::rows;
use crate::spool::writer::SpoolEngine;
use crate::spool::{OpenedSpool, SpoolConfig, StartReport};
use doorlist_core::queue_id::QueueId;
use futures_util::TryStreamExt;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, PgPool};
use std::collections::HashMap;
use std::str::FromStr;
use std::time::Duration;

/// The formats up to the one that this Doorlist writes.
const SCHEMAS: &[&str] = &[
    include_str!("../../../migrations/spool_postgres_0001.sql"),
    include_str!("../../../migrations/spool_postgres_0002.sql"),
];
/// Held while the tables are made, so that two nodes do not make them at once ("DOSC").
const SCHEMA_LOCK: i64 = 0x444F_5343;
/// An earlier process of this node may need so long to be gone.
const FENCE_MAX: Duration = Duration::from_secs(10);
/// A reader waits so long for a connection.
const ACQUIRE_MAX: Duration = Duration::from_secs(5);

pub(in super::super) async fn open(url: &str, config: &SpoolConfig) -> Result<OpenedSpool, StoreError> {
    let options = PgConnectOptions::from_str(url)?.application_name("doorlist spool").disable_statement_logging();
    let node = i16::try_from(config.node).unwrap_or(i16::MAX);
    let mut fence = Fence::new(options.clone().options([("synchronous_commit", "on")]), node);
    let connected = tokio::time::timeout(FENCE_MAX, fence.connect()).await;
    let mut connection = connected.map_err(|_| fence.refused(FENCE_MAX))??;
    make_postgres_tables(connection.begin().await?, SCHEMA_LOCK, "spool_format", SCHEMAS).await?;
    // Chunks need not be durable by themselves: the commit of their message is, and it comes later in the same log.
    let pool = PgPoolOptions::new().max_connections(CONNECTIONS_MAX).min_connections(0).acquire_timeout(ACQUIRE_MAX);
    let pool = pool.connect_lazy_with(options.options([("synchronous_commit", "off")]));
    let mut start = PostgresStart { index: Index::default(), apart: HashMap::new(), notes: Vec::new(), damaged: false };
    start.scan(&pool, node).await?;
    start.sweep(&pool, node).await?;
    start.scan_outcomes(&pool, node).await?;
    let writer = PostgresSpoolWriter { fence, node, connection: Some(connection), doubtful: Vec::new() };
    Ok(OpenedSpool {
        report: StartReport { messages: start.index.len(), set_aside: start.notes },
        index: start.index,
        engines: vec![SpoolEngine::Postgres(Box::new(writer))],
        reader: rows::SpoolReader::Postgres(PostgresSpoolReader { pool: pool.clone(), node }),
        apart: LargeBodies::Chunks(pool),
        room: Room::of_server(),
    })
}

struct PostgresStart {
    index: Index,
    /// Messages whose bytes are in chunks, by their name: they count when the chunks are there.
    apart: HashMap<QueueId, (QueueId, IndexEntry, u64)>,
    notes: Vec<String>,
    /// A row could not be read: chunks that seem to be left over may belong to it.
    damaged: bool,
}

impl PostgresStart {
    /// Reads every row of this node but for its bytes.
    async fn scan(&mut self, pool: &PgPool, node: i16) -> Result<(), StoreError> {
        const SQL: &str = "SELECT m.id, m.record, m.seal, p.revision, p.state FROM spool_message m \
            LEFT JOIN spool_progress p ON p.id = m.id WHERE m.node = $1 ORDER BY m.id";
        let mut rows = sqlx::query(SQL).bind(node).fetch(pool);
        while let Some(found) = rows.try_next().await? {
            let row = read_row(&found)?;
            match row.open() {
                Ok((record, _)) => {
                    let entry = IndexEntry { generation: 0, revision: row.revision };
                    match record.body.apart {
                        None => self.index.add(row.id, entry, None),
                        Some(name) => drop(self.apart.insert(name, (row.id, entry, record.body.size))),
                    }
                }
                Err(why) => {
                    self.damaged = true;
                    self.notes.push(format!("cannot read message {} ({why}); its row was not changed", row.id));
                }
            }
        }
        Ok(())
    }

    /// Takes up the outcomes of this node that nobody has counted yet. One that cannot be read is no evidence: it goes.
    async fn scan_outcomes(&mut self, pool: &PgPool, node: i16) -> Result<(), StoreError> {
        const SQL: &str = "SELECT id, recipient, state FROM spool_outcome WHERE node = $1";
        let found: Vec<(i64, i32, String)> = sqlx::query_as(SQL).bind(node).fetch_all(pool).await?;
        for (id, recipient, state) in found {
            match DeliveryOutcome::parse(&state) {
                Ok(outcome) => self.index.add_outcome(0, outcome),
                Err(_) => {
                    let delete = sqlx::query("DELETE FROM spool_outcome WHERE id = $1 AND recipient = $2");
                    delete.bind(id).bind(recipient).execute(pool).await?;
                }
            }
        }
        Ok(())
    }

    /// Takes the messages with chunks into the index, and removes this node's chunks that no row names.
    async fn sweep(&mut self, pool: &PgPool, node: i16) -> Result<(), StoreError> {
        const SIZES: &str = "SELECT body, SUM(octet_length(bytes))::bigint FROM spool_chunk \
            WHERE ((body >> 10) & 1023) = $1 GROUP BY body";
        let found: Vec<(i64, i64)> = sqlx::query_as(SIZES).bind(i64::from(node)).fetch_all(pool).await?;
        let mut orphans = Vec::new();
        for (name, size) in found {
            match self.apart.get(&QueueId::from_u64(name.cast_unsigned())).copied() {
                Some((id, entry, stored)) if stored == size.cast_unsigned() => {
                    let name = QueueId::from_u64(name.cast_unsigned());
                    self.index.add(id, entry, Some(name));
                    self.apart.remove(&name);
                }
                Some(_) => {}
                None => orphans.push(name),
            }
        }
        for (_, (id, ..)) in self.apart.drain() {
            self.notes.push(format!("chunks of message {id} are missing; its row was not changed"));
        }
        if !self.damaged {
            sqlx::query("DELETE FROM spool_chunk WHERE body = ANY($1)").bind(orphans).execute(pool).await?;
        }
        Ok(())
    }
}
