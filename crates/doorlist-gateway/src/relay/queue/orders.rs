//! Operations of administrators on messages in memory: show, retry, hold, release, delete.

use super::rounds::progress;
use super::{Moment, Queue};
use doorlist_core::queue_id::QueueId;
use doorlist_core::time::Timestamp;
use doorlist_store::spool::{Progress, RecipientState, Settlement};

/// A message in memory as people see it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// How far it is.
    pub(crate) progress: Progress,
    /// It is being delivered at this moment.
    pub(crate) under_way: bool,
    /// When it is tried next, if it waits for a time.
    pub(crate) next_attempt: Option<Timestamp>,
}

impl Queue {
    /// What is known of a message in memory.
    pub(crate) fn look(&self, id: QueueId, now: Timestamp) -> Option<Seen> {
        let entry = self.messages.get(&id)?;
        let probe = self.destinations.get(&entry.home).and_then(|home| home.probe_at());
        let next_attempt = entry.next_attempt.or(probe).filter(|_| !entry.hold && entry.out == 0);
        let progress = progress(entry, next_attempt.unwrap_or(now));
        Some(Seen { progress, under_way: entry.out > 0, next_attempt })
    }

    /// Tries a message now, its destination too. False: it is not in memory.
    pub(crate) fn retry(&mut self, id: QueueId, at: Moment) -> bool {
        let Some(entry) = self.messages.get_mut(&id) else { return false };
        let home = entry.home;
        let waited = entry.next_attempt.take().is_some();
        if let Some(destination) = self.destinations.get_mut(&home) {
            destination.probe_now(at.now);
        }
        if waited {
            self.place_all(id, at);
        }
        self.press_all(home, at);
        true
    }

    /// Stops a message; what is under way ends first. False: it is not in memory.
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

    /// Lets a held message go on. False: it is not in memory.
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

    /// Drops a message without a word to its sender. What is under way ends first. False: it is not in memory.
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

    /// Makes the waiting parts of a message void, wherever they wait. They are dropped by whoever meets them: a search
    /// through all lines for each of a hundred thousand messages would stop the queue.
    fn withdraw(&mut self, id: QueueId) {
        let life = self.next_life();
        if let Some(entry) = self.messages.get_mut(&id) {
            entry.life = life;
            entry.waiting = 0;
        }
    }
}

/// A failed message gets another life: those of whose failure nobody knows yet are tried again.
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
