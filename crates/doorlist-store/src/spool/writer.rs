//! The one task that writes. A batch is whatever arrived while the last commit ran, so the busier the gateway, the more
//! messages share an fsync; there is no timer. This module must not know what a commit costs, or where it goes.

use super::error::SpoolError;
use super::index::{Accept, Batch, Demand};
use super::shared::Shared;
use super::{postgres, sqlite};
use crate::spool::Settlement;
use doorlist_core::queue_id::QueueId;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// So long settlements wait for a message to share its commit. After a crash their messages are delivered once more.
const SETTLE_PAUSE: Duration = Duration::from_millis(25);
/// After a failed commit, settlements are tried again after this time; a new message tries at once.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// The engine that commits.
#[derive(Debug)]
pub(super) enum Engine {
    Sqlite(Box<sqlite::Writer>),
    Postgres(Box<postgres::Writer>),
}

impl Engine {
    fn current(&self) -> u32 {
        match self {
            Engine::Sqlite(writer) => writer.current(),
            Engine::Postgres(_) => 0,
        }
    }

    async fn write(&mut self, batch: &Batch) -> Result<(), SpoolError> {
        match self {
            Engine::Sqlite(writer) => writer.write(batch).await,
            Engine::Postgres(writer) => writer.write(batch).await,
        }
    }

    async fn maintain(&mut self, shared: &Shared) -> Result<(), SpoolError> {
        match self {
            Engine::Sqlite(writer) => writer.maintain(|generation| shared.index().is_empty(generation)).await,
            Engine::Postgres(_) => Ok(()),
        }
    }

    /// Whether it answers again.
    async fn probe(&mut self) -> Result<(), SpoolError> {
        match self {
            Engine::Sqlite(_) => Ok(()),
            Engine::Postgres(writer) => writer.probe().await,
        }
    }

    async fn close(self) {
        match self {
            Engine::Sqlite(writer) => writer.close().await,
            Engine::Postgres(writer) => writer.close().await,
        }
    }
}

/// Writes until the spool is closed and everything is written.
pub(super) async fn run(shared: Arc<Shared>, mut engine: Engine, ended: watch::Sender<bool>) {
    while wait(&shared, &mut engine).await {
        let batch = shared.index().take(engine.current());
        let closed = shared.index().take_closed(engine.current());
        let mut failed = false;
        for batch in [Some(batch), closed].into_iter().flatten() {
            failed |= !write(&shared, &mut engine, batch).await;
        }
        if let Err(error) = engine.maintain(&shared).await {
            shared.mark(&error);
        }
        if failed && shared.index().is_closing() {
            break;
        }
        if failed {
            // Whether something arrived or the pause is over: both mean to try again.
            drop(tokio::time::timeout(RETRY_PAUSE, shared.wake.notified()).await);
        }
    }
    shared.index().abandon();
    engine.close().await;
    ended.send_replace(true);
}

/// Waits until something is to be written; `false` when nothing will be any more. Nobody waits for settlements alone:
/// they wait for the next message, so that its fsync serves them too, but not for long.
async fn wait(shared: &Shared, engine: &mut Engine) -> bool {
    loop {
        let demand = shared.index().demand();
        match demand {
            Demand::Now => return true,
            Demand::End => return false,
            Demand::Soon => {
                let company = async {
                    while shared.index().demand() == Demand::Soon {
                        shared.wake.notified().await;
                    }
                };
                drop(tokio::time::timeout(SETTLE_PAUSE, company).await);
                return true;
            }
            Demand::Nothing if shared.is_away() => {
                drop(tokio::time::timeout(RETRY_PAUSE, shared.wake.notified()).await);
                shared.away(engine.probe().await.is_err());
            }
            Demand::Nothing => shared.wake.notified().await,
        }
    }
}

/// Commits a batch and tells everyone in it.
async fn write(shared: &Shared, engine: &mut Engine, mut batch: Batch) -> bool {
    if let Err(bad) = shared.refuse_if_bad() {
        refuse(&mut batch, &bad);
    }
    let written = if batch.is_empty() { Ok(()) } else { engine.write(&batch).await };
    let flushes = std::mem::take(&mut batch.flushes);
    match &written {
        Ok(()) => {
            shared.away(false);
            shared.index().committed(&batch);
            let gone: Vec<QueueId> = batch.gone.iter().filter_map(|gone| gone.apart).collect();
            batch.accepts.drain(..).for_each(|accept| answer(shared, accept));
            if !gone.is_empty() {
                shared.bodies.apart().remove(&gone).await;
            }
        }
        Err(error) => {
            shared.mark(error);
            shared.index().failed(&batch);
            refuse(&mut batch, error);
        }
    }
    for told in flushes {
        // Whoever does not wait any more need not be told.
        drop(told.send(written.clone()));
    }
    written.is_ok()
}

/// The message is on stable storage. If nobody waits any more its sender never hears 250, so it goes again.
fn answer(shared: &Shared, accept: Accept) {
    let body = accept.body.keep(accept.body_seal, &shared.bodies);
    if accept.answer.send(Ok(body)).is_err() {
        shared.index().settle(accept.id, Settlement::Done);
    }
}

fn refuse(batch: &mut Batch, error: &SpoolError) {
    for accept in batch.accepts.drain(..) {
        // Whoever does not wait any more did not say 250 either.
        drop(accept.answer.send(Err(error.clone())));
    }
}
