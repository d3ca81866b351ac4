//! What waits in the queue, in memory: about 24 bytes a message, the settlements that are not written yet, and the
//! messages that wait for a commit. It is the truth about what is pending; rows are only where it is kept. Batches of
//! different generations may be written at the same time, those of one generation one after the other. This module must
//! not know engines: it hands out batches and takes their results.

mod flushes;
mod outcomes;

use super::body::{HeldBody, MessageBody};
use super::envelope::{Progress, Settlement};
use super::error::SpoolError;
use super::outcome::{DeliveryKey, DeliveryOutcome};
use super::record::{self, BodySeal};
use doorlist_core::queue_id::QueueId;
use flushes::Flushes;
use outcomes::Outcomes;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;
use tokio::sync::oneshot;

/// Messages that may wait for a commit; more are refused ([`SpoolError::Busy`]).
pub(super) const WAITING_MAX: usize = 4_096;
/// Messages in one commit.
const BATCH_MESSAGES_MAX: usize = 256;
/// Octets in one commit, so that none holds up the next sessions for long.
const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Other messages between two of a run that is read at once.
const RUN_GAP_MAX: usize = 8;
/// Settlements of one kind in one commit.
const BATCH_SETTLED_MAX: usize = 2_048;

/// Where a message's row is, and how often its progress was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct IndexEntry {
    /// The generation file; 0 on PostgreSQL.
    pub(super) generation: u32,
    /// Counts progress rows: a row with a lower number was read before the last was written.
    pub(super) revision: u32,
}

/// A message that waits for its commit.
#[derive(Debug)]
pub(super) struct Accept {
    pub(super) id: QueueId,
    pub(super) text: String,
    pub(super) seal: u32,
    pub(super) body: HeldBody,
    pub(super) body_seal: BodySeal,
    pub(super) answer: oneshot::Sender<Result<Option<MessageBody>, SpoolError>>,
}

/// A message that is done: its row goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct FinishedMessage {
    pub(super) id: QueueId,
    pub(super) apart: Option<QueueId>,
}

/// Progress that is to be written.
#[derive(Clone, Debug)]
pub(super) struct ProgressWrite {
    pub(super) id: QueueId,
    pub(super) revision: u32,
    pub(super) text: String,
}

/// What goes into one commit.
#[derive(Debug, Default)]
pub(super) struct CommitBatch {
    /// Where the rows of the settled messages are, and those of the new ones go.
    pub(super) generation: u32,
    pub(super) accepts: Vec<Accept>,
    pub(super) gone: Vec<FinishedMessage>,
    pub(super) steps: Vec<ProgressWrite>,
    /// Outcomes whose rows come, beside the settlement of their message or before it.
    pub(super) taught: Vec<Arc<DeliveryOutcome>>,
    /// Outcomes whose rows go.
    pub(super) counted: Vec<DeliveryKey>,
}

impl CommitBatch {
    /// Whether there is nothing to write.
    pub(super) fn is_empty(&self) -> bool {
        let settled = self.gone.is_empty() && self.steps.is_empty();
        self.accepts.is_empty() && settled && self.taught.is_empty() && self.counted.is_empty()
    }
}

/// Settlements that wait for a commit in their generation.
#[derive(Debug, Default)]
struct Due {
    gone: VecDeque<FinishedMessage>,
    /// Whose progress is to be written; each message once.
    steps: VecDeque<QueueId>,
    taught: Vec<Arc<DeliveryOutcome>>,
    counted: Vec<DeliveryKey>,
}

impl Due {
    /// The greatest of all, as each has its limit.
    fn len(&self) -> usize {
        self.gone.len().max(self.steps.len()).max(self.taught.len()).max(self.counted.len())
    }
}

/// Everything under one short lock.
#[derive(Debug, Default)]
pub(super) struct Index {
    entries: BTreeMap<QueueId, IndexEntry>,
    /// Messages whose bytes lie outside their row, and where.
    apart: HashMap<QueueId, QueueId>,
    /// Rows of each generation, those that could not be read among them.
    rows: HashMap<u32, u64>,
    waiting: VecDeque<Accept>,
    due: BTreeMap<u32, Due>,
    /// Progress that no commit holds yet, that of the running commit included.
    unwritten: HashMap<QueueId, (u32, Arc<Progress>)>,
    outcomes: Outcomes,
    flushes: Flushes,
    closing: bool,
}

impl Index {
    /// A row that the start found.
    pub(super) fn add(&mut self, id: QueueId, entry: IndexEntry, apart: Option<QueueId>) {
        self.entries.insert(id, entry);
        self.keep_row(entry.generation);
        if let Some(apart) = apart {
            self.apart.insert(id, apart);
        }
    }

