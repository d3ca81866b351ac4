//! The connection pool of all destinations: which waiting destination gets the next connection, and whose connection
//! is closed for it.
//!
//! Customers have equal shares: the customer with the fewest connections is served first, and of its destinations one
//! without a connection. The last tenth is a reserve for destinations without a connection. In its second half a
//! customer leaves as many free as it holds, so that a customer without a connection always finds one. Idle
//! connections close as soon as another destination waits, those without progress after a while, and busy ones of a
//! customer above its share after their message. While nobody waits, no connection has to close. Each step costs O(log
//! n). Time is a parameter.

mod account;

use super::DestinationId;
use account::{CustomerConnections, Rank};
use doorlist_core::access::CustomerId;
use doorlist_core::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// Percentage of connections in the reserve.
const RESERVE_PERCENT: usize = 10;
/// Time after which a busy connection closes after its message, while a destination without a connection waits.
const TURN: Duration = Duration::from_secs(1);

/// The customer that a connection counts for; `None` for the operator (bounces and notices).
pub(crate) type ConnectionOwner = Option<CustomerId>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ConnectionId(u64);

/// A connection to open.
#[derive(Debug)]
pub(crate) struct SlotGrant {
    pub(crate) connection: ConnectionId,
    pub(crate) destination: DestinationId,
    /// Signalled when an idle connection has work or must close.
    pub(crate) bell: Arc<Notify>,
}

/// A destination's request for one more connection, until it is granted or withdrawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SlotClaim {
    customer: ConnectionOwner,
    ticket: u64,
    /// Whether the destination has none.
    first: bool,
}

#[derive(Debug)]
struct PooledConnection {
    destination: DestinationId,
    customer: ConnectionOwner,
    since: Timestamp,
    bell: Arc<Notify>,
    state: ConnectionState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ConnectionState {
    Working,
    /// Idle; the key in [`Pool::idle`].
    Idle(u64),
    /// Without progress, and may be closed for others; the key in [`CustomerConnections::stalled`].
    Stalled(u64),
    /// Told to close; counted only as a socket.
    Leaving,
}

#[derive(Debug, Default)]
pub(super) struct Pool {
    max: usize,
    connections: HashMap<ConnectionId, PooledConnection>,
    leaving: usize,
    /// Customers with connections or claims.
    accounts: HashMap<ConnectionOwner, CustomerConnections>,
    claims: usize,
    /// Customers with claims, those with the fewest connections first.
    waiting: BTreeSet<Rank>,
    /// The same for claims of destinations without a connection.
    waiting_first: BTreeSet<Rank>,
    /// The same for customers with stalled connections.
    stalled: BTreeSet<Rank>,
    /// Idle connections, the longest first.
    idle: BTreeMap<u64, ConnectionId>,
    /// Claims that are granted as soon as an idle connection of the same customer is closed.
    paid: VecDeque<(DestinationId, ConnectionOwner)>,
    last_number: u64,
}

impl Pool {
    pub(super) fn new(max: usize) -> Self {
        Self { max, ..Self::default() }
    }

    pub(super) fn set_max(&mut self, max: usize) {
        self.max = max;
    }

    /// Number of connections, including those being opened or closed.
    pub(super) fn len(&self) -> usize {
        self.connections.len()
    }

    pub(super) fn destination(&self, connection: ConnectionId) -> Option<DestinationId> {
        self.connections.get(&connection).map(|connection| connection.destination)
    }

    /// Adds a destination's claim for another connection; `first`: it has none.
    pub(super) fn claim(&mut self, destination: DestinationId, customer: ConnectionOwner, first: bool) -> SlotClaim {
        let claim = SlotClaim { customer, ticket: self.next_number(), first };
        self.put(destination, claim);
        claim
    }

    pub(super) fn withdraw(&mut self, destination: DestinationId, claim: SlotClaim) {
        let waited = self.update(claim.customer, |account| {
            let claims = if claim.first { &mut account.first } else { &mut account.more };
            claims.remove(&(claim.ticket, destination))
        });
        self.claims -= usize::from(waited);
        if !waited {
            self.paid.retain(|(other, _)| *other != destination);
        }
    }

    /// Upgrades the claim of a destination that lost its last connection.
    pub(super) fn now_first(&mut self, destination: DestinationId, claim: SlotClaim) -> SlotClaim {
        self.withdraw(destination, claim);
        let claim = SlotClaim { first: true, ..claim };
        self.put(destination, claim);
        claim
    }

