//! This node's part of the limits of probes, of all nodes that share the store, and its connections to servers.

use super::Callout;
use crate::clock;
use crate::relay::NoRoute;
use doorlist_core::time::Timestamp;
use doorlist_core::verification::limits::NAMES_PER_SERVER;
use doorlist_core::verification::{CONNECTIONS_PER_SERVER, ConnectionTurn, HEARTBEAT_EVERY, ProbeShare, RateWindow};
use doorlist_store::StoreError;
use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, timeout};

/// The connections and the rate of each server address, over all names that lead there.
#[derive(Default)]
pub(super) struct Gates(Mutex<HashMap<SocketAddr, Gate>>);

struct Gate {
    /// As permits: a node that may have one connection takes both of them for it.
    connections: Arc<Semaphore>,
    names: RateWindow,
}

impl Gates {
    /// Waits for one of this node's places at a server, which has these addresses, and counts the names that are asked
    /// for there.
    pub(super) async fn place(
        &self,
        addresses: &[SocketAddr],
        names: u32,
        mut share: watch::Receiver<Option<ProbeShare>>,
    ) -> Result<ConnectionPlace, NoRoute> {
        // All in one order, so that no two wait for each other.
        let addresses: BTreeSet<SocketAddr> = addresses.iter().copied().collect();
        loop {
            let connections = known(*share.borrow_and_update()).connections();
            let mut permits = Vec::with_capacity(addresses.len());
            for address in &addresses {
                let gate = self.connections(*address);
                // Never closed, so that an error is none.
                permits.extend(gate.acquire_many_owned(CONNECTIONS_PER_SERVER / connections).await.ok());
            }
            let now = known(*share.borrow_and_update());
            match now.turn(clock::now()) {
                // Nodes came or went while it waited.
                _ if now.connections() != connections => {}
                ConnectionTurn::Now(left) => {
                    self.count(&addresses, names, now)?;
                    return Ok(ConnectionPlace { _permits: permits, left });
                }
                // Whoever else waits here waits for the same turn.
                ConnectionTurn::Later(wait) => drop(timeout(wait, share.changed()).await),
            }
        }
    }

    fn connections(&self, address: SocketAddr) -> Arc<Semaphore> {
        Arc::clone(&self.lock().entry(address).or_default().connections)
    }

    /// Counts names that are asked for, if this node's part of the rate of each address allows them.
    fn count(&self, addresses: &BTreeSet<SocketAddr>, names: u32, share: ProbeShare) -> Result<(), NoRoute> {
        let (now, mut gates) = (clock::now(), self.lock());
        let max = share.of(NAMES_PER_SERVER, now);
        let before_these = max.saturating_sub(names.saturating_sub(1));
        let is_full = |address: &&SocketAddr| {
            let rate = gates.get(*address).map_or(RateWindow::default(), |gate| gate.names);
            !rate.allows(before_these, now)
        };
        if let Some(address) = addresses.iter().find(is_full) {
            let why = format!("{address} is asked for {max} names a minute already, by all domains that it has");
            return Err(NoRoute::new(4, 4, 5, why));
        }
        for address in addresses {
            let gate = gates.entry(*address).or_default();
            (0..names).for_each(|_| gate.names.count(now));
        }
        Ok(())
    }

