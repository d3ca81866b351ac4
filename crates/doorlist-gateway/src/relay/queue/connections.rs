//! Connections of destinations: which are opened, what they send next, and what their ends mean.

use super::pool::{ConnectionId, ConnectionOwner};
use super::{DestinationId, Job, Moment, Part, Queue};
use crate::relay::route::DestinationKey;

/// What a connection does next.
#[derive(Debug)]
pub(crate) enum ConnectionTask {
    Carry(Job),
    /// Waits until it is signalled.
    Wait,
    /// Closes at once: others need its slot.
    Leave,
}

impl Queue {
    pub(crate) fn work(&mut self, connection: ConnectionId, at: Moment) -> ConnectionTask {
        if let Some(job) = self.take(connection, at) {
            return ConnectionTask::Carry(job);
        }
        let destination = self.pool.destination(connection);
        let Some(line) = destination.and_then(|id| self.destinations.get_mut(&id)) else {
            return ConnectionTask::Leave;
        };
        if self.pool.is_leaving(connection) {
            return ConnectionTask::Leave;
        }
        if !line.ready.is_empty() {
            self.pool.leave(connection);
            self.serve(at);
            return ConnectionTask::Leave;
        }
        line.idle.push(connection);
        self.pool.rest(connection);
        self.serve(at);
        ConnectionTask::Wait
    }

    /// The next message, without waiting. `None` if there is none, or if others need the slot.
    pub(crate) fn take(&mut self, connection: ConnectionId, at: Moment) -> Option<Job> {
        let destination = self.pool.destination(connection)?;
        let siblings = self.destinations.get(&destination)?.connections;
        if self.pool.is_leaving(connection) || self.pool.owes_its_place(connection, siblings, at.now) {
            // What it would have dropped on the way must not keep it from being idle.
            self.drop_void(destination);
            return None;
        }
        let job = self.next_part(destination);
        self.check_claim(destination, at);
        job
    }

    /// The next valid part of a destination.
    pub(super) fn next_part(&mut self, destination: DestinationId) -> Option<Job> {
        self.drop_void(destination);
        let part = self.destinations.get_mut(&destination)?.ready.pop_front()?;
        let entry = self.messages.get_mut(&part.id)?;
        entry.waiting = entry.waiting.saturating_sub(1);
        entry.out += 1;
        Some(Job { body: entry.body.clone(), part })
    }

    fn drop_void(&mut self, destination: DestinationId) {
        let Some(line) = self.destinations.get_mut(&destination) else { return };
        let is_current = |part: &Part| self.messages.get(&part.id).is_some_and(|entry| entry.life == part.life);
        while line.ready.front().is_some_and(|part| !is_current(part)) {
            line.ready.pop_front();
        }
    }

    /// Ends the wait of an idle connection. False if it was just signalled.
    pub(crate) fn stop_waiting(&mut self, connection: ConnectionId) -> bool {
        let destination = self.pool.destination(connection);
        let Some(line) = destination.and_then(|id| self.destinations.get_mut(&id)) else { return true };
        let before = line.idle.len();
        line.idle.retain(|other| *other != connection);
        line.idle.len() < before
    }

    /// A connection closes by itself; it is signalled if others cannot wait for that.
    pub(crate) fn retire(&mut self, connection: ConnectionId, at: Moment) {
        self.stop_waiting(connection);
        self.pool.rest(connection);
        self.serve(at);
    }

    /// A connection makes no progress. `may_give_way`: it is closed if others need its slot.
    pub(crate) fn stalled(&mut self, connection: ConnectionId, may_give_way: bool, at: Moment) {
        let Some(destination) = self.pool.destination(connection) else { return };
        if let Some(line) = self.destinations.get_mut(&destination) {
            line.stalled.push(connection);
        }
        self.check_claim(destination, at);
        if may_give_way {
            self.pool.stall(connection);
            self.serve(at);
        }
    }

    /// A stalled connection makes progress again.
    pub(crate) fn progressed(&mut self, connection: ConnectionId, at: Moment) {
        let Some(destination) = self.pool.destination(connection) else { return };
        self.pool.progress(connection);
        if let Some(line) = self.destinations.get_mut(&destination) {
            line.stalled.retain(|other| *other != connection);
        }
        self.press_all(destination, at);
    }

    /// Whether a connection was told to end.
    pub(crate) fn must_leave(&self, connection: ConnectionId) -> bool {
        self.pool.is_leaving(connection)
    }

    /// The destination to connect to; `None` if the connection is no longer needed.
    pub(crate) fn key(&self, destination: DestinationId) -> Option<&DestinationKey> {
        self.destinations.get(&destination).map(|destination| &destination.key)
    }