    /// Grants the next claim, if there is a slot or one can be freed; [`Pool::open`] follows if it is still valid.
    pub(super) fn grant(&mut self) -> Option<(DestinationId, ConnectionOwner)> {
        loop {
            if !self.paid.is_empty() {
                return if self.len() < self.max { self.paid.pop_front() } else { None };
            }
            let candidates = [self.poorest(), self.poorest_first()];
            let candidates = || candidates.into_iter().flatten();
            if let Some(candidate) = candidates().find(|candidate| self.used() < candidate.limit(self.max)) {
                // Else it is granted as soon as one that leaves is closed.
                return (self.len() < self.max).then(|| self.take_claim(candidate.customer)).flatten();
            }
            if !candidates().any(|candidate| self.make_room(candidate)) {
                return None;
            }
        }
    }

    /// Counts a connection that is about to be opened.
    pub(super) fn open(&mut self, destination: DestinationId, customer: ConnectionOwner, now: Timestamp) -> SlotGrant {
        let connection = ConnectionId(self.next_number());
        let bell = Arc::<Notify>::default();
        let state = ConnectionState::Working;
        let entry = PooledConnection { destination, customer, since: now, bell: Arc::clone(&bell), state };
        self.connections.insert(connection, entry);
        self.update(customer, |account| account.held += 1);
        SlotGrant { connection, destination, bell }
    }

    /// Removes a closed connection. Returns its customer.
    pub(super) fn close(&mut self, connection: ConnectionId) -> Option<DestinationId> {
        self.leave(connection);
        let closed = self.connections.remove(&connection)?;
        self.leaving -= 1;
        Some(closed.destination)
    }

    /// Marks a connection as idle.
    pub(super) fn rest(&mut self, connection: ConnectionId) {
        let number = self.next_number();
        if let Some(entry) = self.connections.get_mut(&connection)
            && entry.state == ConnectionState::Working
        {
            entry.state = ConnectionState::Idle(number);
            self.idle.insert(number, connection);
            if let Some(account) = self.accounts.get_mut(&entry.customer) {
                account.idle.insert(number, connection);
            }
        }
    }

    /// Signals an idle connection that has work. False if it is no longer idle.
    pub(super) fn ring(&mut self, connection: ConnectionId) -> bool {
        let Some(entry) = self.connections.get_mut(&connection) else { return false };
        let ConnectionState::Idle(number) = entry.state else { return false };
        entry.state = ConnectionState::Working;
        entry.bell.notify_one();
        self.idle.remove(&number);
        if let Some(account) = self.accounts.get_mut(&entry.customer) {
            account.idle.remove(&number);
        }
        true
    }

    /// Marks a connection as stalled; it is closed if others wait.
    pub(super) fn stall(&mut self, connection: ConnectionId) {
        let number = self.next_number();
        if let Some(entry) = self.connections.get_mut(&connection)
            && entry.state == ConnectionState::Working
        {
            entry.state = ConnectionState::Stalled(number);
            let customer = entry.customer;
            self.update(customer, |account| account.stalled.insert(number, connection));
        }
    }

    pub(super) fn progress(&mut self, connection: ConnectionId) {
        if let Some(entry) = self.connections.get_mut(&connection)
            && let ConnectionState::Stalled(number) = entry.state
        {
            entry.state = ConnectionState::Working;
            let customer = entry.customer;
            self.update(customer, |account| account.stalled.remove(&number));
        }
    }

    /// Tells a connection to end.
    pub(super) fn leave(&mut self, connection: ConnectionId) {
        let Some(entry) = self.connections.get_mut(&connection) else { return };
        let state = std::mem::replace(&mut entry.state, ConnectionState::Leaving);
        if state == ConnectionState::Leaving {
            return;
        }
        entry.bell.notify_one();
        let customer = entry.customer;
        if let ConnectionState::Idle(number) = state {
            self.idle.remove(&number);
        }
        self.leaving += 1;
        self.update(customer, |account| {
            account.held -= 1;
            match state {
                ConnectionState::Idle(number) => account.idle.remove(&number),
                ConnectionState::Stalled(number) => account.stalled.remove(&number),
                ConnectionState::Working | ConnectionState::Leaving => None,
            }
        });
    }

    pub(super) fn is_leaving(&self, connection: ConnectionId) -> bool {
        self.connections.get(&connection).is_none_or(|entry| entry.state == ConnectionState::Leaving)
    }

