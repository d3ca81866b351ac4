//! One HTTP or HTTPS listener with its limits: how many connections, how long a client may take to ask, how long it may
//! stay. What is answered is the router's affair.
//!
//! | module | what it is |
//! |---|---|
//! | `connection` | one connection to its clean end |
//! | `exchange` | one request and its answer |
//! | `body` | a body while it comes in |
//! | `client` | who asks, also behind a proxy |
//! | `prompt` | a socket that makes nobody wait |
//! | `tls` | the certificate, which is somebody else's |

mod body;
mod client;
mod connection;
mod exchange;
mod prompt;
mod tls;

pub use body::{BODY_PACE_MIN, BODY_PART_MAX};
pub use client::{Client, ListenerAddress};
pub use tls::{Certificates, TLS_HANDSHAKE_MAX};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use doorlist_core::network::Network;
use exchange::Exchange;
use prompt::Prompt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

/// Connections at once; further ones wait in the kernel's queue.
pub const CONNECTIONS_MAX: usize = 256;
/// A client has so long to send the head of a request, from the end of the last one on.
pub const HEADER_READ_MAX: Duration = Duration::from_secs(10);
/// A request that is sent later than this is the last one of its connection.
pub const CONNECTION_MAX: Duration = Duration::from_secs(300);
/// The last request of a connection has so long from then on, and longer as its body grows; a client that does not read its
/// answer is let go.
const ANSWER_MAX: Duration = Duration::from_secs(300);
/// Octets of a request's body, where a route says nothing else (with `DefaultBodyLimit`).
pub const BODY_MAX: usize = 64 * 1024;
/// Octets of a request's head, and of what is read ahead.
pub const HEAD_MAX: usize = 16 * 1024;
/// Lines of a request's head.
pub const HEAD_LINES_MAX: usize = 100;
/// Rest after a failed accept (no file descriptors left), so that the loop does not spin.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// A listener with its terms.
pub struct WebListener {
    /// The bound socket.
    pub socket: TcpListener,
    /// HTTPS with the certificate that is current at each handshake.
    pub tls: Option<Arc<dyn Certificates>>,
    /// Peers that are believed when they say for whom they ask (`X-Forwarded-For`, `X-Forwarded-Proto`).
    pub proxy_from: Vec<Network>,
}

/// Answers requests over plain HTTP until `shutdown` is done and running requests are answered.
pub async fn serve(listener: TcpListener, router: Router, shutdown: impl Future<Output = ()>) {
    WebListener::plain(listener).serve(router, shutdown).await;
}

impl WebListener {
    /// Plain HTTP, no proxies.
    pub fn plain(socket: TcpListener) -> Self {
        Self { socket, tls: None, proxy_from: Vec::new() }
    }

    /// Answers requests until `shutdown` is done and running requests are answered; who will not wait for those drops it.
    pub async fn serve(self, router: Router, shutdown: impl Future<Output = ()>) {
        let (stop, stopping) = watch::channel(false);
        let house = House {
            // A route that sets a limit of its own sets it further inside, where it counts.
            router: router.layer(DefaultBodyLimit::max(BODY_MAX)),
            tls: self.tls,
            proxies: self.proxy_from.into(),
            stopping,
        };
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let mut connections = JoinSet::new();
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            let accepted = tokio::select! {
                () = &mut shutdown => break,
                // Finished tasks are taken out as they end, so that the set holds open connections only.
                Some(_) = connections.join_next() => continue,
                accepted = accept(&self.socket, &places) => accepted,
            };
            match accepted {
                Some((stream, peer, place)) => {
                    let connection = Box::pin(house.clone().connection(stream, peer));
                    connections.spawn(async move {
                        connection.await;
                        drop(place);
                    });
                }
                None => tokio::time::sleep(ACCEPT_REST).await,
            }
        }
        drop(self.socket);
        stop.send_replace(true);
        while connections.join_next().await.is_some() {}
    }
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    let (stream, peer) = listener.accept().await.ok()?;
    Some((stream, peer, place))
}

/// What the connections of a listener share.
#[derive(Clone)]
struct House {
    router: Router,
    tls: Option<Arc<dyn Certificates>>,
    proxies: Arc<[Network]>,
    stopping: watch::Receiver<bool>,
}

impl House {
    async fn connection(self, stream: TcpStream, peer: SocketAddr) {
        let Ok(local) = stream.local_addr() else { return };
        let Some(stream) = Prompt::new(stream) else { return };
        let exchange = Arc::new(Exchange::new(self.router, self.proxies, (peer, local), self.tls.is_some()));
        match self.tls {
            None => connection::converse(stream, exchange, self.stopping).await,
            Some(certificates) => {
                if let Some(stream) = tls::handshake(certificates.as_ref(), stream).await {
                    connection::converse(stream, exchange, self.stopping).await;
                }
            }
        }
    }
}