    /// A connection is open.
    pub(crate) fn opened(&mut self, destination: DestinationId, at: Moment) {
        if let Some(line) = self.destinations.get_mut(&destination) {
            line.opened();
            // One of what waits is for this connection itself.
            let others = line.ready.len().saturating_sub(1);
            self.press(destination, others, at);
        }
    }

    /// A connection could not be opened; [`Queue::closed`] follows.
    pub(crate) fn open_failed(&mut self, destination: DestinationId, why: &str, at: Moment) {
        let schedule = self.settings.inbound;
        if let Some(line) = self.destinations.get_mut(&destination)
            && line.open_failed(why, &schedule, at.now, at.chance)
        {
            self.sink(destination, at);
        }
        self.check_claim(destination, at);
    }

    /// The destination is permanently unreachable: all its messages fail.
    pub(crate) fn refuse(&mut self, destination: DestinationId, why: &str, at: Moment) {
        let Some(line) = self.destinations.get_mut(&destination) else { return };
        line.connecting = line.connecting.saturating_sub(1);
        for part in std::mem::take(&mut line.ready) {
            self.fail_waiting(&part, why, at);
        }
        self.check_claim(destination, at);
    }

    /// A connection is replaced by a fresh one: [`Queue::opened`] or [`Queue::open_failed`] follows.
    pub(crate) fn reopening(&mut self, destination: DestinationId) {
        if let Some(line) = self.destinations.get_mut(&destination) {
            line.connecting += 1;
        }
    }

    /// A connection broke in the middle of mail; [`Queue::closed`] follows. `rest`: the servers after the one that broke.
    pub(crate) fn broke(&mut self, destination: DestinationId, why: &str, rest: Option<&DestinationKey>, at: Moment) {
        let schedule = self.settings.inbound;
        if let Some(line) = self.destinations.get_mut(&destination)
            && line.broke(why, &schedule, at.now, at.chance)
        {
            line.set_detour(rest);
            self.sink(destination, at);
        }
        self.check_claim(destination, at);
    }

    /// A connection is closed; another destination may use its slot.
    pub(crate) fn closed(&mut self, connection: ConnectionId, at: Moment) {
        let Some(destination) = self.pool.close(connection) else { return };
        if let Some(line) = self.destinations.get_mut(&destination) {
            line.closed(connection);
            if line.connections == 0 {
                line.claim = line.claim.map(|claim| self.pool.now_first(destination, claim));
            }
        }
        self.press_all(destination, at);
        self.serve(at);
    }

    /// Signals or opens connections for all waiting parts, within the limits.
    pub(super) fn press_all(&mut self, destination: DestinationId, at: Moment) {
        let waiting = self.destinations.get(&destination).map_or(0, |line| line.ready.len());
        self.press(destination, waiting, at);
    }

    /// Signals or opens this many connections, within the limits.
    fn press(&mut self, destination: DestinationId, wanted: usize, at: Moment) {
        for _ in 0..wanted {
            if !self.press_once(destination, at) {
                return;
            }
        }
    }

    /// Signals one idle connection, or opens another one. False if neither is possible now.
    pub(super) fn press_once(&mut self, destination: DestinationId, at: Moment) -> bool {
        let Some(line) = self.destinations.get_mut(&destination) else { return false };
        while let Some(idle) = line.idle.pop() {
            if self.pool.ring(idle) {
                return true;
            }
        }
        let wants = line.wants_connection(at.now, self.settings.per_destination_max);
        if self.stopped || !wants || line.claim.is_some() {
            return false;
        }
        let customer = line.ready.front().and_then(|part| part.customer);
        line.claim = Some(self.pool.claim(destination, customer, line.connections == 0));
        self.serve(at);
        self.destinations.get(&destination).is_some_and(|line| line.claim.is_none())
    }

    /// Opens connections for waiting destinations while there are slots.
    pub(super) fn serve(&mut self, at: Moment) {
        while !self.stopped
            && let Some((destination, customer)) = self.pool.grant()
        {
            self.open(destination, customer, at);
        }
    }

    fn open(&mut self, destination: DestinationId, customer: ConnectionOwner, at: Moment) {
        let Some(line) = self.destinations.get_mut(&destination) else { return };
        line.claim = None;
        if line.wants_connection(at.now, self.settings.per_destination_max) {
            line.connections += 1;
            line.connecting += 1;
            self.effects.open.push(self.pool.open(destination, customer, at.now));
        }
    }

    /// Withdraws a claim that is no longer needed, so that no other connection closes for it.
    pub(super) fn check_claim(&mut self, destination: DestinationId, at: Moment) {
        let Some(line) = self.destinations.get_mut(&destination) else { return };
        if let Some(claim) = line.claim
            && !line.wants_connection(at.now, self.settings.per_destination_max)
        {
            line.claim = None;
            self.pool.withdraw(destination, claim);
        }
    }
}