    /// Forgets those of servers that nobody asks.
    pub(super) fn sweep(&self, now: Timestamp) {
        self.lock().retain(|_, gate| Arc::strong_count(&gate.connections) > 1 || !gate.names.is_over(now));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SocketAddr, Gate>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Gate {
    fn default() -> Self {
        let connections = Arc::new(Semaphore::new(CONNECTIONS_PER_SERVER as usize));
        Self { connections, names: RateWindow::default() }
    }
}

/// A place for one connection to a server.
pub(super) struct ConnectionPlace {
    _permits: Vec<OwnedSemaphorePermit>,
    /// It must be free again then: another node is on turn.
    left: Option<Duration>,
}

impl ConnectionPlace {
    /// Holds the place for a session, which ends with it at the latest.
    pub(super) async fn hold<T>(self, session: impl Future<Output = Result<T, NoRoute>>) -> Result<T, NoRoute> {
        let Some(left) = self.left else { return session.await };
        timeout(left, session).await.unwrap_or_else(|_| {
            let why = format!("no answers within {} s, after which another node asks", left.as_secs());
            Err(NoRoute::new(4, 4, 1, why))
        })
    }
}

/// Nothing is asked for until it is known who else is there.
fn known(share: Option<ProbeShare>) -> ProbeShare {
    share.unwrap_or(ProbeShare::NOTHING)
}

/// The first look at the nodes; the next ones follow behind it. A store of this node alone has none.
pub(super) async fn start(callout: &Arc<Callout>) {
    if callout.look().await.unwrap_or(true) {
        tokio::spawn(keep_looking(Arc::downgrade(callout)));
    }
}

/// While the store is away, the last part holds; that it is away is said when what servers said cannot be written.
async fn keep_looking(callout: Weak<Callout>) {
    loop {
        sleep(HEARTBEAT_EVERY).await;
        let Some(callout) = callout.upgrade() else { return };
        let _ = callout.look().await;
    }
}

impl Callout {
    /// This node's part of all limits now.
    pub(super) fn share(&self) -> ProbeShare {
        known(*self.share.borrow())
    }

    /// Leaves a sign of life and looks at those of others. False: there can be no others.
    async fn look(&self) -> Result<bool, StoreError> {
        let beats = self.store.heartbeat(self.node).await?;
        let last = *self.share.borrow();
        let share = match &beats {
            Some(beats) => ProbeShare::next(last, self.node, beats, clock::now()),
            None => ProbeShare::ALONE,
        };
        self.metrics.nodes(share.nodes());
        self.share.send_replace(Some(share));
        Ok(beats.is_some())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use doorlist_core::verification::Heartbeats;

    /// The part of node 1 of so many, which have known each other for long.
    fn one_of(nodes: u16) -> Option<ProbeShare> {
        let now = clock::now();
        let others = (2..=nodes).map(|node| (node, now)).collect();
        let beats = Heartbeats { own: Some((now, now - Duration::from_hours(1))), others, now };
        Some(ProbeShare::next(None, 1, &beats, now))
    }

    fn addresses(last: &[u8]) -> Vec<SocketAddr> {
        last.iter().map(|last| SocketAddr::from(([192, 0, 2, *last], 25))).collect()
    }

    /// Whether there is a place for a name now.
    async fn try_place(
        gates: &Gates,
        shares: &watch::Sender<Option<ProbeShare>>,
        at: &[u8],
    ) -> Option<ConnectionPlace> {
        let place = timeout(Duration::from_millis(1), gates.place(&addresses(at), 1, shares.subscribe())).await;
        place.ok().and_then(Result::ok)
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_alone_has_two_connections_and_each_of_two_has_one() {
        let (gates, shares) = (Gates::default(), watch::Sender::new(None));
        assert!(try_place(&gates, &shares, &[1]).await.is_none(), "nobody knows yet who else is there");
        shares.send_replace(one_of(1));
        let (first, second) = (try_place(&gates, &shares, &[1]).await, try_place(&gates, &shares, &[1]).await);
        assert!(first.is_some() && second.is_some() && try_place(&gates, &shares, &[1]).await.is_none());
        shares.send_replace(one_of(2));
        drop(first);
        assert!(try_place(&gates, &shares, &[1]).await.is_none(), "the other one still has its connection");
        drop(second);
        let only = try_place(&gates, &shares, &[1]).await;
        assert!(only.is_some() && try_place(&gates, &shares, &[1]).await.is_none());
        drop(only);
        gates.sweep(clock::now());
        assert_eq!(gates.lock().len(), 1, "its rate counts for a minute");
        gates.sweep(clock::now() + Duration::from_mins(2));
        assert!(gates.lock().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn names_that_lead_to_one_address_share_its_connections_and_its_rate() {
        let (gates, shares) = (Gates::default(), watch::Sender::new(one_of(1)));
        let (first, second) = (try_place(&gates, &shares, &[1, 2]).await, try_place(&gates, &shares, &[2]).await);
        assert!(first.is_some() && second.is_some());
        assert!(try_place(&gates, &shares, &[3, 2]).await.is_none(), "192.0.2.2 has two connections");
        let other = try_place(&gates, &shares, &[3]).await;
        assert!(other.is_some(), "who waited in vain keeps nothing");
        drop((first, second, other));
        let full = gates.place(&addresses(&[1]), NAMES_PER_SERVER, shares.subscribe()).await.err();
        assert!(full.is_some_and(|no_route| no_route.why.contains("names a minute")), "one name was asked for before");
        assert!(gates.place(&addresses(&[1]), NAMES_PER_SERVER - 1, shares.subscribe()).await.is_ok());
        assert!(gates.place(&addresses(&[2, 1]), 1, shares.subscribe()).await.is_err());
        assert!(gates.place(&addresses(&[2]), 1, shares.subscribe()).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_ends_with_its_turn() {
        let place = ConnectionPlace { _permits: Vec::new(), left: Some(Duration::from_secs(20)) };
        let why = place.hold(std::future::pending::<Result<(), NoRoute>>()).await.unwrap_err().why;
        assert_eq!(why, "no answers within 20 s, after which another node asks");
        let place = ConnectionPlace { _permits: Vec::new(), left: None };
        assert!(place.hold(async { Ok(()) }).await.is_ok());
    }
}
