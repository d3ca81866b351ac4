//! The spool on PostgreSQL: one batch is one statement and one commit. A node sees its own messages only; taking over
//! those of a node that is gone is not part of this module, nor are the chunks of large bodies (`apart`).

mod fence;
mod start;

use super::error::SpoolError;
use super::index::CommitBatch;
use super::rows::MessageRow;
use crate::db::{cause, no_answer, waited_for};
use doorlist_core::queue_id::QueueId;
use fence::Fence;
use sqlx::postgres::{PgArguments, PgDatabaseError, PgRow, PgSeverity};
use sqlx::{Connection, PgConnection, PgPool, Postgres, Row as _};
use std::time::Duration;

pub(super) use start::open;

/// A commit that takes longer counts as lost: its connection is closed, and its senders hear 451.
const COMMIT_MAX: Duration = Duration::from_secs(30);
/// Connecting and becoming the one writer of this node may take so long while senders wait.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// Connections for reading and for the chunks of large bodies.
const CONNECTIONS_MAX: u32 = 4;

/// Reads what is in the queue of one node.
#[derive(Clone, Debug)]
pub(super) struct PostgresSpoolReader {
    pool: PgPool,
    node: i16,
}

impl PostgresSpoolReader {
    /// The rows from `first` to `last`.
    pub(super) async fn rows(&self, first: QueueId, last: QueueId) -> Result<Vec<MessageRow>, sqlx::Error> {
        const SQL: &str = "SELECT m.id, m.record, m.seal, p.revision, p.state FROM spool_message m \
            LEFT JOIN spool_progress p ON p.id = m.id WHERE m.node = $1 AND m.id BETWEEN $2 AND $3 ORDER BY m.id";
        let query = sqlx::query(SQL).bind(self.node).bind(number(first)).bind(number(last));
        match query.fetch_all(&self.pool).await {
            Ok(rows) => rows.iter().map(read_row).collect(),
            Err(error) => Err(waited_for(&self.pool, error).await),
        }
    }

    /// The bytes in a message's row.
    pub(super) async fn body(&self, id: QueueId) -> Result<Option<Vec<u8>>, sqlx::Error> {
        let query = sqlx::query_scalar::<_, Option<Vec<u8>>>("SELECT body FROM spool_message WHERE id = $1");
        match query.bind(number(id)).fetch_optional(&self.pool).await {
            Ok(body) => Ok(body.flatten()),
            Err(error) => Err(waited_for(&self.pool, error).await),
        }
    }
}

fn read_row(row: &PgRow) -> Result<MessageRow, sqlx::Error> {
    Ok(MessageRow {
        id: QueueId::from_u64(row.try_get::<i64, _>(0)?.cast_unsigned()),
        text: row.try_get::<String, _>(1)?.into_bytes(),
        seal: row.try_get(2)?,
        revision: row.try_get::<Option<i32>, _>(3)?.unwrap_or(0).cast_unsigned(),
        state: row.try_get::<Option<String>, _>(4)?.map(String::into_bytes),
    })
}

fn number(id: QueueId) -> i64 {
    id.as_u64().cast_signed()
}

/// The one writer of a node.
#[derive(Debug)]
pub(super) struct PostgresSpoolWriter {
    fence: Fence,
    node: i16,
    /// `None` after it was lost.
    connection: Option<PgConnection>,
    /// Messages of a commit whose end is not known. They are removed before anything else is written: their senders
    /// never heard 250.
    doubtful: Vec<i64>,
}

impl PostgresSpoolWriter {
    /// Writes a batch. `Ok` means that its commit is on the database's stable storage.
    pub(super) async fn write(&mut self, batch: &CommitBatch) -> Result<(), SpoolError> {
        let mut connection = self.connected().await?;
        let statement = statement(batch, self.node);
        // Never cancelled: when the time is over the connection is closed, and what it did is looked up.
        let written = tokio::time::timeout(COMMIT_MAX, statement.execute(&mut connection)).await;
        match written {
            Ok(Ok(_)) => {
                self.connection = Some(connection);
                Ok(())
            }
            Ok(Err(error)) if is_refusal(&error) => {
                // A server that takes no writes any more is not the one to stay with: another may have its address.
                self.connection = (!is_read_only(&error)).then_some(connection);
                Err(explain(&error))
            }
            Ok(Err(error)) => Err(self.lost(batch, cause(&error))),
            Err(_) => Err(self.lost(batch, no_answer(COMMIT_MAX))),
        }
    }

    fn lost(&mut self, batch: &CommitBatch, why: String) -> SpoolError {
        self.doubtful.extend(batch.accepts.iter().map(|accept| number(accept.id)));
        if batch.accepts.is_empty() { SpoolError::Away(why) } else { SpoolError::Unknown(why) }
    }

