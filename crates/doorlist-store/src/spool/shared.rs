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
use std::time::{Duration, Instant};
use tokio::sync::{Notify, oneshot, watch};

/// Takes the result of a check.
pub(super) type CheckAnswer = oneshot::Sender<Result<(), SpoolError>>;

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
    /// An outcome was written.
    pub(super) taught: Notify,
    pub(super) reader: SpoolReader,
    pub(super) room: Room,
    pub(super) away: AtomicBool,
    /// Somebody waits for a write that proves that one is possible.
    pub(super) check: Mutex<Option<CheckAnswer>>,
    /// When the last write was made.
    pub(super) committed: Mutex<Option<Instant>>,
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
            SpoolError::Full(_) => self.room.was_full(),
            SpoolError::Away(_) | SpoolError::Unknown(_) => self.away(true),
            _ => {}
        }
    }

    fn away(&self, away: bool) {
        self.away.store(away, Ordering::Relaxed);
    }

    /// A write is on stable storage.
    pub(super) fn committed(&self) {
        self.away(false);
        *self.committed.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    pub(super) fn committed_within(&self, time: Duration) -> bool {
        let committed = self.committed.lock().unwrap_or_else(PoisonError::into_inner);
        committed.is_some_and(|at| at.elapsed() < time)
    }

    /// Asks for a check; whoever asked before is told that there is no answer.
    pub(super) fn ask_check(&self, answer: CheckAnswer) {
        *self.check.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
        self.wake.notify_one();
    }

    pub(super) fn is_check_asked(&self) -> bool {
        self.check.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    pub(super) fn take_check(&self) -> Option<CheckAnswer> {
        self.check.lock().unwrap_or_else(PoisonError::into_inner).take()
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
        } else if self.room.is_low() {
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
