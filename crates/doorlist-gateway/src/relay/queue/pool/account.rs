//! Connections that one customer holds and waits for.

use super::{ConnectionId, ConnectionOwner};
use crate::relay::queue::DestinationId;
use std::collections::{BTreeMap, BTreeSet};

/// Connections and claims of a customer.
#[derive(Debug, Default)]
pub(super) struct CustomerConnections {
    /// Number of connections that are not told to close.
    pub(super) held: usize,
    /// Claims of destinations without a connection, oldest first.
    pub(super) first: BTreeSet<(u64, DestinationId)>,
    /// All other claims, oldest first.
    pub(super) more: BTreeSet<(u64, DestinationId)>,
    /// Idle connections, the longest first.
    pub(super) idle: BTreeMap<u64, ConnectionId>,
    /// Connections without progress, the longest first.
    pub(super) stalled: BTreeMap<u64, ConnectionId>,
}

/// Sort key of a customer: number of connections, then the oldest claim or stalled connection.
pub(super) type Rank = (usize, u64, ConnectionOwner);

impl CustomerConnections {
    /// Its places in the three orders of the pool: by claims, by claims of destinations without a connection, and among
    /// those with stalled connections.
    pub(super) fn ranks(&self, customer: ConnectionOwner) -> [Option<Rank>; 3] {
        let rank = |ticket: Option<u64>| ticket.map(|ticket| (self.held, ticket, customer));
        let ticket = |claims: &BTreeSet<(u64, DestinationId)>| claims.first().map(|(ticket, _)| *ticket);
        let (first, more) = (ticket(&self.first), ticket(&self.more));
        let stalled = self.stalled.keys().next().copied();
        [rank(first.into_iter().chain(more).min()), rank(first), rank(stalled)]
    }

    pub(super) fn is_empty(&self) -> bool {
        self.held == 0 && self.first.is_empty() && self.more.is_empty() && self.stalled.is_empty()
    }
}