    /// The connection; after a loss a new one, which first removes what is in doubt.
    async fn connected(&mut self) -> Result<PgConnection, SpoolError> {
        if let Some(connection) = self.connection.take() {
            return Ok(connection);
        }
        let connected = tokio::time::timeout(CONNECT_MAX, async {
            let mut connection = self.fence.connect().await?;
            sqlx::query("DELETE FROM spool_message WHERE id = ANY($1)")
                .bind(&self.doubtful)
                .execute(&mut connection)
                .await?;
            Ok::<_, sqlx::Error>(connection)
        });
        match connected.await {
            Ok(Ok(connection)) => {
                self.doubtful.clear();
                Ok(connection)
            }
            Ok(Err(error)) => Err(SpoolError::Away(cause(&error))),
            Err(_) => Err(SpoolError::Away(self.fence.why_late(CONNECT_MAX))),
        }
    }

    pub(super) async fn close(self) {
        if let Some(connection) = self.connection {
            // Everything is committed; the server closes what we do not.
            drop(connection.close().await);
        }
    }
}

/// Whether the server answered no and goes on: the statement was rolled back.
fn is_refusal(error: &sqlx::Error) -> bool {
    let answer = error.as_database_error().and_then(|error| error.try_downcast_ref::<PgDatabaseError>());
    answer.is_some_and(|answer| !matches!(answer.severity(), PgSeverity::Fatal | PgSeverity::Panic))
}

fn is_read_only(error: &sqlx::Error) -> bool {
    const READ_ONLY_TRANSACTION: &str = "25006";
    error.as_database_error().and_then(|error| error.code()).is_some_and(|code| code == READ_ONLY_TRANSACTION)
}

fn explain(error: &sqlx::Error) -> SpoolError {
    /// Class "insufficient resources": disk full, out of memory, too many connections.
    const NO_RESOURCES: &str = "53";
    let code = error.as_database_error().and_then(|error| error.code()).unwrap_or_default();
    if code.starts_with(NO_RESOURCES) { SpoolError::Full(cause(error)) } else { SpoolError::Away(cause(error)) }
}

/// The whole batch as one statement, which is its own transaction: one way to the server and back.
fn statement(batch: &CommitBatch, node: i16) -> sqlx::query::Query<'static, Postgres, PgArguments> {
    const SQL: &str = "WITH gone AS (DELETE FROM spool_message WHERE id = ANY($1)), \
        gone_progress AS (DELETE FROM spool_progress WHERE id = ANY($1)), \
        progress AS (INSERT INTO spool_progress (id, revision, state) \
            SELECT * FROM unnest($2::bigint[], $3::integer[], $4::text[]) \
            ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, state = excluded.state), \
        counted AS (DELETE FROM spool_outcome AS o USING unnest($10::bigint[], $11::integer[]) AS c (id, recipient) \
            WHERE o.id = c.id AND o.recipient = c.recipient), \
        taught AS (INSERT INTO spool_outcome (id, recipient, node, state) \
            SELECT t.id, t.recipient, $5, t.state \
            FROM unnest($12::bigint[], $13::integer[], $14::text[]) AS t (id, recipient, state) \
            ON CONFLICT (id, recipient) DO NOTHING) \
        INSERT INTO spool_message (id, node, record, seal, body) \
            SELECT u.id, $5, u.record, u.seal, u.body \
            FROM unnest($6::bigint[], $7::text[], $8::bigint[], $9::bytea[]) AS u (id, record, seal, body)";
    let column = |value: fn(&super::index::Accept) -> i64| batch.accepts.iter().map(value).collect::<Vec<_>>();
    sqlx::query(SQL)
        .bind(batch.gone.iter().map(|gone| number(gone.id)).collect::<Vec<_>>())
        .bind(batch.steps.iter().map(|step| number(step.id)).collect::<Vec<_>>())
        .bind(batch.steps.iter().map(|step| step.revision.cast_signed()).collect::<Vec<_>>())
        .bind(batch.steps.iter().map(|step| step.text.clone()).collect::<Vec<_>>())
        .bind(node)
        .bind(column(|accept| number(accept.id)))
        .bind(batch.accepts.iter().map(|accept| accept.text.clone()).collect::<Vec<_>>())
        .bind(column(|accept| i64::from(accept.seal)))
        .bind(batch.accepts.iter().map(|accept| accept.body.row_bytes()).collect::<Vec<_>>())
        .bind(batch.counted.iter().map(|(id, _)| number(*id)).collect::<Vec<_>>())
        .bind(batch.counted.iter().map(|(_, recipient)| recipient.cast_signed()).collect::<Vec<_>>())
        .bind(batch.taught.iter().map(|outcome| number(outcome.id)).collect::<Vec<_>>())
        .bind(batch.taught.iter().map(|outcome| outcome.recipient.cast_signed()).collect::<Vec<_>>())
        .bind(batch.taught.iter().map(|outcome| outcome.encode()).collect::<Vec<_>>())
}
