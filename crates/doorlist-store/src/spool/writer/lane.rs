//! What one lane does: commit a batch and tell everyone in it. This module must not know when, or what else runs.

use crate::db::write_check_padding;
use crate::spool::error::SpoolError;
use crate::spool::index::{Accept, CommitBatch, ProgressWrite};
use crate::spool::shared::{CheckAnswer, SpoolShared};
use crate::spool::{Settlement, postgres, sqlite};
use doorlist_core::queue_id::QueueId;
use std::sync::Arc;
use tokio::task::JoinError;

/// Opens the files of further lanes; there is one lane on PostgreSQL.
pub(super) type LaneOpener = sqlite::Opener;

/// The engine that commits.
#[derive(Debug)]
pub(in crate::spool) enum SpoolEngine {
    Sqlite(Box<sqlite::SqliteSpoolWriter>),
    Postgres(Box<postgres::PostgresSpoolWriter>),
}

impl SpoolEngine {
    /// The file that takes messages.
    pub(super) fn current(&self) -> u32 {
        match self {
            SpoolEngine::Sqlite(writer) => writer.current(),
            SpoolEngine::Postgres(_) => 0,
        }
    }

    pub(super) fn opener(&self) -> Option<LaneOpener> {
        match self {
            SpoolEngine::Sqlite(writer) => Some(writer.opener()),
            SpoolEngine::Postgres(_) => None,
        }
    }

    async fn write(&mut self, batch: &CommitBatch) -> Result<(), SpoolError> {
        match self {
            SpoolEngine::Sqlite(writer) => writer.write(batch).await,
            SpoolEngine::Postgres(writer) => writer.write(batch).await,
        }
    }

    async fn maintain(&mut self, shared: &SpoolShared) -> Result<(), SpoolError> {
        match self {
            SpoolEngine::Sqlite(writer) => writer.maintain(|generation| shared.index().is_empty(generation)).await,
            SpoolEngine::Postgres(_) => Ok(()),
        }
    }

    /// Makes a write of its own, in the way of every other: one row, which is overwritten.
    async fn check(&mut self, id: QueueId) -> Result<(), SpoolError> {
        let padding = write_check_padding().map_err(|error| SpoolError::Away(error.to_string()))?;
        let step = ProgressWrite { id, revision: 0, text: padding };
        let batch = CommitBatch { generation: self.current(), steps: vec![step], ..CommitBatch::default() };
        self.write(&batch).await
    }

    pub(super) async fn close(self) {
        match self {
            SpoolEngine::Sqlite(writer) => writer.close().await,
            SpoolEngine::Postgres(writer) => writer.close().await,
        }
    }
}

/// What a task of a lane came to.
#[derive(Debug)]
pub(super) enum Finished {
    /// A commit, or a check whether one is possible.
    Wrote {
        lane: usize,
        engine: SpoolEngine,
        failed: bool,
    },
    Opened(SpoolEngine),
    NotOpened,
}

/// Commits a batch in the lane's own file, and one in a file that takes no messages any more.
pub(super) async fn write(
    shared: Arc<SpoolShared>,
    lane: usize,
    mut engine: SpoolEngine,
    batch: CommitBatch,
    closed: Option<CommitBatch>,
) -> Finished {
    let mut failed = false;
    for batch in [Some(batch), closed].into_iter().flatten() {
        failed |= !commit(&shared, &mut engine, batch).await;
    }
    if let Err(error) = engine.maintain(&shared).await {
        shared.mark(&error);
    }
    Finished::Wrote { lane, engine, failed }
}

/// Writes on the first lane to see whether it can, for whoever asks or because it could not before.
pub(super) async fn check(shared: Arc<SpoolShared>, mut engine: SpoolEngine, asked: Option<CheckAnswer>) -> Finished {
    let checked = match shared.refuse_if_bad() {
        Ok(()) => engine.check(shared.ids.of_write_check()).await,
        bad => bad,
    };
    match &checked {
        Ok(()) => shared.committed(),
        Err(error) => shared.mark(error),
    }
    let failed = checked.is_err();
    if let Some(asked) = asked {
        // Whoever asked may have gone.
        drop(asked.send(checked));
    }
    Finished::Wrote { lane: 0, engine, failed }
}

/// Opens a file for another lane.
pub(super) async fn open(opener: LaneOpener) -> Finished {
    match opener.open().await {
        Ok(writer) => Finished::Opened(SpoolEngine::Sqlite(Box::new(writer))),
        Err(_) => Finished::NotOpened,
    }
}

/// A lane's task ended without an answer: nobody knows what it wrote.
pub(super) fn broken(ended: &JoinError) -> SpoolError {
    SpoolError::Bad(format!("the spool's writer ended: {ended}"))
}

/// Commits a batch and tells everyone in it.
async fn commit(shared: &SpoolShared, engine: &mut SpoolEngine, mut batch: CommitBatch) -> bool {
    if let Err(bad) = shared.refuse_if_bad() {
        refuse(&mut batch, &bad);
    }
    let written = if batch.is_empty() { Ok(()) } else { engine.write(&batch).await };
    match &written {
        Ok(()) => {
            shared.committed();
            shared.index().committed(&batch);
            if !batch.taught.is_empty() {
                shared.taught.notify_one();
            }
            let gone: Vec<QueueId> = batch.gone.iter().filter_map(|gone| gone.apart).collect();
            batch.accepts.drain(..).for_each(|accept| answer(shared, accept));
            if !gone.is_empty() {
                shared.bodies.apart().remove(&gone).await;
            }
        }
        Err(error) => {
            shared.mark(error);
            shared.index().failed(&batch, error);
            refuse(&mut batch, error);
        }
    }
    written.is_ok()
}

/// The message is on stable storage. If nobody waits any more its sender never hears 250, so it goes again.
fn answer(shared: &SpoolShared, accept: Accept) {
    let body = accept.body.keep(accept.body_seal, &shared.bodies);
    if accept.answer.send(Ok(body)).is_err() {
        shared.index().settle(accept.id, Settlement::Done);
    }
}

fn refuse(batch: &mut CommitBatch, error: &SpoolError) {
    for accept in batch.accepts.drain(..) {
        // Whoever does not wait any more did not say 250 either.
        drop(accept.answer.send(Err(error.clone())));
    }
}