    /// Whether a connection must close after its message for others; its destination has `siblings` connections.
    pub(super) fn owes_its_place(&self, connection: ConnectionId, siblings: usize, now: Timestamp) -> bool {
        if self.claims <= self.leaving {
            return false;
        }
        let Some(entry) = self.connections.get(&connection) else { return false };
        let Some(account) = self.accounts.get(&entry.customer) else { return false };
        let poorest = |ranks: &BTreeSet<Rank>| {
            ranks.first().filter(|(_, _, customer)| *customer != entry.customer).map(|(held, _, _)| *held)
        };
        if poorest(&self.waiting).is_some_and(|held| held + 1 < account.held) {
            return true;
        }
        let others = poorest(&self.waiting_first);
        let ours = !account.first.is_empty();
        let for_a_second = ours || others.is_some_and(|held| held < account.held);
        let for_an_only = ours || others.is_some_and(|held| held <= account.held);
        (siblings > 1 && for_a_second) || (now.since(entry.since) >= TURN && for_an_only)
    }

    /// Number of connections that are not told to close.
    fn used(&self) -> usize {
        self.connections.len() - self.leaving
    }

    fn poorest(&self) -> Option<ConsideredClaim> {
        let &(held, _, customer) = self.waiting.first()?;
        let first = held == 0 || self.accounts.get(&customer).is_some_and(|account| !account.first.is_empty());
        Some(ConsideredClaim { customer, held, first })
    }

    /// The next claim: a destination without a connection may overtake, but not beyond the share of its customer.
    fn poorest_first(&self) -> Option<ConsideredClaim> {
        let &(held, _, customer) = self.waiting_first.first()?;
        let share = (self.max / self.accounts.len().max(1)).max(1);
        (held < share).then_some(ConsideredClaim { customer, held, first: true })
    }

    fn take_claim(&mut self, customer: ConnectionOwner) -> Option<(DestinationId, ConnectionOwner)> {
        let claim = self.update(customer, |account| account.first.pop_first().or_else(|| account.more.pop_first()));
        self.claims -= usize::from(claim.is_some());
        claim.map(|(_, destination)| (destination, customer))
    }

    /// Closes a connection for a claim. False if none may be closed.
    fn make_room(&mut self, claim: ConsideredClaim) -> bool {
        let idle = self.idle.values().next().copied();
        if let Some(connection) = idle.filter(|_| self.used() - self.idle.len() < claim.limit(self.max)) {
            self.leave(connection);
            return true;
        }
        // One of its own for another takes nothing from anybody, whatever the limit.
        let own = self.accounts.get(&claim.customer).and_then(|account| account.idle.values().next().copied());
        if let Some(connection) = own {
            self.leave(connection);
            let paid = self.take_claim(claim.customer);
            self.paid.extend(paid);
            return true;
        }
        let stalled = self.stalled_for(claim);
        if let Some(connection) = stalled {
            self.leave(connection);
        }
        stalled.is_some()
    }

    /// The stalled connection to close for a claim: one of the customer with the most connections, if it has more than
    /// the claimant, otherwise one of the claimant.
    fn stalled_for(&self, claim: ConsideredClaim) -> Option<ConnectionId> {
        let richest = self.stalled.last().filter(|(held, ..)| *held > claim.held).map(|(_, _, customer)| *customer);
        let account = self.accounts.get(&richest.unwrap_or(claim.customer))?;
        account.stalled.values().next().copied()
    }

    fn put(&mut self, destination: DestinationId, claim: SlotClaim) {
        self.claims += 1;
        self.update(claim.customer, |account| {
            let claims = if claim.first { &mut account.first } else { &mut account.more };
            claims.insert((claim.ticket, destination));
        });
    }

    /// Changes an account and updates the ordered sets.
    fn update<R>(&mut self, customer: ConnectionOwner, change: impl FnOnce(&mut CustomerConnections) -> R) -> R {
        let account = self.accounts.entry(customer).or_default();
        let before = account.ranks(customer);
        let result = change(account);
        let after = account.ranks(customer);
        if account.is_empty() {
            self.accounts.remove(&customer);
        }
        let orders = [&mut self.waiting, &mut self.waiting_first, &mut self.stalled];
        for (order, (before, after)) in orders.into_iter().zip(before.into_iter().zip(after)) {
            if before == after {
                continue;
            }
            if let Some(before) = before {
                order.remove(&before);
            }
            order.extend(after);
        }
        result
    }

    fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }
}

/// A claim under consideration.
#[derive(Clone, Copy, Debug)]
struct ConsideredClaim {
    customer: ConnectionOwner,
    /// Connections of the customer.
    held: usize,
    /// Whether the destination has none.
    first: bool,
}

impl ConsideredClaim {
    /// The claim is granted while fewer connections than this are used.
    fn limit(self, max: usize) -> usize {
        let reserve = (max * RESERVE_PERCENT).div_ceil(100).min(max.saturating_sub(1));
        if self.first { max - self.held.min(reserve.div_ceil(2)) } else { max - reserve }
    }
}

#[cfg(test)]
mod seen;