    /// A row that stays where it is although it cannot be read.
    pub(super) fn keep_row(&mut self, generation: u32) {
        *self.rows.entry(generation).or_default() += 1;
    }

    /// What was read of a damaged generation does not count.
    pub(super) fn forget(&mut self, generation: u32) {
        self.entries.retain(|_, entry| entry.generation != generation);
        self.rows.remove(&generation);
        self.outcomes.forget(generation);
    }

    /// Queues a message for the next commit.
    pub(super) fn wait(&mut self, accept: Accept) -> Result<(), SpoolError> {
        if self.closing {
            return Err(SpoolError::Away("it was closed".to_owned()));
        }
        if self.waiting.len() >= WAITING_MAX {
            return Err(SpoolError::Busy(WAITING_MAX));
        }
        self.waiting.push_back(accept);
        Ok(())
    }

    /// Queues a settlement; `true` if the writer must hear of it. What is not in the queue (any more) is left alone.
    /// Nothing here can grow beyond the number of messages: each has one place for its end and one for its progress.
    pub(super) fn settle(&mut self, id: QueueId, outcome: Settlement) -> bool {
        let first = self.due.is_empty();
        let Some(entry) = self.entries.get_mut(&id) else { return false };
        let generation = entry.generation;
        let due = match outcome {
            Settlement::Done => {
                self.entries.remove(&id);
                self.unwritten.remove(&id);
                let due = self.due.entry(generation).or_default();
                due.gone.push_back(FinishedMessage { id, apart: self.apart.remove(&id) });
                due
            }
            Settlement::Progress(progress) => {
                entry.revision = entry.revision.saturating_add(1);
                if self.unwritten.insert(id, (entry.revision, Arc::new(progress))).is_some() {
                    return false;
                }
                let due = self.due.entry(generation).or_default();
                due.steps.push_back(id);
                due
            }
        };
        first || due.len() == BATCH_SETTLED_MAX
    }

    /// Whether messages wait for a commit.
    pub(super) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Whether something is to be settled in a generation.
    pub(super) fn has_due(&self, generation: u32) -> bool {
        self.due.get(&generation).is_some_and(|due| due.len() > 0)
    }

    /// Whether something is to be settled in a generation that is not one of those.
    pub(super) fn has_due_outside(&self, current: &[u32]) -> bool {
        self.due.keys().any(|generation| !current.contains(generation))
    }

    /// Whether settlements should not wait for company.
    pub(super) fn is_urgent(&self) -> bool {
        self.closing || !self.flushes.is_empty() || self.due.values().any(|due| due.len() >= BATCH_SETTLED_MAX)
    }

    /// What the next commit in a generation that takes messages shall hold.
    pub(super) fn take(&mut self, current: u32) -> CommitBatch {
        let mut bytes = 0;
        let mut accepts = Vec::new();
        while accepts.len() < BATCH_MESSAGES_MAX && bytes < BATCH_BYTES_MAX {
            let Some(accept) = self.waiting.pop_front() else { break };
            bytes += accept.body.row_bytes().map_or(0, <[u8]>::len);
            accepts.push(accept);
        }
        CommitBatch { accepts, ..self.take_settled(current) }
    }

    /// What is to be settled in one of the generations that take no messages any more.
    pub(super) fn take_closed(&mut self, current: &[u32]) -> Option<CommitBatch> {
        let closed = *self.due.keys().find(|generation| !current.contains(generation))?;
        Some(self.take_settled(closed))
    }

    fn take_settled(&mut self, generation: u32) -> CommitBatch {
        let mut due = self.due.remove(&generation).unwrap_or_default();
        let gone = due.gone.drain(..due.gone.len().min(BATCH_SETTLED_MAX)).collect();
        let ids = due.steps.drain(..due.steps.len().min(BATCH_SETTLED_MAX));
        let steps = ids.filter_map(|id| {
            let (revision, progress) = self.unwritten.get(&id)?;
            Some(ProgressWrite { id, revision: *revision, text: record::encode_progress(progress) })
        });
        let steps = steps.collect();
        // All of them: an outcome is never behind the settlement of its message.
        let (taught, counted) = (std::mem::take(&mut due.taught), std::mem::take(&mut due.counted));
        let whole = due.len() == 0;
        if !whole {
            self.due.insert(generation, due);
        }
        self.flushes.taken(generation, whole);
        CommitBatch { generation, accepts: Vec::new(), gone, steps, taught, counted }
    }

