//! What the spool's handles and its writer share: the index, the health, and how they wake each other. This module must
//! not know what is written or how.

use super::body::Bodies;
use super::disk::Room;
use super::error::SpoolError;
use super::ids::Ids;
use super::index::Index;
use super::rows::SpoolReader;
use super::{Settlement, SpoolHealth, StartReport};
use doorlist_core::queue_id::QueueId;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use tokio::sync::{Notify, watch};

/// Ends the writer when the last handle is dropped.
#[derive(Debug)]
pub(super) struct LastHandle(pub(super) Arc<SpoolShared>);

impl Drop for LastHandle {
    fn drop(&mut self) {
        self.0.index().close();
        self.0.wake.notify_one();
    }
}

/// What the handles and the writer share.
#[derive(Debug)]
pub(super) struct SpoolShared {
    pub(super) report: StartReport,
    pub(super) ids: Arc<Ids>,
    pub(super) bodies: Arc<Bodies>,
    pub(super) index: Mutex<Index>,
    /// Something arrived for the writer.
    pub(super) wake: Notify,
    pub(super) reader: SpoolReader,
    /// `None` on PostgreSQL: its disk is its own affair.
    pub(super) room: Option<Room>,
    pub(super) away: AtomicBool,
    /// Set once, never taken back.
    pub(super) bad: OnceLock<String>,
    pub(super) ended: watch::Receiver<bool>,
}

impl SpoolShared {
    pub(super) fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers what a failure means for those who come next.
    pub(super) fn mark(&self, error: &SpoolError) {
        match error {
            SpoolError::Bad(why) => drop(self.bad.set(why.clone())),
            SpoolError::Full(_) => self.room.iter().for_each(Room::was_full),
            SpoolError::Away(_) | SpoolError::Unknown(_) => self.away(true),
            _ => {}
        }
    }

    pub(super) fn away(&self, away: bool) {
        self.away.store(away, Ordering::Relaxed);
    }

    pub(super) fn is_away(&self) -> bool {
        self.away.load(Ordering::Relaxed)
    }

    pub(super) fn refuse_if_bad(&self) -> Result<(), SpoolError> {
        self.bad.get().map_or(Ok(()), |why| Err(SpoolError::Bad(why.clone())))
    }

    pub(super) fn health(&self) -> SpoolHealth {
        if self.bad.get().is_some() {
            SpoolHealth::Bad
        } else if self.is_away() {
            SpoolHealth::Away
        } else if self.room.as_ref().is_some_and(Room::is_low) {
            SpoolHealth::Low
        } else {
            SpoolHealth::Ok
        }
    }

    /// Becomes true when the writer has written everything and closed its files.
    pub(super) fn ended(&self) -> watch::Receiver<bool> {
        self.ended.clone()
    }
}

/// Someone waits for a commit. Whoever goes away before the answer says no 250, so the message goes again; if it is not
/// yet committed, the writer sees that nobody waits.
pub(super) struct CommitWaiter<'a> {
    shared: &'a SpoolShared,
    id: QueueId,
    answered: bool,
}

impl<'a> CommitWaiter<'a> {
    pub(super) fn new(shared: &'a SpoolShared, id: QueueId) -> Self {
        Self { shared, id, answered: false }
    }

    /// The answer is there.
    pub(super) fn answered(mut self) {
        self.answered = true;
    }
}

impl Drop for CommitWaiter<'_> {
    fn drop(&mut self) {
        if !self.answered {
            self.shared.index().settle(self.id, Settlement::Done);
            self.shared.wake.notify_one();
        }
    }
}
