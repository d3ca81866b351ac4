//! The queue in memory: messages per destination, and the number of connections of each destination.
//!
//! Every destination has its own queue, its own window of connections and its own state, so that a dead one hardly
//! affects the others. Customers share connections ([`pool`]) and memory ([`filling`]): neither a few long queues nor
//! all destinations of one customer can displace the rest. Messages without room in memory stay in the spool, are
//! noted, and are read when there is room. Time and randomness are parameters, and effects are returned as
//! [`Effects`].

mod connections;
mod destination;
mod filling;
mod orders;
mod part;
mod placing;
mod pool;
mod rounds;
mod router;

pub(crate) use connections::ConnectionTask;
pub(crate) use destination::Destination;
#[cfg(test)]
pub(crate) use filling::Admission;
pub(crate) use filling::Arrival;
pub(crate) use orders::{QueuedState, revived};
pub(crate) use part::{AttemptVerdict, Job, Part, RecipientOutcome};
pub(crate) use pool::{ConnectionId, SlotGrant};
pub(crate) use rounds::{is_final, untouched};
pub(crate) use router::Router;

use super::route::DestinationKey;
use doorlist_core::domain::DomainId;
use doorlist_core::queue_id::QueueId;
use doorlist_core::retry::RetrySchedule;
use doorlist_core::time::Timestamp;
use doorlist_store::spool::{Envelope, MessageBody, MessageKind, RecipientState, Settlement};
use placing::Placement;
use pool::{ConnectionOwner, Pool};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet};
use std::sync::Arc;

/// Maximum messages in memory; further ones stay in the spool.
pub(crate) const ACTIVE_MAX: usize = 200_000;
/// Maximum recipients of a transaction.
const RECIPIENTS_PER_PART_MAX: usize = 100;

/// A destination's number while it is in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct DestinationId(u64);

/// The time, and a random number in 0..1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) now: Timestamp,
    pub(crate) chance: f64,
}

#[derive(Clone, Debug)]
pub(crate) struct QueueSettings {
    /// Maximum number of messages in memory, [`ACTIVE_MAX`].
    pub(crate) active_max: usize,
    /// Maximum number of connections to all destinations.
    pub(crate) connections_max: usize,
    /// Maximum connections to one destination.
    pub(crate) per_destination_max: usize,
    /// Schedule for mail of protected domains and notices.
    pub(crate) inbound: RetrySchedule,
    pub(crate) bounce: RetrySchedule,
}

impl QueueSettings {
    fn schedule(&self, kind: MessageKind) -> &RetrySchedule {
        match kind {
            MessageKind::Inbound | MessageKind::Notice => &self.inbound,
            MessageKind::Bounce => &self.bounce,
        }
    }
}

/// What the caller must do after a call.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    /// Connections to open; they are counted already.
    pub(crate) open: Vec<SlotGrant>,
    /// Settlements for the spool, in this order.
    pub(crate) settle: Vec<(QueueId, Settlement)>,
    /// Messages to log because their destination is down, once each.
    pub(crate) parked: Vec<(Part, Arc<str>)>,
    /// Permanent failures: report them, then call [`Queue::reported`].
    pub(crate) reports: Vec<FailureReport>,
    /// Messages that left the queue.
    pub(crate) removed: Vec<QueueId>,
    /// There is room for messages of the spool: call [`Queue::refill`].
    pub(crate) refill: bool,
}

/// Recipients of a message that failed permanently in this round.
#[derive(Debug)]
pub(crate) struct FailureReport {
    pub(crate) id: QueueId,
    pub(crate) envelope: Arc<Envelope>,
    /// Index of the recipient and its reply.
    pub(crate) failed: Vec<(usize, String)>,
}

#[derive(Debug)]
struct QueuedMessage {
    envelope: Arc<Envelope>,
    body: Option<MessageBody>,
    states: Vec<RecipientState>,
    attempts: u32,
    /// Time of the next attempt, if it is deferred.
    next_attempt: Option<Timestamp>,
    /// When it would have been tried, had nobody asked for an attempt now.
    planned: Option<Timestamp>,
    hold: bool,
    deleted: bool,
    /// Whether its dead destination was logged.
    told: bool,
    home: DestinationId,
    /// Customer whose memory share it uses.
    customer: ConnectionOwner,
    /// Parts with another number are void.
    life: u64,
    /// Number of parts waiting for a connection or a release.
    waiting: usize,
    /// Number of parts being delivered or reported.
    out: usize,
    /// Recipients that failed permanently in this round.
    failed: Vec<usize>,
}

impl QueuedMessage {
    fn unfinished(&self) -> Vec<usize> {
        self.states.iter().enumerate().filter(|(_, state)| !is_final(state)).map(|(index, _)| index).collect()
    }
}

