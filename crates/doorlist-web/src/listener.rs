//! One HTTP listener with its limits: how many connections, how long a client may take to ask, how long it may stay.
//! What is answered is the router's affair.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Connections at once; further ones wait in the kernel's queue.
pub const CONNECTIONS_MAX: usize = 256;
/// A client has so long to send the head of a request, from the end of the last one on.
pub const HEADER_READ_MAX: Duration = Duration::from_secs(10);
/// No connection stays longer, whatever it does.
const CONNECTION_MAX: Duration = Duration::from_secs(300);
/// Octets of a request's body.
const BODY_MAX: usize = 64 * 1024;
/// Octets of a request's head, and of what is read ahead.
const HEAD_MAX: usize = 16 * 1024;
/// Rest after a failed accept (no file descriptors left), so that the loop does not spin.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// Answers requests until `shutdown` is done; then open connections are dropped.
pub async fn serve(listener: TcpListener, router: Router, shutdown: impl Future<Output = ()>) {
    let router = router.layer(DefaultBodyLimit::max(BODY_MAX));
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => return,
            // Finished tasks are taken out as they end, so that the set holds open connections only.
            Some(_) = connections.join_next() => continue,
            accepted = accept(&listener, &places) => accepted,
        };
        match accepted {
            Some((stream, place)) => {
                let router = router.clone();
                connections.spawn(async move {
                    let _ = tokio::time::timeout(CONNECTION_MAX, converse(stream, router)).await;
                    drop(place);
                });
            }
            None => tokio::time::sleep(ACCEPT_REST).await,
        }
    }
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    let (stream, _) = listener.accept().await.ok()?;
    Some((stream, place))
}

/// One connection. What goes wrong on it is the client's loss alone, so nobody is told.
async fn converse(stream: TcpStream, router: Router) {
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_READ_MAX)
        .max_buf_size(HEAD_MAX)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .await;
}
