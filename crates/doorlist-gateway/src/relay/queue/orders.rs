//! Operations of administrators on messages in memory: show, retry, hold, release, delete.

use super::rounds::progress;
use super::{Moment, Queue};
use doorlist_core::queue_id::QueueId;
use doorlist_core::time::Timestamp;
use doorlist_store::spool::{Progress, RecipientState, Settlement};

/// The state of a message in memory, for administrators.
#[derive(Clone, Debug)]
pub(crate) struct QueuedState {
    pub(crate) progress: Progress,
    /// Whether it is being delivered.
    pub(crate) under_way: bool,
    /// Time of the next attempt, if it is deferred.
    pub(crate) next_attempt: Option<Timestamp>,
}

impl Queue {
    /// The state of a message in memory.
    pub(crate) fn look(&self, id: QueueId, now: Timestamp) -> Option<QueuedState> {
        let entry = self.messages.get(&id)?;
        let probe = self.destinations.get(&entry.home).and_then(|home| home.probe_at());
        let next_attempt = entry.next_attempt.or(probe).filter(|_| !entry.hold && entry.out == 0);
        let progress = progress(entry, next_attempt.unwrap_or(now));
        Some(QueuedState { progress, under_way: entry.out > 0, next_attempt })
    }

    /// Retries a message and its destination now. False if it is not in memory.
    pub(crate) fn retry(&mut self, id: QueueId, at: Moment) -> bool {
        let Some(entry) = self.messages.get_mut(&id) else { return false };
        let home = entry.home;
        let planned = entry.next_attempt.take();
        let waited = planned.is_some();
        entry.planned = entry.planned.or(planned);
        if let Some(destination) = self.destinations.get_mut(&home) {
            destination.probe_now(at.now);
        }
        if waited {
            self.place_all(id, at);
        }
        self.press_all(home, at);
        true
    }

    /// Holds a message; running deliveries finish first. False if it is not in memory.
    pub(crate) fn hold(&mut self, id: QueueId, at: Moment) -> bool {
        let Some(entry) = self.messages.get_mut(&id) else { return false };
        entry.hold = true;
        entry.next_attempt = None;
        self.withdraw(id);
        if let Some(entry) = self.messages.get(&id) {
            // At once, not only at the end of what is under way: a restart must find it held.
            let progress = progress(entry, at.now);
            self.effects.settle.push((id, Settlement::Progress(progress)));
        }
        self.drop_body(id);
        true
    }

    /// Releases a held message. False if it is not in memory.
    pub(crate) fn release(&mut self, id: QueueId, at: Moment) -> bool {
        let Some(entry) = self.messages.get_mut(&id) else { return false };
        if std::mem::replace(&mut entry.hold, false) {
            let progress = progress(entry, at.now);
            let idle = entry.out == 0;
            self.effects.settle.push((id, Settlement::Progress(progress)));
            if idle {
                self.place_all(id, at);
            }
        }
        true
    }

    /// Deletes a message without a bounce; running deliveries finish first. False if it is not in memory.
    pub(crate) fn delete(&mut self, id: QueueId) -> bool {
        let Some(entry) = self.messages.get_mut(&id) else { return false };
        entry.deleted = true;
        entry.next_attempt = None;
        let idle = entry.out == 0;
        self.withdraw(id);
        if idle {
            self.effects.settle.push((id, Settlement::Done));
            self.forget(id);
        }
        true
    }

    /// Invalidates the waiting parts of a message. They are dropped when they are reached: searching all queues for
    /// each of a hundred thousand messages would block.
    fn withdraw(&mut self, id: QueueId) {
        let life = self.next_life();
        if let Some(entry) = self.messages.get_mut(&id) {
            entry.life = life;
            entry.waiting = 0;
        }
    }
}

/// Restarts a failed message: recipients whose failure was not reported are retried.
pub(crate) fn revived(mut progress: Progress, now: Timestamp) -> Progress {
    progress.next_attempt = now;
    progress.hold = false;
    for state in &mut progress.recipients {
        if let RecipientState::Failed { reply } = state {
            *state = RecipientState::Deferred { reply: std::mem::take(reply) };
        }
    }
    progress
}
