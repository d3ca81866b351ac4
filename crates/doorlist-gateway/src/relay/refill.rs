//! Reading the spool: once at the start, and again when messages that found no room in memory may have some now. Also
//! ends what was kept for the admin beyond its lifetime. This module must not know destinations.

use super::Shared;
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
/// How often it is looked whether there is room again.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often expired messages are looked for.
const SWEEP_EVERY: Duration = Duration::from_hours(1);
/// A message that is younger may still be handed over by the session that took it.
const HAND_OVER: Duration = Duration::from_secs(60);

/// Which messages a scan may take into memory.
#[derive(Clone, Copy)]
enum Take {
    /// Those that were there before the relay started.
    Before(QueueId),
    /// Those whose session has surely handed them over by now, or found no room.
    Settled,
}

/// Takes up what is in the spool, then keeps looking.
pub(super) async fn run(shared: Arc<Shared>, started: QueueId) {
    let mut stop = shared.stop.subscribe();
    let mut scan = Some((None, Take::Before(started)));
    let mut swept = Instant::now();
    loop {
        if let Some((from, take)) = scan
            && let Err(error) = read(&shared, from, take).await
        {
            shared.journal.write(&Line {
                process: Process::Qmgr,
                queue: None,
                event: &format!("the spool cannot be read now ({error}); it is tried again"),
                fields: &[],
            });
        } else {
            scan = None;
        }
        tokio::select! {
            () = sleep(LOOK_EVERY) => {}
            () = reached(&mut stop, Stop::Finish) => return,
        }
        if scan.is_some() {
            continue;
        }
        if swept.elapsed() >= SWEEP_EVERY {
            swept = Instant::now();
            scan = Some((None, Take::Settled));
        } else if let Some(first) = shared.lock_queue().refill_from(clock::now()) {
            scan = Some((Some(QueueId::from_u64(first.as_u64().saturating_sub(1))), Take::Settled));
        }
    }
}

async fn read(shared: &Arc<Shared>, from: Option<QueueId>, take: Take) -> Result<(), SpoolError> {
    shared.lock_queue().begin_scan();
    let result = pages(shared, from, take).await;
    shared.lock_queue().end_scan();
    result
}

async fn pages(shared: &Arc<Shared>, from: Option<QueueId>, take: Take) -> Result<(), SpoolError> {
    let mut after = from;
    loop {
        shared.lock_queue().next_page();
        let page = shared.spool.pending(after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.id);
        for pending in page {
            if matches!(take, Take::Before(started) if pending.id >= started) {
                return Ok(());
            }
            take_up(shared, pending, take);
        }
    }
}

fn take_up(shared: &Arc<Shared>, pending: Pending, take: Take) {
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
    if matches!(take, Take::Settled) && now.since(envelope.received_at) < HAND_OVER {
        return shared.lock_queue().skip_until(id, now + HAND_OVER);
    }
    let arrival = Arrival { id, envelope, progress, body: None };
    // Without room it stays in the spool, and the queue remembers from where.
    shared.with_queue(|queue, at| queue.admit(arrival, at));
}

/// Whether a message without anyone left to try can go: nothing has failed, or it was kept long enough.
fn is_over(
    shared: &Shared,
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
        true if now.since(received_at) >= lifetime => Some("failed, kept for its whole lifetime, removed"),
        true => None,
    }
}
