//! One HTTP or HTTPS listener with its limits: number of connections, time to send a request, lifetime of a connection.
//! The router answers the requests.
//!
//! | module | what it is |
//! |---|---|
//! | `admission`, `slot_pool` | which connections are admitted, and which are closed for others |
//! | `activity` | what a connection does at the moment |
//! | `connection` | one connection to its orderly close |
//! | `exchange` | one request and its answer |
//! | `head` | headers that must not be repeated |
//! | `body`, `answer_body` | a body while it is received or sent |
//! | `client` | the client's address, also behind a proxy |
//! | `prompt` | a socket that acknowledges immediately |
//! | `tls` | TLS with the certificate of the caller |

mod activity;
mod admission;
mod answer_body;
mod body;
mod client;
mod connection;
mod exchange;
mod head;
mod prompt;
mod slot_pool;
mod tls;

pub use activity::{HEADER_READ_MAX, KEEP_ALIVE_MAX};
pub use admission::{CONNECTIONS_MAX, CONNECTIONS_PER_ADDRESS_MAX, HEALTH_CONNECTION_MAX, HEALTH_CONNECTIONS_MAX};
pub use body::{BODY_PACE_MIN, BODY_PART_MAX};
pub use client::{Client, ListenerAddress};
pub use tls::{Certificates, TLS_HANDSHAKE_MAX};

use admission::{Admitted, ListenerSlots};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{StatusCode, header};
use doorlist_core::network::Network;
use exchange::Exchange;
use prompt::Prompt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

/// Age of a connection after which the next request is its last.
pub const CONNECTION_MAX: Duration = Duration::from_secs(300);
/// Time for the last request of a connection, extended with its body; a client that does not read its answer is
/// dropped.
const ANSWER_MAX: Duration = Duration::from_secs(300);
/// Maximum octets of a body, unless a route sets `DefaultBodyLimit`.
pub const BODY_MAX: usize = 64 * 1024;
/// Maximum octets of a head, and of the read-ahead buffer.
pub const HEAD_MAX: usize = 16 * 1024;
/// Maximum header lines of a request.
pub const HEAD_LINES_MAX: usize = 100;
/// Rest after a failed accept (no file descriptors left), so that the loop does not spin.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// A listener with its settings.
pub struct WebListener {
    pub socket: TcpListener,
    /// HTTPS with the certificate that is current at each handshake.
    pub tls: Option<Arc<dyn Certificates>>,
    /// Trusted proxies (`X-Forwarded-For`, `X-Forwarded-Proto`).
    pub proxy_from: Vec<Network>,
    /// Maximum connections at once from one address, and requests at once of one client behind a proxy.
    pub connections_per_address_max: usize,
    /// Routes that are answered even if all connections are in use.
    pub health: Router,
}

/// Answers requests over plain HTTP until `shutdown` is done and running requests are answered.
pub async fn serve(listener: TcpListener, router: Router, shutdown: impl Future<Output = ()>) {
    WebListener::plain(listener).serve(router, shutdown).await;
}

impl WebListener {
    /// Plain HTTP, no proxies.
    pub fn plain(socket: TcpListener) -> Self {
        let (tls, proxy_from, health) = (None, Vec::new(), Router::new());
        Self { socket, tls, proxy_from, connections_per_address_max: CONNECTIONS_PER_ADDRESS_MAX, health }
    }

    /// Answers requests until `shutdown` is done and running requests are answered; drop it to stop earlier.
    pub async fn serve(self, router: Router, shutdown: impl Future<Output = ()>) {
        let (stop, stopping) = watch::channel(false);
        let proxies: Arc<[Network]> = self.proxy_from.into();
        let admission = ListenerSlots::new(Arc::clone(&proxies), self.connections_per_address_max);
        let house = House {
            // A route that sets a limit of its own sets it further inside, where it counts.
            router: router.layer(DefaultBodyLimit::max(BODY_MAX)),
            health: self.health.fallback(full).layer(DefaultBodyLimit::max(BODY_MAX)),
            tls: self.tls,
            proxies,
            stopping,
        };
        let mut connections = JoinSet::new();
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            let accepted = tokio::select! {
                () = &mut shutdown => break,
                // Finished tasks are taken out as they end, so that the set holds open connections only.
                Some(_) = connections.join_next() => continue,
                accepted = self.socket.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    // Without a place even for health, the client sees the connection end.
                    if let Some(admitted) = admission.let_in(peer.ip(), Instant::now()) {
                        connections.spawn(house.clone().connection(stream, peer, admitted));
                    }
                }
                Err(_) => tokio::time::sleep(ACCEPT_REST).await,
            }
        }
        drop(self.socket);
        stop.send_replace(true);
        while connections.join_next().await.is_some() {}
    }
}

/// The answer to other requests on connections reserved for health checks.
async fn full() -> impl axum::response::IntoResponse {
    let text = "all connections of this listener or of your address are in use; try again in a moment\n";
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1")], text)
}

/// What the connections of a listener share.
#[derive(Clone)]
struct House {
    router: Router,
    health: Router,
    tls: Option<Arc<dyn Certificates>>,
    proxies: Arc<[Network]>,
    stopping: watch::Receiver<bool>,
}

impl House {
    /// Serves one connection until it closes or makes room for another.
    async fn connection(self, stream: TcpStream, peer: SocketAddr, admitted: Admitted) {
        let (activity, health_only) = (Arc::clone(&admitted.activity), admitted.health_only);
        let connection = Box::pin(self.converse(stream, peer, admitted));
        // Others have limits of their own.
        let end = if health_only { HEALTH_CONNECTION_MAX } else { Duration::MAX };
        tokio::select! {
            () = activity.gave_way() => {}
            _late = timeout(end, connection) => {}
        }
    }

    async fn converse(self, stream: TcpStream, peer: SocketAddr, admitted: Admitted) {
        let Ok(local) = stream.local_addr() else { return };
        let activity = Arc::clone(&admitted.activity);
        let Some(stream) = Prompt::new(stream, Arc::clone(&activity)) else { return };
        let router = if admitted.health_only { self.health } else { self.router };
        let exchange = Exchange::new(router, self.proxies, (peer, local), self.tls.is_some(), admitted);
        match self.tls {
            None => connection::converse(stream, Arc::new(exchange), self.stopping).await,
            Some(certificates) => {
                if let Some(stream) = tls::handshake(certificates.as_ref(), stream).await {
                    activity.handshake_done(Instant::now());
                    connection::converse(stream, Arc::new(exchange), self.stopping).await;
                }
            }
        }
    }
}
