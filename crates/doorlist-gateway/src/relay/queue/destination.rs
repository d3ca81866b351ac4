//! One destination: its queued messages, its connections and its state. A destination that fails gets one connection
//! at a time, on the retry schedule. When it recovers, its window grows from one connection, doubling per twenty
//! successes.

use super::part::Part;
use super::pool::{ConnectionId, ConnectionOwner, SlotClaim};
use crate::relay::route::DestinationKey;
use doorlist_core::queue_id::QueueId;
use doorlist_core::retry::{NextAttempt, RetrySchedule};
use doorlist_core::time::Timestamp;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

/// Initial window of connections, after the first one succeeded.
const WINDOW_AT_FIRST: usize = 5;
/// Successes after which the window doubles.
const SUCCESSES_TO_DOUBLE: u32 = 20;
/// Connections lost in a row, without a success between them, after which a destination counts as dead.
const STRIKES_MAX: u32 = 3;
/// Connections that a destination may have while none of them makes progress.
const STALLED_MAX: usize = 2;

/// A destination in the queue.
#[derive(Debug, Default)]
pub(crate) struct Destination {
    pub(crate) key: DestinationKey,
    /// Parts waiting for a connection.
    pub(crate) ready: VecDeque<Part>,
    /// Number of messages in memory assigned to this destination.
    pub(crate) messages: usize,
    /// Open connections, with those that are being opened.
    pub(crate) connections: usize,
    /// Number of connections being opened.
    pub(crate) connecting: usize,
    /// Idle connections; the last one is signalled first. May include one that was told to close.
    pub(super) idle: Vec<ConnectionId>,
    /// Connections that make no progress.
    pub(super) stalled: Vec<ConnectionId>,
    /// Its pending claim for another connection.
    pub(super) claim: Option<SlotClaim>,
    /// Messages that stay in the spool for lack of memory.
    pub(super) skipped: BTreeSet<QueueId>,
    /// Customer of the last skipped message.
    pub(super) skipped_of: ConnectionOwner,
    health: Health,
    window: usize,
    successes: u32,
    strikes: u32,
    /// Where its mail goes while it is down: its other servers, if only the first ones break.
    detour: Option<DestinationKey>,
}

#[derive(Clone, Debug, Default)]
enum Health {
    /// Nothing is known yet.
    #[default]
    Fresh,
    Up,
    /// No connection is tried before `until`.
    Down {
        failures: u32,
        until: Timestamp,
        why: Arc<str>,
        /// When it would have been tried, had nobody asked for an attempt now.
        planned: Option<Timestamp>,
    },
}

impl Destination {
    pub(crate) fn new(key: DestinationKey) -> Self {
        Self { key, window: WINDOW_AT_FIRST, ..Self::default() }
    }

    /// Whether another connection may be opened for waiting work.
    pub(crate) fn wants_connection(&self, now: Timestamp, connections_max: usize) -> bool {
        let window = match self.health {
            // One goes ahead: a dead destination costs one connection, not a window full.
            Health::Fresh => 1,
            Health::Up if self.stalled.len() + self.connecting >= self.connections.max(1) => {
                self.window.min(connections_max).min(STALLED_MAX)
            }
            Health::Up => self.window.min(connections_max),
            Health::Down { until, .. } if until <= now => 1,
            Health::Down { .. } => 0,
        };
        self.ready.len() > self.connecting && self.connections < window
    }

    /// The reason, if it is down.
    pub(crate) fn down(&self) -> Option<&Arc<str>> {
        match &self.health {
            Health::Down { why, .. } => Some(why),
            Health::Fresh | Health::Up => None,
        }
    }

    /// The reason, if it is down and not to be tried yet.
    pub(super) fn resting(&self, now: Timestamp) -> Option<&Arc<str>> {
        match &self.health {
            Health::Down { until, why, .. } if *until > now => Some(why),
            _ => None,
        }
    }

