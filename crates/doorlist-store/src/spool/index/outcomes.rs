//! Outcomes that nobody has counted yet. Must not know where they are written.

use super::Index;
use crate::spool::outcome::{DeliveryKey, DeliveryOutcome, OUTCOMES_MAX};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Outcomes on stable storage, each with the generation of its row.
#[derive(Debug, Default)]
pub(super) struct Outcomes {
    kept: BTreeMap<DeliveryKey, (u32, Arc<DeliveryOutcome>)>,
    /// On their way there.
    on_the_way: usize,
    /// That were not kept, since too many wait.
    dropped: u64,
}

impl Outcomes {
    /// Whether there is room for one more, which is then on its way.
    pub(super) fn admit(&mut self) -> bool {
        let has_room = self.kept.len() + self.on_the_way < OUTCOMES_MAX;
        if has_room {
            self.on_the_way += 1;
        } else {
            self.dropped += 1;
        }
        has_room
    }

    /// A row is on stable storage. False: there was one of the same name, after a crash for instance.
    pub(super) fn written(&mut self, generation: u32, outcome: &Arc<DeliveryOutcome>) -> bool {
        self.on_the_way = self.on_the_way.saturating_sub(1);
        self.add(generation, Arc::clone(outcome))
    }

    /// A row that the start found.
    pub(super) fn add(&mut self, generation: u32, outcome: Arc<DeliveryOutcome>) -> bool {
        self.kept.insert(outcome.key(), (generation, outcome)).is_none()
    }

    /// The first of them, by message.
    pub(super) fn first(&self, limit: usize) -> Vec<Arc<DeliveryOutcome>> {
        self.kept.values().take(limit).map(|(_, outcome)| Arc::clone(outcome)).collect()
    }

    /// Somebody has counted it: the generation from which its row goes.
    pub(super) fn counted(&mut self, key: DeliveryKey) -> Option<u32> {
        self.kept.remove(&key).map(|(generation, _)| generation)
    }

    pub(super) fn forget(&mut self, generation: u32) {
        self.kept.retain(|_, (of, _)| *of != generation);
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }
}

impl Index {
    /// Queues an outcome of a message that is in the queue, to be written before or with its settlement; `true` if the
    /// writer must hear of it.
    pub(in crate::spool) fn teach(&mut self, outcome: DeliveryOutcome) -> bool {
        let first = self.due.is_empty();
        let Some(entry) = self.entries.get(&outcome.id) else { return false };
        if !self.outcomes.admit() {
            return false;
        }
        self.due.entry(entry.generation).or_default().taught.push(Arc::new(outcome));
        first
    }

    /// An outcome that the start found.
    pub(in crate::spool) fn add_outcome(&mut self, generation: u32, outcome: DeliveryOutcome) {
        if self.outcomes.add(generation, Arc::new(outcome)) {
            self.keep_row(generation);
        }
    }

    /// Outcomes that are to be counted, up to `limit`.
    pub(in crate::spool) fn outcomes(&self, limit: usize) -> Vec<Arc<DeliveryOutcome>> {
        self.outcomes.first(limit)
    }

    /// Outcomes that were not kept, since too many wait to be counted.
    pub(in crate::spool) fn outcomes_dropped(&self) -> u64 {
        self.outcomes.dropped()
    }

    /// Outcomes are counted: their rows go. `true` if the writer must hear of it.
    pub(in crate::spool) fn counted(&mut self, keys: &[DeliveryKey]) -> bool {
        let first = self.due.is_empty();
        for key in keys {
            if let Some(generation) = self.outcomes.counted(*key) {
                self.due.entry(generation).or_default().counted.push(*key);
            }
        }
        first && !self.due.is_empty()
    }
}
