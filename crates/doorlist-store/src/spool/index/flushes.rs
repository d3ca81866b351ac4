//! Who waits until everything settled so far is on stable storage. This module knows generations and their batches; it
//! must not know what is in them.

use super::SpoolError;
use std::collections::BTreeSet;
use tokio::sync::oneshot;

/// Those who wait, and the batches that run.
#[derive(Debug, Default)]
pub(super) struct Flushes {
    asked: Vec<Flush>,
    /// Generations with a batch that is being written.
    running: BTreeSet<u32>,
}

#[derive(Debug)]
struct Flush {
    /// Generations with settlements that no batch took yet.
    due: BTreeSet<u32>,
    /// Generations whose running batch must end first.
    running: BTreeSet<u32>,
    told: oneshot::Sender<Result<(), SpoolError>>,
}

impl Flushes {
    pub(super) fn is_empty(&self) -> bool {
        self.asked.is_empty()
    }

    /// Someone asks, while these generations have something that is to be settled.
    pub(super) fn ask(&mut self, due: BTreeSet<u32>, told: oneshot::Sender<Result<(), SpoolError>>) {
        self.asked.push(Flush { due, running: self.running.clone(), told });
        self.answer();
    }

    /// A batch begins; `whole` when it holds everything that was to be settled in its generation.
    pub(super) fn taken(&mut self, generation: u32, whole: bool) {
        self.running.insert(generation);
        for flush in self.asked.iter_mut().filter(|_| whole) {
            if flush.due.remove(&generation) {
                flush.running.insert(generation);
            }
        }
    }

    /// A batch is on stable storage; `more` when its generation has something to settle again.
    pub(super) fn committed(&mut self, generation: u32, more: bool) {
        self.running.remove(&generation);
        for flush in &mut self.asked {
            if flush.running.remove(&generation) && more {
                flush.due.insert(generation);
            }
        }
        self.answer();
    }

    /// A batch could not be written: who waited for it hears so.
    pub(super) fn failed(&mut self, generation: u32, error: &SpoolError) {
        self.running.remove(&generation);
        for flush in self.asked.extract_if(.., |flush| flush.running.contains(&generation)) {
            // Whoever does not wait any more need not be told.
            drop(flush.told.send(Err(error.clone())));
        }
    }

    fn answer(&mut self) {
        for flush in self.asked.extract_if(.., |flush| flush.due.is_empty() && flush.running.is_empty()) {
            drop(flush.told.send(Ok(())));
        }
    }
}