#[derive(Debug)]
pub(crate) struct Queue {
    settings: QueueSettings,
    router: Router,
    messages: BTreeMap<QueueId, QueuedMessage>,
    destinations: HashMap<DestinationId, Destination>,
    by_key: HashMap<DestinationKey, DestinationId>,
    /// Destinations of protected domains, valid for the current routes.
    by_domain: HashMap<DomainId, Placement>,
    next_destination: u64,
    deferred: BinaryHeap<Reverse<(Timestamp, QueueId)>>,
    probes: BinaryHeap<Reverse<(Timestamp, DestinationId)>>,
    /// Parts of domains that are on hold.
    held: Vec<Part>,
    stopped: bool,
    pool: Pool,
    bodies: u64,
    last_life: u64,
    /// Number of messages in memory per customer.
    by_customer: HashMap<ConnectionOwner, usize>,
    /// Destinations with messages that are only in the spool, ordered by their number in memory.
    short: BTreeSet<(usize, DestinationId)>,
    /// Messages that left memory while the spool is being read.
    left_meanwhile: Option<HashSet<QueueId>>,
    effects: Effects,
}

impl Queue {
    pub(crate) fn new(settings: QueueSettings, router: Router) -> Self {
        let pool = Pool::new(settings.connections_max);
        Self {
            settings,
            router,
            messages: BTreeMap::new(),
            destinations: HashMap::new(),
            by_key: HashMap::new(),
            by_domain: HashMap::new(),
            next_destination: 0,
            deferred: BinaryHeap::new(),
            probes: BinaryHeap::new(),
            held: Vec::new(),
            stopped: false,
            pool,
            bodies: 0,
            last_life: 0,
            by_customer: HashMap::new(),
            short: BTreeSet::new(),
            left_meanwhile: None,
            effects: Effects::default(),
        }
    }

    /// The effects of all calls since the last time.
    pub(crate) fn take_effects(&mut self) -> Effects {
        std::mem::take(&mut self.effects)
    }

    /// Returns a part untried, because its connection ended.
    pub(crate) fn give_back(&mut self, destination: DestinationId, mut part: Part, at: Moment) {
        let Some(entry) = self.messages.get_mut(&part.id) else { return };
        entry.out = entry.out.saturating_sub(1);
        let id = part.id;
        part.life = entry.life;
        let resting = self.destinations.get(&destination).is_some_and(|line| line.resting(at.now).is_some());
        if entry.hold || entry.deleted {
            // Its round ends here.
        } else if resting {
            self.line_up(destination, part, at);
        } else if let Some(line) = self.destinations.get_mut(&destination) {
            entry.waiting += 1;
            line.ready.push_front(part);
        }
        self.round_may_be_over(id, at);
    }

    /// Handles what is due; must be called at least every 250 ms.
    pub(crate) fn tick(&mut self, at: Moment) {
        while let Some(&Reverse((due, id))) = self.deferred.peek()
            && due <= at.now
        {
            self.deferred.pop();
            // Retried or held in between, its place in the heap is stale.
            if let Some(entry) = self.messages.get_mut(&id)
                && entry.next_attempt == Some(due)
            {
                entry.next_attempt = None;
                self.place_all(id, at);
            }
        }
        while let Some(&Reverse((due, destination))) = self.probes.peek()
            && due <= at.now
        {
            self.probes.pop();
            self.press_all(destination, at);
        }
        self.serve(at);
    }

    /// Time at which [`Queue::tick`] has something to do.
    pub(crate) fn next_event(&self) -> Option<Timestamp> {
        let deferred = self.deferred.peek().map(|Reverse((at, _))| *at);
        let probe = self.probes.peek().map(|Reverse((at, _))| *at);
        deferred.into_iter().chain(probe).min()
    }

    /// Applies new limits and schedules.
    pub(crate) fn set_settings(&mut self, settings: QueueSettings) {
        self.pool.set_max(settings.connections_max);
        self.settings = settings;
    }

    pub(crate) fn stop(&mut self) {
        self.stopped = true;
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    /// Number of connections, including those being opened or closed.
    pub(crate) fn connections(&self) -> usize {
        self.pool.len()
    }

    pub(crate) fn prune(&mut self) {
        let before = self.destinations.len();
        self.destinations.retain(|_, destination| !destination.is_unused());
        if self.destinations.len() < before {
            self.by_key.retain(|_, id| self.destinations.contains_key(id));
            self.by_domain.clear();
        }
    }

    /// Whether a part is still valid for its message.
    fn is_current(&self, part: &Part) -> bool {
        self.messages.get(&part.id).is_some_and(|entry| entry.life == part.life)
    }

    fn next_life(&mut self) -> u64 {
        self.last_life += 1;
        self.last_life
    }

    /// Removes a message from memory.
    fn forget(&mut self, id: QueueId) {
        let Some(entry) = self.messages.remove(&id) else { return };
        self.bodies -= entry.body.as_ref().map_or(0, MessageBody::len);
        self.count(entry.home, entry.customer, |messages| messages.saturating_sub(1));
        if let Some(left) = &mut self.left_meanwhile {
            left.insert(id);
        }
        self.check_refill(entry.home);
    }

    fn drop_body(&mut self, id: QueueId) {
        let body = self.messages.get_mut(&id).and_then(|entry| entry.body.take());
        self.bodies -= body.map_or(0, |body| body.len());
    }
}

#[cfg(test)]
mod tests;
