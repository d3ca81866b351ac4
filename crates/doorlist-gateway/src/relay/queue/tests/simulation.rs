//! Servers, a clock and the queue: everything that a relay does with connections, without sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::bench::{Bench, route, settings};
use super::*;
use doorlist_core::access::CustomerId;
use std::collections::HashMap;

const GIVE_WAY: Duration = Duration::from_secs(10);
const KEEP_OPEN: Duration = Duration::from_secs(5);
/// An opening or a reply that never comes is waited for so long; behind the final dot longer.
const TIME_OUT: Duration = Duration::from_secs(30);
const FINAL_REPLY: Duration = Duration::from_secs(600);
/// What a server that is well needs to greet, and to take a message.
const GREETING: Duration = Duration::from_millis(20);
const MESSAGE: Duration = Duration::from_millis(5);
const CLOSING: Duration = Duration::from_millis(1);

/// What a server does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    Well,
    /// Accepts connections and says nothing.
    Silent,
    /// Takes a message and says nothing behind the final dot.
    SilentBehindDot,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Arrives(u32),
    Opens(ConnectionId),
    /// It has waited for the server so long that it tells the queue; this is its so manieth wait.
    Stalls(ConnectionId, u32),
    TimesOut(ConnectionId, u32),
    /// The message is taken.
    Takes(ConnectionId),
    /// An idle one has been kept long enough.
    Tires(ConnectionId, u32),
    Closes(ConnectionId),
}

struct Line {
    domain: u32,
    job: Option<Job>,
    waits: u32,
    opening: bool,
    idle: bool,
    may_give_way: bool,
    closing: bool,
}

pub(super) struct World {
    pub(super) bench: Bench,
    servers: Vec<(u32, Manner)>,
    events: BTreeSet<(Timestamp, u64, Event)>,
    number: u64,
    lines: HashMap<ConnectionId, Line>,
    arrived: HashMap<QueueId, (u32, Timestamp)>,
    /// How long each message took that was delivered, and to which domain.
    pub(super) delivered: Vec<(u32, Duration)>,
    pub(super) openings: HashMap<u32, usize>,
    pub(super) duplicates: usize,
}

impl World {
    /// Domain `n` belongs to the customer and has the server that the `n`th entry says.
    pub(super) fn new(connections_max: usize, servers: Vec<(u32, Manner)>) -> Self {
        let routes = servers
            .iter()
            .zip(0..)
            .map(|((customer, _), n)| DomainRoute { customer: Some(CustomerId(*customer)), ..route(n) });
        let bench = Bench::of(settings(connections_max), routes);
        Self {
            bench,
            servers,
            events: BTreeSet::new(),
            number: 0,
            lines: HashMap::new(),
            arrived: HashMap::new(),
            delivered: Vec::new(),
            openings: HashMap::new(),
            duplicates: 0,
        }
    }

    /// A message to a domain, so long after the start.
    pub(super) fn arrives(&mut self, after: Duration, domain: u32) {
        self.number += 1;
        self.events.insert((bench::START + after, self.number, Event::Arrives(domain)));
    }

    fn later(&mut self, after: Duration, event: Event) {
        self.number += 1;
        self.events.insert((self.bench.now + after, self.number, event));
    }

    /// Lets time pass until nothing is to come before this time, and checks after each event.
    pub(super) fn run(&mut self, until: Duration, check: &mut dyn FnMut(&World)) {
        while let Some(&(time, number, event)) = self.events.first()
            && time <= bench::START + until
        {
            self.events.remove(&(time, number, event));
            self.bench.now = time;
            self.bench.queue.tick(self.bench.at());
            self.happens(event);
            self.follow();
            check(self);
        }
    }

    /// How long the messages of these domains took.
    pub(super) fn delays(&self, domains: impl Fn(u32) -> bool) -> Vec<Duration> {
        self.delivered.iter().filter(|(domain, _)| domains(*domain)).map(|(_, delay)| *delay).collect()
    }

    fn happens(&mut self, event: Event) {
        let at = self.bench.at();
        match event {
            Event::Arrives(domain) => {
                let (id, _) = self.bench.admit(&[domain]);
                self.arrived.insert(id, (domain, self.bench.now));
            }
            Event::Opens(id) => {
                let destination = self.bench.queue.pool.destination(id).unwrap();
                self.lines.get_mut(&id).unwrap().opening = false;
                self.bench.queue.opened(destination, at);
                self.works(id);
            }
            Event::Stalls(id, wait) if self.waits(id, wait) => {
                let may_give_way = self.lines[&id].may_give_way;
                self.bench.queue.stalled(id, may_give_way, at);
            }
            Event::TimesOut(id, wait) if self.waits(id, wait) => {
                self.fails(id);
            }
            Event::Takes(id) => {
                let line = self.lines.get_mut(&id).unwrap();
                let (domain, job) = (line.domain, line.job.take().unwrap());
                let (_, since) = self.arrived[&job.part.id];
                self.delivered.push((domain, self.bench.now.since(since)));
                self.ends(id, &job, AttemptVerdict::Delivered);
                self.works(id);
            }
            Event::Tires(id, wait) if self.waits(id, wait) && self.lines[&id].idle => {
                if self.bench.queue.stop_waiting(id) {
                    self.bench.queue.retire(id, at);
                    self.closes(id);
                }
            }
            Event::Closes(id) => {
                self.lines.remove(&id);
                self.bench.queue.closed(id, at);
            }
            Event::Stalls(..) | Event::TimesOut(..) | Event::Tires(..) => {}
        }
    }