    /// Where mail goes while it is not to be tried.
    pub(super) fn detour(&self, now: Timestamp) -> Option<&DestinationKey> {
        self.detour.as_ref().filter(|_| self.resting(now).is_some())
    }

    /// Time of the next attempt, if it is down.
    pub(crate) fn probe_at(&self) -> Option<Timestamp> {
        match self.health {
            Health::Down { until, .. } => Some(until),
            Health::Fresh | Health::Up => None,
        }
    }

    /// An administrator requested an attempt now.
    pub(crate) fn probe_now(&mut self, now: Timestamp) {
        if let Health::Down { until, planned, .. } = &mut self.health {
            planned.get_or_insert(*until);
            *until = now;
        }
    }

    /// A connection is open: mail may be sent.
    pub(crate) fn opened(&mut self) {
        self.connecting = self.connecting.saturating_sub(1);
        self.detour = None;
        if matches!(self.health, Health::Down { .. }) {
            (self.window, self.successes) = (1, 0);
        }
        self.health = Health::Up;
    }

    /// A connection could not be opened. True: the destination is down now.
    pub(crate) fn open_failed(&mut self, why: &str, schedule: &RetrySchedule, now: Timestamp, chance: f64) -> bool {
        self.connecting = self.connecting.saturating_sub(1);
        self.successes = 0;
        let others = self.connections.saturating_sub(self.connecting + 1);
        if others > 0 && matches!(self.health, Health::Up) {
            // It has as many of our connections as it takes.
            self.window = others;
            return false;
        }
        self.fall(why, schedule, now, chance);
        true
    }

    /// A connection broke while mail was sent. True: the destination is down now.
    pub(crate) fn broke(&mut self, why: &str, schedule: &RetrySchedule, now: Timestamp, chance: f64) -> bool {
        (self.window, self.successes) = (1, 0);
        self.strikes += 1;
        let dead = self.strikes >= STRIKES_MAX;
        if dead {
            self.fall(why, schedule, now, chance);
        }
        dead
    }

    /// While it is down, its mail goes to these servers.
    pub(super) fn set_detour(&mut self, rest: Option<&DestinationKey>) {
        self.detour = rest.cloned();
    }

    /// The server took a message. True: the window has grown.
    pub(crate) fn succeeded(&mut self, connections_max: usize) -> bool {
        self.health = Health::Up;
        self.strikes = 0;
        self.successes += 1;
        if self.successes < SUCCESSES_TO_DOUBLE || self.window >= connections_max {
            return false;
        }
        self.successes = 0;
        self.window = (self.window * 2).min(connections_max);
        true
    }

    /// A connection is gone.
    pub(super) fn closed(&mut self, connection: ConnectionId) {
        self.connections = self.connections.saturating_sub(1);
        self.idle.retain(|other| *other != connection);
        self.stalled.retain(|other| *other != connection);
    }

    /// Whether it can be forgotten.
    pub(crate) fn is_unused(&self) -> bool {
        self.messages == 0 && self.connections == 0 && self.ready.is_empty() && self.skipped.is_empty()
    }

    /// A failed attempt that an administrator asked for does not put off the planned one.
    fn fall(&mut self, why: &str, schedule: &RetrySchedule, now: Timestamp, chance: f64) {
        let failures = match self.health {
            Health::Down { failures, planned: Some(planned), .. } if planned > now => {
                (self.window, self.strikes, self.detour) = (1, 0, None);
                self.health = Health::Down { failures, until: planned, why: why.into(), planned: None };
                return;
            }
            Health::Down { failures, .. } => failures.saturating_add(1),
            Health::Fresh | Health::Up => 1,
        };
        // The lifetime is that of messages; a destination is tried as long as one waits for it.
        let until = match schedule.next(now, failures, now, chance) {
            NextAttempt::At(at) => at,
            NextAttempt::GiveUp => now + schedule.longest,
        };
        (self.window, self.strikes, self.detour) = (1, 0, None);
        self.health = Health::Down { failures, until, why: why.into(), planned: None };
    }
}
