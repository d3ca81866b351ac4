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

pub(crate) use connections::Work;
pub(crate) use destination::Destination;
#[cfg(test)]
pub(crate) use filling::Admission;
pub(crate) use filling::Arrival;
pub(crate) use orders::{Seen, revived};
pub(crate) use part::{Job, Outcome, Part, Verdict};
pub(crate) use pool::{ConnectionId, Grant};
pub(crate) use rounds::is_final;
pub(crate) use router::Router;

use super::route::DestinationKey;
use doorlist_core::domain::DomainId;
use doorlist_core::queue_id::QueueId;
use doorlist_core::retry::RetrySchedule;
use doorlist_core::time::Timestamp;
use doorlist_store::spool::{Envelope, MessageBody, MessageKind, RecipientState, Settlement};
use placing::Place;
use pool::{Customer, Pool};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet};
use std::sync::Arc;

/// Messages in memory; more wait in the spool.
pub(crate) const ACTIVE_MAX: usize = 200_000;
/// Recipients of one transaction.
const RECIPIENTS_PER_PART_MAX: usize = 100;

/// A destination's number while it is in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct DestinationId(u64);

/// When, and a number in 0..1 that nobody can foresee.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) now: Timestamp,
    pub(crate) chance: f64,
}

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Maximum number of messages in memory, [`ACTIVE_MAX`].
    pub(crate) active_max: usize,
    /// Maximum number of connections to all destinations.
    pub(crate) connections_max: usize,
    /// Connections to one destination.
    pub(crate) per_destination_max: usize,
    /// For mail of protected domains, and notices.
    pub(crate) inbound: RetrySchedule,
    pub(crate) bounce: RetrySchedule,
}

impl Settings {
    fn schedule(&self, kind: MessageKind) -> &RetrySchedule {
        match kind {
            MessageKind::Inbound | MessageKind::Notice => &self.inbound,
            MessageKind::Bounce => &self.bounce,
        }
    }
}

/// What is to be done outside after a call.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    /// Connections to open; they are counted already.
    pub(crate) open: Vec<Grant>,
    /// What the spool must be told, in this order.
    pub(crate) settle: Vec<(QueueId, Settlement)>,
    /// Messages that wait for a destination known to be down, for the first time: to be logged.
    pub(crate) parked: Vec<(Part, Arc<str>)>,
    /// Recipients that failed for good: to be reported, then [`Queue::reported`].
    pub(crate) reports: Vec<Report>,
    /// Messages that left the queue.
    pub(crate) removed: Vec<QueueId>,
    /// There is room for messages that are only in the spool: [`Queue::refill`].
    pub(crate) refill: bool,
}

/// Recipients of a message that failed for good in this round.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) id: QueueId,
    pub(crate) envelope: Arc<Envelope>,
    /// Index of the recipient and what was said of it.
    pub(crate) failed: Vec<(usize, String)>,
}

#[derive(Debug)]
struct Entry {
    envelope: Arc<Envelope>,
    body: Option<MessageBody>,
    states: Vec<RecipientState>,
    attempts: u32,
    /// When it is tried again, while it waits for that.
    next_attempt: Option<Timestamp>,
    hold: bool,
    deleted: bool,
    /// Its wait for a dead destination has been logged.
    told: bool,
    home: DestinationId,
    /// Whose memory it takes.
    customer: Customer,
    /// Parts of another life are void.
    life: u64,
    /// Parts that wait for a connection or for the end of a hold.
    waiting: usize,
    /// Parts that are being delivered or reported.
    out: usize,
    /// Recipients that failed for good in this round.
    failed: Vec<usize>,
}

impl Entry {
    fn unfinished(&self) -> Vec<usize> {
        self.states.iter().enumerate().filter(|(_, state)| !is_final(state)).map(|(index, _)| index).collect()
    }
}

#[derive(Debug)]
pub(crate) struct Queue {
    settings: Settings,
    router: Router,
    messages: BTreeMap<QueueId, Entry>,
    destinations: HashMap<DestinationId, Destination>,
    by_key: HashMap<DestinationKey, DestinationId>,
    /// Where the mail of protected domains waits, as long as the routes are the same.
    by_domain: HashMap<DomainId, Place>,
    next_destination: u64,
    deferred: BinaryHeap<Reverse<(Timestamp, QueueId)>>,
    probes: BinaryHeap<Reverse<(Timestamp, DestinationId)>>,
    /// Parts of domains that are on hold.
    held: Vec<Part>,
    stopped: bool,
    pool: Pool,
    bodies: u64,
    last_life: u64,
    /// Messages in memory of each customer that has any.
    by_customer: HashMap<Customer, usize>,
    /// Destinations with messages that are only in the spool, by how many they have in memory.
    short: BTreeSet<(usize, DestinationId)>,
    /// Messages that left memory while the spool is being read.
    left_meanwhile: Option<HashSet<QueueId>>,
    effects: Effects,
}

impl Queue {
    pub(crate) fn new(settings: Settings, router: Router) -> Self {
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

    /// What the calls since the last time ask for.
    pub(crate) fn take_effects(&mut self) -> Effects {
        std::mem::take(&mut self.effects)
    }

    /// A part comes back untried: the connection was of no use.
    pub(crate) fn give_back(&mut self, destination: DestinationId, mut part: Part, at: Moment) {
        let Some(entry) = self.messages.get_mut(&part.id) else { return };
        entry.out = entry.out.saturating_sub(1);
        if entry.hold || entry.deleted {
            return self.round_may_be_over(part.id, at);
        }
        entry.waiting += 1;
        part.life = entry.life;
        if let Some(line) = self.destinations.get_mut(&destination) {
            line.ready.push_front(part);
        }
    }

    /// Moves what has become due; called at least every quarter of a second.
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

    /// When [`Queue::tick`] has something to do.
    pub(crate) fn next_event(&self) -> Option<Timestamp> {
        let deferred = self.deferred.peek().map(|Reverse((at, _))| *at);
        let probe = self.probes.peek().map(|Reverse((at, _))| *at);
        deferred.into_iter().chain(probe).min()
    }

    /// Takes other limits and schedules.
    pub(crate) fn set_settings(&mut self, settings: Settings) {
        self.pool.set_max(settings.connections_max);
        self.settings = settings;
    }

    /// Opens no connection any more.
    pub(crate) fn stop(&mut self) {
        self.stopped = true;
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    /// Connections, with those that are being opened or closed.
    pub(crate) fn connections(&self) -> usize {
        self.pool.len()
    }

    /// Forgets destinations that nobody needs.
    pub(crate) fn prune(&mut self) {
        let before = self.destinations.len();
        self.destinations.retain(|_, destination| !destination.is_unused());
        if self.destinations.len() < before {
            self.by_key.retain(|_, id| self.destinations.contains_key(id));
            self.by_domain.clear();
        }
    }

    /// Whether a part still stands for what its message waits for.
    fn is_current(&self, part: &Part) -> bool {
        self.messages.get(&part.id).is_some_and(|entry| entry.life == part.life)
    }

    fn next_life(&mut self) -> u64 {
        self.last_life += 1;
        self.last_life
    }

    /// Takes a message out of memory.
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