    fn waits(&self, id: ConnectionId, wait: u32) -> bool {
        self.lines.get(&id).is_some_and(|line| line.waits == wait && !line.closing)
    }

    /// What the queue asked for: openings, and bells that were rung.
    fn follow(&mut self) {
        loop {
            let opened = std::mem::take(&mut self.bench.queue.effects.open);
            self.bench.queue.take_effects();
            for SlotGrant { connection, destination, .. } in opened {
                let domain = self.bench.queue.by_domain.iter().find(|(_, place)| place.destination == destination);
                self.opens(connection, domain.unwrap().0.0);
            }
            let pool = &self.bench.queue.pool;
            let rung = |(id, line): (&ConnectionId, &Line)| {
                let called = line.idle && !pool.is_idle(*id) || line.may_give_way && pool.is_leaving(*id);
                (!line.closing && called).then_some((*id, line.idle))
            };
            let Some((id, was_idle)) = self.lines.iter().filter_map(rung).min() else { return };
            if was_idle {
                self.works(id);
            } else {
                self.fails(id);
            }
        }
    }

    fn opens(&mut self, id: ConnectionId, domain: u32) {
        *self.openings.entry(domain).or_default() += 1;
        let line = Line { domain, job: None, waits: 0, opening: true, idle: false, may_give_way: true, closing: false };
        self.lines.insert(id, line);
        match self.servers[domain as usize].1 {
            Manner::Silent => self.is_silent(id, TIME_OUT),
            Manner::Well | Manner::SilentBehindDot => self.later(GREETING, Event::Opens(id)),
        }
    }

    fn is_silent(&mut self, id: ConnectionId, time_out: Duration) {
        let wait = self.lines[&id].waits;
        self.later(GIVE_WAY, Event::Stalls(id, wait));
        self.later(time_out, Event::TimesOut(id, wait));
    }

    fn works(&mut self, id: ConnectionId) {
        let work = self.bench.queue.work(id, self.bench.at());
        let line = self.lines.get_mut(&id).unwrap();
        line.waits += 1;
        line.idle = false;
        match work {
            ConnectionTask::Carry(job) => {
                line.job = Some(job);
                // The body and its end leave at once.
                line.may_give_way = false;
                match self.servers[line.domain as usize].1 {
                    Manner::SilentBehindDot => self.is_silent(id, FINAL_REPLY),
                    Manner::Well | Manner::Silent => self.later(MESSAGE, Event::Takes(id)),
                }
            }
            ConnectionTask::Wait => {
                line.idle = true;
                let wait = line.waits;
                self.later(KEEP_OPEN, Event::Tires(id, wait));
            }
            ConnectionTask::Leave => self.closes(id),
        }
    }

    /// It gives up on the server.
    fn fails(&mut self, id: ConnectionId) {
        let line = self.lines.get_mut(&id).unwrap();
        let (opening, job) = (line.opening, line.job.take());
        self.duplicates += usize::from(job.is_some() && self.bench.queue.pool.is_leaving(id));
        let destination = self.bench.queue.pool.destination(id).unwrap();
        let at = self.bench.at();
        if let Some(job) = job {
            self.ends(id, &job, AttemptVerdict::Deferred);
            self.bench.queue.broke(destination, "4.4.2 timed out", None, at);
        } else if opening {
            self.bench.queue.open_failed(destination, "4.4.1 timed out", at);
        }
        self.closes(id);
    }

    fn ends(&mut self, id: ConnectionId, job: &Job, verdict: AttemptVerdict) {
        let destination = self.bench.queue.pool.destination(id).unwrap();
        let outcome = RecipientOutcome { verdict, status: EnhancedCode::new(4, 0, 0), reply: String::new() };
        let at = self.bench.at();
        self.bench.queue.finish(destination, &job.part, &vec![outcome; job.part.recipients.len()], None, at);
    }

    fn closes(&mut self, id: ConnectionId) {
        self.lines.get_mut(&id).unwrap().closing = true;
        self.later(CLOSING, Event::Closes(id));
    }
}