    /// The commit is on stable storage: its messages are pending from now on.
    pub(super) fn committed(&mut self, batch: &CommitBatch) {
        for accept in &batch.accepts {
            let entry = IndexEntry { generation: batch.generation, revision: 0 };
            self.add(accept.id, entry, accept.body.apart());
        }
        for step in &batch.steps {
            match self.unwritten.get(&step.id) {
                Some((newer, _)) if *newer > step.revision => {
                    self.due.entry(batch.generation).or_default().steps.push_back(step.id);
                }
                Some(_) => drop(self.unwritten.remove(&step.id)),
                None => {}
            }
        }
        for outcome in &batch.taught {
            if self.outcomes.written(batch.generation, outcome) {
                self.keep_row(batch.generation);
            }
        }
        if let Some(rows) = self.rows.get_mut(&batch.generation) {
            *rows = rows.saturating_sub((batch.gone.len() + batch.counted.len()) as u64);
        }
        // What was said while the commit ran may have been said before someone asked.
        self.flushes.committed(batch.generation, self.has_due(batch.generation));
    }

    /// The commit failed: its settlements wait for another one.
    pub(super) fn failed(&mut self, batch: &CommitBatch, error: &SpoolError) {
        self.flushes.failed(batch.generation, error);
        let mut due = self.due.remove(&batch.generation).unwrap_or_default();
        due.gone.extend(batch.gone.iter().copied());
        due.steps.extend(batch.steps.iter().map(|step| step.id).filter(|id| self.unwritten.contains_key(id)));
        due.taught.extend(batch.taught.iter().cloned());
        due.counted.extend(&batch.counted);
        if due.len() > 0 {
            self.due.insert(batch.generation, due);
        }
    }

    /// Whether a generation has no row any more.
    pub(super) fn is_empty(&self, generation: u32) -> bool {
        self.rows.get(&generation).is_none_or(|rows| *rows == 0)
    }

    /// Up to `limit` messages behind `after`, with where their rows are.
    pub(super) fn page(&self, after: Option<QueueId>, limit: usize) -> Vec<(QueueId, IndexEntry)> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.entries.range((from, Bound::Unbounded)).take(limit).map(|(id, entry)| (*id, *entry)).collect()
    }

    /// Those of `ids`, which are in ascending order, that are in the queue, in runs between whose neighbours lie few others:
    /// rows are read from the first of a run to its last.
    pub(super) fn runs(&self, ids: &[QueueId]) -> Vec<Vec<(QueueId, IndexEntry)>> {
        let mut runs: Vec<Vec<(QueueId, IndexEntry)>> = Vec::new();
        let known = ids.iter().filter_map(|id| self.entries.get(id).map(|entry| (*id, *entry)));
        for (id, entry) in known {
            let near = |run: &&mut Vec<(QueueId, IndexEntry)>| {
                let between = run.last().map(|(last, _)| (Bound::Excluded(*last), Bound::Excluded(id)));
                between.is_some_and(|range| self.entries.range(range).nth(RUN_GAP_MAX).is_none())
            };
            match runs.last_mut().filter(near) {
                Some(run) => run.push((id, entry)),
                None => runs.push(vec![(id, entry)]),
            }
        }
        runs
    }

    pub(super) fn entry(&self, id: QueueId) -> Option<IndexEntry> {
        self.entries.get(&id).copied()
    }

    /// Progress that is not written yet.
    pub(super) fn unwritten(&self, id: QueueId) -> Option<Arc<Progress>> {
        self.unwritten.get(&id).map(|(_, progress)| Arc::clone(progress))
    }

    pub(super) fn len(&self) -> u64 {
        self.entries.len() as u64
    }

    pub(super) fn oldest(&self) -> Option<QueueId> {
        self.entries.keys().next().copied()
    }

    /// The newest name in use, of a message or of a body that lies apart.
    pub(super) fn newest(&self) -> Option<QueueId> {
        let newest = self.entries.keys().next_back();
        newest.max(self.apart.values().max()).copied()
    }

    /// Asks to be told when everything given so far is written.
    pub(super) fn flush(&mut self, told: oneshot::Sender<Result<(), SpoolError>>) {
        // Not kept when closed: whoever waits hears that nobody answers any more.
        if !self.closing {
            self.flushes.ask(self.due.keys().copied().collect(), told);
        }
    }

    /// No more is to come: the writer ends when everything is written.
    pub(super) fn close(&mut self) {
        self.closing = true;
    }

    /// The writer ended: nobody is answered any more.
    pub(super) fn abandon(&mut self) {
        self.waiting.clear();
        self.flushes = Flushes::default();
    }

    pub(super) fn is_closing(&self) -> bool {
        self.closing
    }

    /// Whether nothing is left to be written.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.due.is_empty()
    }
}

#[cfg(test)]
mod tests;
