//! Reads the spool: once at the start, and again for messages that had no room in memory. Also removes failed messages
//! that exceed their lifetime.

use super::RelayShared;
use super::deliver::{Stop, reached};
use super::queue::{Arrival, is_final};
use crate::clock;
use crate::journal::{Line, Process};
use doorlist_core::queue_id::QueueId;
use doorlist_core::time::Timestamp;
use doorlist_store::spool::{MessageKind, Pending, RecipientState, Settlement, SpoolError};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Messages read at once.
const PAGE: u32 = 1_000;
/// Delay before a failed read of the spool is retried.
const RETRY: Duration = Duration::from_secs(1);
/// How often the spool is searched for expired and forgotten messages.
const SWEEP_EVERY: Duration = Duration::from_hours(1);
/// Messages younger than this are skipped: their session may still pass them on.
const HAND_OVER: Duration = Duration::from_secs(60);

/// Which messages a sweep may load.
#[derive(Clone, Copy)]
enum Take {
    /// Messages from before the start of the relay.
    Before(QueueId),
    /// Messages old enough to have been passed on by their session.
    Settled,
}

/// A sweep through the whole spool, in pages.
struct SpoolSweep {
    after: Option<QueueId>,
    take: Take,
}

/// What is still to be read.
struct PendingReads {
    /// Messages that the queue has room for.
    wanted: Vec<QueueId>,
    sweep: Option<SpoolSweep>,
}

/// Loads the spool at the start, then further messages as soon as there is room.
pub(super) async fn run(shared: Arc<RelayShared>, started: QueueId) {
    let mut stop = shared.stop.subscribe();
    let sweep = SpoolSweep { after: None, take: Take::Before(started) };
    let mut reading = PendingReads { wanted: Vec::new(), sweep: Some(sweep) };
    let mut swept = Instant::now();
    while *stop.borrow() == Stop::No {
        match step(&shared, &mut reading).await {
            Ok(true) => continue,
            Ok(false) => tokio::select! {
                () = shared.refill.notified() => {}
                () = sleep(SWEEP_EVERY.saturating_sub(swept.elapsed())) => {
                    swept = Instant::now();
                    reading.sweep = Some(SpoolSweep { after: None, take: Take::Settled });
                }
                () = reached(&mut stop, Stop::Finish) => return,
            },
            Err(error) => {
                let event = &format!("cannot read the spool ({error}); retrying");
                shared.journal.write(&Line { process: Process::Qmgr, queue: None, event, fields: &[] });
                tokio::select! {
                    () = sleep(RETRY) => {}
                    () = reached(&mut stop, Stop::Finish) => return,
                }
            }
        }
    }
}

/// Reads messages that the queue has room for, and a page of the sweep. False if there is nothing to read. After an
/// error the same is read again.
async fn step(shared: &Arc<RelayShared>, reading: &mut PendingReads) -> Result<bool, SpoolError> {
    if reading.wanted.is_empty() {
        reading.wanted = shared.lock_queue().refill(PAGE as usize).unwrap_or_default();
    }
    let mut found_work = false;
    if !reading.wanted.is_empty() {
        found_work = true;
        shared.lock_queue().begin_reading();
        for pending in shared.spool.pending_among(&reading.wanted).await? {
            take_up(shared, pending);
        }
        reading.wanted.clear();
    }
    if let Some(sweep) = &mut reading.sweep {
        found_work = true;
        shared.lock_queue().begin_reading();
        let page = shared.spool.pending(sweep.after, PAGE).await?;
        let last = page.last().map(|last| last.id);
        let is_over = last.is_none_or(|last| matches!(sweep.take, Take::Before(started) if last >= started));
        for pending in page.into_iter().filter(|pending| may_take(sweep.take, pending)) {
            take_up(shared, pending);
        }
        sweep.after = last;
        if is_over {
            reading.sweep = None;
        }
    }
    shared.lock_queue().end_reading();
    Ok(found_work)
}

fn may_take(take: Take, pending: &Pending) -> bool {
    match take {
        Take::Before(started) => pending.id < started,
        Take::Settled => clock::now().since(pending.envelope.received_at) >= HAND_OVER,
    }
}

fn take_up(shared: &Arc<RelayShared>, pending: Pending) {
    let now = clock::now();
    let Pending { id, envelope, progress } = pending;
    if let Some(progress) = &progress
        && progress.recipients.iter().all(is_final)
    {
        if let Some(why) = is_over(shared, envelope.kind, envelope.received_at, &progress.recipients, now)
            && shared.lock_queue().look(id, now).is_none()
        {
            shared.spool.settle(id, Settlement::Done);
            shared.log_event(Process::Qmgr, id, why);
        }
        return;
    }
    let arrival = Arrival { id, envelope, progress, body: None };
    // Without room it stays in the spool, and the queue remembers it.
    shared.with_queue(|queue, at| queue.admit(arrival, at));
}

/// Whether a message without open recipients can be removed: nothing failed, or its lifetime is over.
fn is_over(
    shared: &RelayShared,
    kind: MessageKind,
    received_at: Timestamp,
    states: &[RecipientState],
    now: Timestamp,
) -> Option<&'static str> {
    let failed = states.iter().any(|state| matches!(state, RecipientState::Failed { .. }));
    let config = shared.config.load();
    let lifetime = if kind == MessageKind::Bounce { config.bounce_lifetime } else { config.lifetime };
    match failed {
        false => Some("removed"),
        true if now.since(received_at) >= lifetime => Some("failed, removed at the end of its lifetime"),
        true => None,
    }
}
