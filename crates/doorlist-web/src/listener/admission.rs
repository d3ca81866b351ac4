//! Admits connections: to a regular slot, or to one that is reserved for health checks.

use super::activity::Activity;
use super::slot_pool::SlotPool;
use doorlist_core::network::{Network, SourceKey};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Maximum number of connections at once.
pub const CONNECTIONS_MAX: usize = 256;
/// Maximum connections at once from one address (IPv6: /64), and requests at once of one client behind a listed proxy.
pub const CONNECTIONS_PER_ADDRESS_MAX: usize = 32;
/// Additional connections that are only answered for health checks.
pub const HEALTH_CONNECTIONS_MAX: usize = 32;
/// Of them, from one address.
const HEALTH_CONNECTIONS_PER_ADDRESS_MAX: usize = 8;
/// Maximum duration of such a connection.
pub const HEALTH_CONNECTION_MAX: Duration = Duration::from_secs(5);

/// The slots of a listener.
#[derive(Debug)]
pub(super) struct ListenerSlots {
    proxies: Arc<[Network]>,
    places: Mutex<SlotPool>,
    health: Mutex<SlotPool>,
    per_client_max: usize,
    /// Requests at once of clients behind proxies.
    requests: Mutex<HashMap<SourceKey, usize>>,
}

/// An admitted connection; its slot is released on drop.
#[derive(Debug)]
pub(super) struct Admitted {
    pub(super) admission: Arc<ListenerSlots>,
    number: u64,
    /// Only health checks are answered.
    pub(super) health_only: bool,
    pub(super) activity: Arc<Activity>,
}

/// A counted request of a client, until dropped.
#[derive(Debug)]
pub(super) struct CountedRequest {
    admission: Arc<ListenerSlots>,
    client: SourceKey,
}

/// The client has reached its limit of running requests.
#[derive(Debug)]
pub(super) struct TooMany;

impl ListenerSlots {
    pub(super) fn new(proxies: Arc<[Network]>, per_address_max: usize) -> Arc<Self> {
        Arc::new(Self {
            proxies,
            places: Mutex::new(SlotPool::new(CONNECTIONS_MAX, per_address_max)),
            health: Mutex::new(SlotPool::new(HEALTH_CONNECTIONS_MAX, HEALTH_CONNECTIONS_PER_ADDRESS_MAX)),
            per_client_max: per_address_max,
            requests: Mutex::default(),
        })
    }

    /// Takes a slot for a connection of this peer. `None`: even the reserved slots are in use.
    pub(super) fn let_in(self: &Arc<Self>, peer: IpAddr, now: Instant) -> Option<Admitted> {
        let activity = Arc::new(Activity::new(now));
        let source = (!self.is_proxy(peer)).then(|| SourceKey::from(peer));
        let place = lock(&self.places).take(source, &activity);
        let health_only = place.is_none();
        let number = place.or_else(|| lock(&self.health).take(Some(peer.into()), &activity))?;
        Some(Admitted { admission: Arc::clone(self), number, health_only, activity })
    }

    /// Counts a request that a proxy forwards for this client. Others are limited by their connections.
    pub(super) fn request(self: &Arc<Self>, peer: IpAddr, client: IpAddr) -> Result<Option<CountedRequest>, TooMany> {
        if !self.is_proxy(peer) || self.is_proxy(client) {
            return Ok(None);
        }
        let client = SourceKey::from(client);
        let mut requests = lock(&self.requests);
        let count = requests.get(&client).copied().unwrap_or(0);
        if count >= self.per_client_max {
            return Err(TooMany);
        }
        requests.insert(client, count + 1);
        Ok(Some(CountedRequest { admission: Arc::clone(self), client }))
    }

    fn is_proxy(&self, address: IpAddr) -> bool {
        self.proxies.iter().any(|network| network.contains_peer(address))
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let places = if self.health_only { &self.admission.health } else { &self.admission.places };
        lock(places).leave(self.number);
    }
}

impl Drop for CountedRequest {
    fn drop(&mut self) {
        let mut requests = lock(&self.admission.requests);
        if let Some(count) = requests.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                requests.remove(&self.client);
            }
        }
    }
}

/// A poisoned lock is consistent: no method panics between two writes.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_has_its_share_in_all_its_forms_and_proxies_have_more() {
        let admission = ListenerSlots::new(["10.0.0.0/8".parse().unwrap()].into(), CONNECTIONS_PER_ADDRESS_MAX);
        let now = Instant::now();
        let enter = |peer: String| {
            let admitted = admission.let_in(peer.parse().unwrap(), now).unwrap();
            // It is at work, so that it does not give way.
            assert!(admitted.activity.asked(now));
            admitted
        };
        for name in ["192.0.2.1", "::ffff:192.0.2.2", "2001:db8::"] {
            let held: Vec<_> = (0..=CONNECTIONS_PER_ADDRESS_MAX)
                .map(|number| enter(if name.ends_with("::") { format!("{name}{number:x}") } else { name.to_owned() }))
                .collect();
            let health: Vec<_> = held.iter().map(|admitted| admitted.health_only).collect();
            assert_eq!(health.iter().position(|&health| health), Some(CONNECTIONS_PER_ADDRESS_MAX), "{name}");
        }
        let held: Vec<_> = (0..CONNECTIONS_MAX).map(|_| enter("10.0.0.1".to_owned())).collect();
        assert!(held.iter().all(|admitted| !admitted.health_only));
        assert!(enter("192.0.2.9".to_owned()).health_only, "all are at work");
        drop(held);
        assert!(!enter("192.0.2.9".to_owned()).health_only);
    }

    #[test]
    fn behind_a_proxy_requests_count_by_the_client() {
        let admission = ListenerSlots::new(["10.0.0.0/8".parse().unwrap()].into(), 2);
        let (proxy, client) = (address("10.0.0.1"), address("2001:db8::1"));
        let first = admission.request(proxy, client).unwrap();
        let _second = admission.request(proxy, address("2001:db8::2")).unwrap().unwrap();
        assert!(admission.request(proxy, client).is_err());
        assert!(admission.request(proxy, address("2001:db8:0:1::1")).unwrap().is_some(), "another client");
        for _ in 0..9 {
            assert!(admission.request(proxy, address("10.0.0.2")).unwrap().is_none(), "the proxy itself");
            assert!(admission.request(client, client).unwrap().is_none(), "its connections count");
        }
        drop(first);
        assert!(admission.request(proxy, client).unwrap().is_some());
    }
}
