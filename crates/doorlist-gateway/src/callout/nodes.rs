//! This node's part of the limits of probes, of all nodes that share the store, and its connections to servers.

use super::Callout;
use crate::clock;
use crate::relay::NoRoute;
use doorlist_core::verification::{CONNECTIONS_PER_SERVER, ConnectionTurn, HEARTBEAT_EVERY, ProbeShare};
use doorlist_store::StoreError;
use doorlist_store::verification::RouteServer;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, timeout};

/// The connections of each server, as permits: a node that may have one takes both of them for it.
#[derive(Default)]
pub(super) struct Gates(Mutex<HashMap<RouteServer, Arc<Semaphore>>>);

impl Gates {
    fn of(&self, server: &RouteServer) -> Arc<Semaphore> {
        let places = || Arc::new(Semaphore::new(CONNECTIONS_PER_SERVER as usize));
        Arc::clone(self.lock().entry(server.clone()).or_insert_with(places))
    }

    /// Waits for one of this node's places at a server.
    pub(super) async fn place(&self, server: &RouteServer, mut share: watch::Receiver<Option<ProbeShare>>) -> Place {
        let gate = self.of(server);
        loop {
            let connections = known(*share.borrow_and_update()).connections();
            // Never closed, so that an error is none.
            let permits = CONNECTIONS_PER_SERVER / connections;
            let permit = Arc::clone(&gate).acquire_many_owned(permits).await.ok();
            let now = known(*share.borrow_and_update());
            match now.turn(clock::now()) {
                // Nodes came or went while it waited.
                _ if now.connections() != connections => {}
                ConnectionTurn::Now(left) => return Place { _permit: permit, left },
                // Whoever else waits here waits for the same turn.
                ConnectionTurn::Later(wait) => drop(timeout(wait, share.changed()).await),
            }
        }
    }

    /// Forgets those of servers that nobody asks.
    pub(super) fn sweep(&self) {
        self.lock().retain(|_, gate| Arc::strong_count(gate) > 1);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RouteServer, Arc<Semaphore>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place for one connection to a server.
pub(super) struct Place {
    _permit: Option<OwnedSemaphorePermit>,
    /// It must be free again then: another node is on turn.
    left: Option<Duration>,
}

impl Place {
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

    /// Whether there is a place now.
    async fn try_place(gates: &Gates, shares: &watch::Sender<Option<ProbeShare>>) -> Option<Place> {
        let server = ("mail.example.test".into(), 25);
        timeout(Duration::from_millis(1), gates.place(&server, shares.subscribe())).await.ok()
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_alone_has_two_connections_and_each_of_two_has_one() {
        let (gates, shares) = (Gates::default(), watch::Sender::new(None));
        assert!(try_place(&gates, &shares).await.is_none(), "nobody knows yet who else is there");
        shares.send_replace(one_of(1));
        let (first, second) = (try_place(&gates, &shares).await, try_place(&gates, &shares).await);
        assert!(first.is_some() && second.is_some() && try_place(&gates, &shares).await.is_none());
        shares.send_replace(one_of(2));
        drop(first);
        assert!(try_place(&gates, &shares).await.is_none(), "the other one still has its connection");
        drop(second);
        let only = try_place(&gates, &shares).await;
        assert!(only.is_some() && try_place(&gates, &shares).await.is_none());
        drop(only);
        gates.sweep();
        assert!(gates.lock().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_ends_with_its_turn() {
        let place = Place { _permit: None, left: Some(Duration::from_secs(20)) };
        let why = place.hold(std::future::pending::<Result<(), NoRoute>>()).await.unwrap_err().why;
        assert_eq!(why, "no answers within 20 s, after which another node asks");
        let place = Place { _permit: None, left: None };
        assert!(place.hold(async { Ok(()) }).await.is_ok());
    }
}
