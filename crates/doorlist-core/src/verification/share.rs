//! The part of the limits of probes that one node has, of all that share a store: however many there are, a server meets no
//! more than one would send.
//!
//! Nodes leave a sign of life in the store, by its clock. Each takes its part of every rate and of each queue. The two
//! connections to a server are one for each of two nodes; among more they go round.

#[cfg(test)]
mod tests;

use super::limits::{CONNECTIONS_PER_SERVER, WINDOW};
use crate::time::Timestamp;
use std::time::Duration;

/// How often a node leaves a sign of life.
pub const HEARTBEAT_EVERY: Duration = Duration::from_secs(3);
/// A node that was not heard of for so long is gone, and the others have its part: what it asked for last is then out of
/// every minute that they count.
pub const UNHEARD_MAX: Duration = Duration::from_secs(90);
/// A node that was away for no longer is still counted by all others: it goes on with its part.
pub const AWAY_MAX: Duration = Duration::from_secs(60);
/// A node that comes to others asks for nothing for so long: until they know of it, and what they asked for before is out of
/// every minute.
pub const JOINING: Duration = WINDOW.saturating_add(Duration::from_secs(10));
/// How long a node that is on turn has a connection to each server, half of which is another node's turn, too.
const TURN: Duration = Duration::from_mins(1);
/// A turn ends before the next one begins: what the clocks of the nodes may be apart after they were compared.
const TURN_GAP: Duration = Duration::from_secs(3);
/// No session begins in the rest of a turn that is shorter.
const SESSION_MIN: Duration = Duration::from_secs(10);
/// Nodes that are on turn at a time: each has one connection.
const ON_TURN: i64 = CONNECTIONS_PER_SERVER as i64;

/// What the store has of the nodes that share it, by its clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heartbeats {
    /// Of this node, from before: when it was heard of last, and since when it was never away for long.
    pub own: Option<(Timestamp, Timestamp)>,
    /// When each other node was heard of last.
    pub others: Vec<(u16, Timestamp)>,
    /// The time of the store.
    pub now: Timestamp,
}

impl Heartbeats {
    /// Since when this node has been among the others without being away for long.
    pub fn joined(&self) -> Timestamp {
        match self.own {
            Some((heard, joined)) if self.now.since(heard) <= AWAY_MAX => joined,
            _ => self.now,
        }
    }
}

/// The part of one node. Another one is made with each look at the nodes; while the store is away, the last one holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProbeShare {
    nodes: u32,
    /// How many of the others have a lower number.
    rank: u32,
    /// Nothing is asked for before.
    from: Timestamp,
    /// Milliseconds by which the clock of the store is ahead of ours.
    store_ahead: i64,
}

/// A connection to a server that a node may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionTurn {
    /// Now. `Some`: for so long, and then it must be closed.
    Now(Option<Duration>),
    /// Not for so long.
    Later(Duration),
}

impl ProbeShare {
    /// Of a node that has its store alone.
    pub const ALONE: Self = Self { nodes: 1, rank: 0, from: Timestamp::from_millis(0), store_ahead: 0 };
    /// Of a node that does not know yet who else is there.
    pub const NOTHING: Self = Self { from: Timestamp::from_millis(i64::MAX), ..Self::ALONE };

    /// After a look at the nodes; `last` is the one before, if this node had one since its start.
    pub fn next(last: Option<Self>, own: u16, beats: &Heartbeats, now: Timestamp) -> Self {
        let away = beats.own.map_or(Duration::ZERO, |(heard, _)| beats.now.since(heard));
        // Who was away with its store does not count others as gone because they were away, too.
        let gap = if last.is_some() && away > AWAY_MAX { away } else { Duration::ZERO };
        let live = beats.others.iter().filter(|(_, heard)| beats.now.since(*heard) < UNHEARD_MAX + gap);
        let (mut nodes, mut rank) = (1, 0);
        for (node, _) in live {
            nodes += 1;
            rank += u32::from(*node < own);
        }
        let from = match last {
            Some(last) if away <= AWAY_MAX => last.from,
            _ if nodes == 1 => Self::ALONE.from,
            _ => now + JOINING.saturating_sub(beats.now.since(beats.joined())),
        };
        Self { nodes, rank, from, store_ahead: beats.now.as_millis().saturating_sub(now.as_millis()) }
    }

    /// How many nodes there are.
    pub fn nodes(&self) -> u32 {
        self.nodes
    }

    /// Its part of a limit. With more nodes than the limit has places, the last ones have none.
    pub fn of(&self, limit: u32, now: Timestamp) -> u32 {
        match limit.checked_div(self.nodes) {
            _ if now < self.from => 0,
            Some(0) | None => u32::from(self.rank < limit),
            Some(part) => part,
        }
    }

    /// Connections that it may have to one server address at a time.
    pub fn connections(&self) -> u32 {
        (CONNECTIONS_PER_SERVER / self.nodes).max(1)
    }

    /// Whether it may open one now.
    pub fn turn(&self, now: Timestamp) -> ConnectionTurn {
        if now < self.from {
            return ConnectionTurn::Later(self.from.since(now));
        }
        if self.nodes <= CONNECTIONS_PER_SERVER {
            return ConnectionTurn::Now(None);
        }
        // The nodes enter one after the other, in equal distances, and each stays until as many have come after it as
        // may be on turn.
        let millis = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        let turn = millis(TURN);
        let round = i64::from(self.nodes) * turn / ON_TURN;
        let entry = i64::from(self.rank) * turn / ON_TURN;
        let at = (now.as_millis() + self.store_ahead - entry).rem_euclid(round);
        let left = turn - millis(TURN_GAP) - at;
        let duration = |millis: i64| Duration::from_millis(u64::try_from(millis).unwrap_or_default());
        match left >= millis(SESSION_MIN) {
            true => ConnectionTurn::Now(Some(duration(left))),
            false => ConnectionTurn::Later(duration(round - at)),
        }
    }
}
