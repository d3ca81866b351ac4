//! Authentication and rate limits of the API, and the state that the API needs of the server. Credentials come from
//! the `Authorization` header alone and are never printed.

use super::exchange::Fault;
use super::large::LargeBodySlots;
use super::to_its_end::WRITES_AT_ONCE_MAX;
use crate::{Client, ListenerAddress, Rate, RateKey, RateLimits, base_url};
use axum::http::header;
use axum::http::request::Parts;
use doorlist_actions::{ActionError, Actions, Credentials, Services};
use doorlist_core::access::Scope;
use doorlist_core::network::SourceKey;
use std::borrow::Cow;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Maximum number of keys and of addresses with a rate limit state.
const RATES_MAX: usize = 50_000;

/// Number of locks for objects. Objects that share a lock wait for each other; a fixed number bounds the memory.
const OBJECT_LOCKS: u64 = 1024;
/// Maximum wait for the lock of an object.
const OBJECT_LOCK_WAIT: Duration = Duration::from_secs(20);

/// The settings of the API.
#[derive(Clone, Debug)]
pub struct ApiConfig {
    pub web_url: Option<String>,
    /// Maximum requests per second with one key.
    pub requests_per_key: u32,
    /// Maximum requests per second from one address.
    pub requests_per_address: u32,
    /// Maximum wrong credentials per minute from one address.
    pub failures_per_address: u32,
}

impl Default for ApiConfig {
    fn default() -> Self {
        Self { web_url: None, requests_per_key: 1_000, requests_per_address: 2_000, failures_per_address: 60 }
    }
}

/// An audit entry: a write request of a known login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditLine {
    pub client: IpAddr,
    pub login: String,
    /// The first characters of the key.
    pub key: String,
    /// Scopes of the login, whose share of the audit the entry uses.
    pub scopes: Vec<Scope>,
    pub method: String,
    /// Path without parameters, shortened and escaped.
    pub path: String,
    pub status: u16,
}

/// Records audit entries. Must not block.
pub trait Trail: Send + Sync + 'static {
    /// Notes a request of a known login that wrote, or tried to.
    fn note(&self, line: AuditLine);
}

struct GateShared {
    services: Arc<OnceLock<Arc<Services>>>,
    config: ApiConfig,
    trail: Arc<dyn Trail>,
    of_keys: Mutex<RateLimits<u32>>,
    of_addresses: Mutex<RateLimits<SourceKey>>,
    of_failures: Mutex<RateLimits<SourceKey>>,
    object_locks: Vec<tokio::sync::Mutex<()>>,
    /// Random hash state, so that no tenant can predict which objects share a lock.
    rows: RandomState,
    writes: Arc<Semaphore>,
    places: LargeBodySlots,
}

/// The shared state of all requests. Cheap to clone.
#[derive(Clone)]
pub struct ApiState(Arc<GateShared>);

impl ApiState {
    /// With services that may be opened later.
    pub fn new(services: Arc<OnceLock<Arc<Services>>>, config: ApiConfig, trail: Arc<dyn Trail>) -> Self {
        let second = Duration::from_secs(1);
        Self(Arc::new(GateShared {
            services,
            of_keys: limits(config.requests_per_key, second),
            of_addresses: limits(config.requests_per_address, second),
            of_failures: limits(config.failures_per_address, Duration::from_secs(60)),
            writes: Arc::new(Semaphore::new(WRITES_AT_ONCE_MAX)),
            places: LargeBodySlots::default(),
            object_locks: (0..OBJECT_LOCKS).map(|_| tokio::sync::Mutex::default()).collect(),
            rows: RandomState::new(),
            config,
            trail,
        }))
    }

    pub(crate) fn trail(&self) -> &dyn Trail {
        &*self.0.trail
    }

