//! What comes into memory and what must wait in the spool for room. How the spool is read is not known here.

use super::{DestinationId, Entry, Moment, Queue};
use doorlist_core::queue_id::QueueId;
use doorlist_core::time::Timestamp;
use doorlist_store::spool::{Envelope, MessageBody, Progress, RecipientState};
use std::collections::HashSet;
use std::sync::Arc;

/// Messages that every destination may hold in memory, however full it is.
const DESTINATION_FLOOR: usize = 100;
/// Bytes of bodies that the queue keeps in memory; what is beyond is read from the spool when its turn comes.
const BODIES_MAX: u64 = 32 * 1024 * 1024;

/// A message that comes into memory.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) id: QueueId,
    pub(crate) envelope: Arc<Envelope>,
    pub(crate) progress: Option<Progress>,
    pub(crate) body: Option<MessageBody>,
}

/// Whether it came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    Admitted,
    /// It is there, or was a moment ago.
    Known,
    /// No room: it stays in the spool.
    Full,
}

/// Messages that are only in the spool.
#[derive(Debug, Default)]
pub(super) struct Skipped {
    /// The first of them.
    from: Option<QueueId>,
    /// Destinations that had no room for them.
    homes: HashSet<DestinationId>,
    /// Some are to be looked at again at this time.
    not_before: Option<Timestamp>,
}

impl Skipped {
    fn note(&mut self, id: QueueId) {
        self.from = Some(self.from.map_or(id, |first| first.min(id)));
    }
}

impl Queue {
    /// Takes a message into memory, if it is not there and there is room.
    pub(crate) fn admit(&mut self, arrival: Arrival, at: Moment) -> Admission {
        let Arrival { id, envelope, progress, body } = arrival;
        let left = self.left_during_scan.as_ref().is_some_and(|left| left.contains(&id));
        if left || self.messages.contains_key(&id) {
            return Admission::Known;
        }
        let progress = progress.filter(|progress| progress.recipients.len() == envelope.recipients.len());
        let progress = progress.unwrap_or_else(|| Progress {
            attempts: 0,
            next_attempt: at.now,
            hold: false,
            recipients: vec![RecipientState::Pending; envelope.recipients.len()],
        });
        let home = self.home(&envelope, &progress.recipients);
        if !self.has_room(home) {
            self.skipped.note(id);
            self.skipped.homes.insert(home);
            return Admission::Full;
        }
        if let Some(destination) = self.destinations.get_mut(&home) {
            destination.messages += 1;
        }
        let body = body.filter(|body| self.bodies + body.len() <= BODIES_MAX && body.in_memory().is_some());
        self.bodies += body.as_ref().map_or(0, MessageBody::len);
        let entry = Entry {
            envelope,
            body,
            states: progress.recipients,
            attempts: progress.attempts,
            next_attempt: None,
            hold: progress.hold,
            deleted: false,
            told: progress.attempts > 0,
            home,
            life: self.next_life(),
            waiting: 0,
            out: 0,
            failed: Vec::new(),
        };
        let hold = entry.hold;
        self.messages.insert(id, entry);
        if !hold && progress.next_attempt > at.now {
            self.defer(id, progress.next_attempt);
        } else if !hold {
            self.place_all(id, at);
        }
        Admission::Admitted
    }

    /// From where the spool should be read again: some messages were passed over, and now one of their destinations has
    /// much more room than it uses, or their time has come.
    pub(crate) fn refill_from(&self, now: Timestamp) -> Option<QueueId> {
        let room = self.settings.active_max.saturating_sub(self.messages.len());
        let mine = |home| self.destinations.get(home).map_or(0, |destination| destination.messages);
        let has_room = self.skipped.homes.iter().any(|home| mine(home) < room / 2);
        let is_time = self.skipped.not_before.is_some_and(|time| time <= now);
        self.skipped.from.filter(|_| has_room || is_time)
    }

    /// The spool is about to be read: from now on leaving messages are remembered, so that a page read before they left
    /// does not bring them back.
    pub(crate) fn begin_scan(&mut self) {
        self.left_during_scan = Some(HashSet::new());
        self.skipped = Skipped::default();
    }

    /// A message that the scan passed over, to be looked at again at that time.
    pub(crate) fn skip_until(&mut self, id: QueueId, time: Timestamp) {
        self.skipped.note(id);
        self.skipped.not_before = Some(self.skipped.not_before.map_or(time, |other| other.max(time)));
    }

    /// A page was looked through: what left before the next one is read will not be in it.
    pub(crate) fn next_page(&mut self) {
        if let Some(left) = &mut self.left_during_scan {
            left.clear();
        }
    }

    /// The spool has been read.
    pub(crate) fn end_scan(&mut self) {
        self.left_during_scan = None;
    }

    fn has_room(&self, home: DestinationId) -> bool {
        let room = self.settings.active_max.saturating_sub(self.messages.len());
        let mine = self.destinations.get(&home).map_or(0, |destination| destination.messages);
        room > 0 && (mine < DESTINATION_FLOOR || mine < room)
    }
}
