//! Accessors of the pool for tests.

use super::{ConnectionId, ConnectionOwner, ConnectionState, DestinationId, Pool};

impl Pool {
    /// All connections, those that leave among them.
    pub(in crate::relay::queue) fn all(&self) -> impl Iterator<Item = (ConnectionId, DestinationId, ConnectionOwner)> {
        self.connections.iter().map(|(id, entry)| (*id, entry.destination, entry.customer))
    }

    pub(in crate::relay::queue) fn is_idle(&self, connection: ConnectionId) -> bool {
        self.connections.get(&connection).is_some_and(|entry| matches!(entry.state, ConnectionState::Idle(_)))
    }

    /// Connections that a customer holds, as they were counted.
    pub(in crate::relay::queue) fn held(&self, customer: ConnectionOwner) -> usize {
        self.accounts.get(&customer).map_or(0, |account| account.held)
    }

    /// Claims that are neither granted nor withdrawn.
    pub(in crate::relay::queue) fn claims(&self) -> usize {
        self.claims + self.paid.len()
    }
}