    /// A slot for a write request. `None` at shutdown.
    pub(super) async fn place_to_write(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0.writes).acquire_owned().await.ok()
    }

    /// The slots for large bodies.
    pub(super) fn places(&self) -> &LargeBodySlots {
        &self.0.places
    }

    /// Locks an object, so that no other request on this node changes it between reading and writing.
    pub(crate) async fn lock_object(&self, resource: &str, id: u32) -> Result<tokio::sync::MutexGuard<'_, ()>, Fault> {
        let row = usize::try_from(self.0.rows.hash_one((resource, id)) % OBJECT_LOCKS).unwrap_or_default();
        let locked = tokio::time::timeout(OBJECT_LOCK_WAIT, self.0.object_locks[row].lock()).await;
        locked.map_err(|_| {
            Fault::NotNow(
                "other requests are changing this object; nothing was done, send the request \
                                        again"
                    .to_owned(),
            )
        })
    }

    pub(crate) fn client(&self, parts: &Parts) -> IpAddr {
        parts.extensions.get::<Client>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |client| client.address)
    }

    /// The base of absolute addresses.
    pub(crate) fn base(&self, parts: &Parts) -> String {
        let https = parts.extensions.get::<Client>().is_some_and(|client| client.https);
        let listener = parts.extensions.get::<ListenerAddress>().map(|it| it.0);
        let listener = listener.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, 80)));
        base_url(self.0.config.web_url.as_deref(), https, &parts.headers, listener)
    }

    /// Authenticates a caller and checks the rate limits.
    pub(crate) async fn admit(&self, parts: &Parts) -> Result<Actions, Fault> {
        let (client, now) = (self.client(parts), Instant::now());
        check(&self.0.of_addresses, client.into(), now)?;
        let Some(services) = self.0.services.get() else {
            return Err(Fault::NotNow("the server is starting; try again in a moment".to_owned()));
        };
        let text = parts.headers.get(header::AUTHORIZATION).map(|value| header_text(value.as_bytes()));
        let Some((login, key)) = text.as_deref().and_then(credentials) else { return Err(Fault::Unknown) };
        let shown = Credentials { login: login.as_deref(), key: &key, from: Some(client) };
        let caller = services.identify(&shown).await.map_err(|error| Fault::Action("", error))?;
        let Some(caller) = caller else {
            check(&self.0.of_failures, client.into(), now)?;
            return Err(Fault::Unknown);
        };
        check(&self.0.of_keys, caller.key_id, now)?;
        Ok(Actions::of(services, caller))
    }
}

/// A limit of `number` in this time, with bursts of the same size.
fn limits<K: RateKey>(number: u32, within: Duration) -> Mutex<RateLimits<K>> {
    let burst = number.max(1);
    Mutex::new(RateLimits::new(Rate { burst, every: within / burst }, RATES_MAX))
}

fn check<K: RateKey>(limits: &Mutex<RateLimits<K>>, key: K, now: Instant) -> Result<(), Fault> {
    let checked = limits.lock().unwrap_or_else(PoisonError::into_inner).check(&key, now);
    checked.map_err(|again| {
        let message = "too many requests (api.requests_per_key, api.requests_per_address); try again later".to_owned();
        Fault::Action("", ActionError::Limit { message, again: Duration::from_secs(again.seconds()) })
    })
}

/// Text of a header: a login may have letters beyond ASCII, which clients send as UTF-8 or as Latin-1.
fn header_text(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(bytes.iter().copied().map(char::from).collect()),
    }
}

/// Login and key: `ApiKey login:key`, the login of which may have an `@`; `Bearer key`, or `Bearer login:key`.
fn credentials(text: &str) -> Option<(Option<String>, String)> {
    let (scheme, rest) = text.trim().split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("apikey") {
        return pair(rest);
    }
    if scheme.eq_ignore_ascii_case("bearer") {
        return pair(rest).or_else(|| Some((None, rest.to_owned())));
    }
    None
}

fn pair(text: &str) -> Option<(Option<String>, String)> {
    let (login, key) = text.split_once(':')?;
    Some((Some(login.to_owned()), key.to_owned()))
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use tokio::time::timeout;

    struct Nowhere;

    impl Trail for Nowhere {
        fn note(&self, _: AuditLine) {}
    }

    /// For what needs no store.
    pub(in crate::api) fn state() -> ApiState {
        ApiState::new(Arc::default(), ApiConfig::default(), Arc::new(Nowhere))
    }

    #[tokio::test]
    async fn an_ipv6_network_is_one_client_however_many_addresses_it_has() {
        let config = ApiConfig { requests_per_address: 1, ..ApiConfig::default() };
        let state = ApiState::new(Arc::default(), config, Arc::new(Nowhere));
        let refused = async |address: &str| {
            let (mut parts, ()) = axum::http::Request::new(()).into_parts();
            parts.extensions.insert(Client { address: address.parse().unwrap(), https: true });
            // Nothing is opened yet; who comes too often is told so first.
            !matches!(state.admit(&parts).await, Err(Fault::NotNow(_)))
        };
        for (address, expected) in [
            ("2001:db8::1", false),
            ("2001:db8::2", true),
            ("2001:db8:0:0:ffff::", true),
            ("2001:db8:0:1::1", false),
            ("192.0.2.1", false),
            ("::ffff:192.0.2.1", true),
            ("192.0.2.2", false),
        ] {
            assert_eq!(refused(address).await, expected, "{address}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_object_is_changed_at_a_time_and_others_beside_it() {
        let state = state();
        let wait = Duration::from_secs(1);
        let held = state.lock_object("domain", 1).await.unwrap();
        assert!(timeout(wait, state.lock_object("domain", 1)).await.is_err());
        // One of them may be in the same row; not all.
        let mut beside = 0;
        for id in 2..10 {
            beside += u32::from(timeout(wait, state.lock_object("domain", id)).await.is_ok());
            beside += u32::from(timeout(wait, state.lock_object("customer", id)).await.is_ok());
        }
        assert!(beside > 8, "{beside}");
        assert!(matches!(state.lock_object("domain", 1).await, Err(Fault::NotNow(_))), "nobody waits without end");
        drop(held);
        assert!(state.lock_object("domain", 1).await.is_ok());
    }
}
