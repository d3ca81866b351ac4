//! Decides which messages are held in memory and which stay in the spool until there is room.

use super::pool::ConnectionOwner;
use super::{DestinationId, Moment, Queue, QueuedMessage, untouched};
use doorlist_core::queue_id::QueueId;
use doorlist_store::spool::{Envelope, MessageBody, Progress};
use std::collections::HashSet;
use std::sync::Arc;

/// Number of messages in memory up to which a destination counts as short.
const DESTINATION_FLOOR: usize = 100;
/// Minimum number of messages to read from the spool, for a destination that has others in memory.
const REFILL_MIN: usize = 1_000;
/// Maximum bytes of bodies in memory; further ones are read from the spool when they are sent.
const BODIES_MAX: u64 = 32 * 1024 * 1024;

/// A message to load into memory.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) id: QueueId,
    pub(crate) envelope: Arc<Envelope>,
    pub(crate) progress: Option<Progress>,
    pub(crate) body: Option<MessageBody>,
}

/// Whether it was admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    Admitted,
    /// Already in memory, or a moment ago.
    Known,
    /// No room; it stays in the spool.
    Full,
}

impl Queue {
    /// Adds a message to memory, if it is not there yet and there is room.
    pub(crate) fn admit(&mut self, arrival: Arrival, at: Moment) -> Admission {
        let Arrival { id, envelope, progress, body } = arrival;
        let left = self.left_meanwhile.as_ref().is_some_and(|left| left.contains(&id));
        if left || self.messages.contains_key(&id) {
            return Admission::Known;
        }
        let progress = progress.filter(|progress| progress.recipients.len() == envelope.recipients.len());
        let progress = progress.unwrap_or_else(|| untouched(&envelope, at.now));
        let (home, customer) = self.home(&envelope, &progress.recipients);
        if self.allowance(home, customer) == 0 {
            self.skip(id, home, customer);
            return Admission::Full;
        }
        self.count(home, customer, |messages| messages + 1);
        let body = body.filter(|body| self.bodies + body.len() <= BODIES_MAX && body.in_memory().is_some());
        self.bodies += body.as_ref().map_or(0, MessageBody::len);
        let entry = QueuedMessage {
            envelope,
            body,
            states: progress.recipients,
            attempts: progress.attempts,
            planned: None,
            next_attempt: None,
            hold: progress.hold,
            deleted: false,
            told: progress.attempts > 0,
            home,
            customer,
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

    /// Up to `max` messages that are only in the spool and may come into memory now, oldest first: those of the destination
    /// that has the fewest in memory. They are read and given to [`Queue::admit`], whose business they are from now on.
    pub(crate) fn refill(&mut self, max: usize) -> Option<Vec<QueueId>> {
        let &(messages, home) = self.short.iter().find(|(_, home)| self.is_refill_due(*home))?;
        let customer = self.destinations.get(&home)?.skipped_of;
        let count = self.allowance(home, customer).min(max);
        let line = self.destinations.get_mut(&home)?;
        let ids = std::iter::from_fn(|| line.skipped.pop_first()).take(count).collect();
        if line.skipped.is_empty() {
            self.short.remove(&(messages, home));
        }
        Some(ids)
    }

    /// After a message of this destination has left memory: whether it, or the one with the fewest, has room for more.
    pub(super) fn check_refill(&mut self, home: DestinationId) {
        let fewest = self.short.first().map(|(_, home)| *home);
        let due = fewest.is_some_and(|fewest| self.is_refill_due(fewest) || self.is_refill_due(home));
        self.effects.refill |= due;
    }

    fn is_refill_due(&self, home: DestinationId) -> bool {
        self.destinations.get(&home).filter(|line| !line.skipped.is_empty()).is_some_and(|line| {
            let allowance = self.allowance(home, line.skipped_of);
            allowance > 0 && (allowance >= REFILL_MIN || allowance >= line.messages)
        })
    }

    /// The spool is about to be read: from now on leaving messages are remembered, so that what was read before they left
    /// does not bring them back.
    pub(crate) fn begin_reading(&mut self) {
        self.left_meanwhile = Some(HashSet::new());
    }

    /// What was read has been admitted.
    pub(crate) fn end_reading(&mut self) {
        self.left_meanwhile = None;
    }

    /// Counts the messages in memory that are at home at a destination, and those of a customer.
    pub(super) fn count(&mut self, home: DestinationId, customer: ConnectionOwner, change: impl Fn(usize) -> usize) {
        let messages = self.by_customer.entry(customer).or_default();
        *messages = change(*messages);
        if *messages == 0 {
            self.by_customer.remove(&customer);
        }
        let Some(line) = self.destinations.get_mut(&home) else { return };
        let before = line.messages;
        line.messages = change(before);
        if !line.skipped.is_empty() {
            self.short.remove(&(before, home));
            self.short.insert((line.messages, home));
        }
    }

    /// A message has no room. Its number costs a third of what the spool itself keeps of it in memory.
    fn skip(&mut self, id: QueueId, home: DestinationId, customer: ConnectionOwner) {
        let Some(line) = self.destinations.get_mut(&home) else { return };
        line.skipped.insert(id);
        line.skipped_of = customer;
        self.short.insert((line.messages, home));
    }

    /// How many messages may come into memory for this destination of this customer. Half of the memory is for any, each
    /// destination at most as many as are left of it; the next quarter is for destinations with few; and in the last a
    /// customer leaves as much as it has, so that however many a customer has, there is room for another.
    fn allowance(&self, home: DestinationId, customer: ConnectionOwner) -> usize {
        let max = self.settings.active_max;
        let room = max.saturating_sub(self.messages.len());
        let mine = self.destinations.get(&home).map_or(0, |destination| destination.messages);
        let theirs = self.by_customer.get(&customer).copied().unwrap_or(0);
        let any = room.saturating_sub(max / 2).saturating_sub(mine).div_ceil(2);
        let few = if room > max / 4 { DESTINATION_FLOOR.saturating_sub(mine) } else { 0 };
        let small = room.min(max / 4).saturating_sub(theirs).div_ceil(2);
        any.max(few).max(small).min(room)
    }
}
