//! What the tests are made of: a router with one route for each manner, and a client that says what it is told to say.

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::routing::{any, get, post};
use doorlist_web::{Client, ListenerAddress, Router, WebListener, serve};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;

/// A limit of a route's own, above the listener's.
pub(crate) const OWN_LIMIT: usize = 1024 * 1024;
/// That of the route for whole files.
pub(crate) const FILE_LIMIT: usize = 64 * 1024 * 1024;

/// What makes `/slow` answer.
pub(crate) type Gate = Arc<Slow>;

pub(crate) struct Slow {
    /// As many requests are answered as it has permits.
    open: Semaphore,
    /// One permit for each request that runs.
    begun: Semaphore,
}

impl Default for Slow {
    fn default() -> Self {
        Self { open: Semaphore::new(0), begun: Semaphore::new(0) }
    }
}

impl Slow {
    /// So many requests are answered.
    pub(crate) fn open(&self, requests: usize) {
        self.open.add_permits(requests);
    }

    /// Waits until so many requests more run.
    pub(crate) async fn begun(&self, requests: usize) {
        self.begun.acquire_many(u32::try_from(requests).unwrap()).await.unwrap().forget();
    }
}

pub(crate) fn routes(gate: &Gate) -> Router {
    let gate = Arc::clone(gate);
    let slow = move || async move {
        gate.begun.add_permits(1);
        gate.open.acquire().await.unwrap().forget();
        "at last"
    };
    let length = |body: Bytes| async move { body.len().to_string() };
    let who = |Extension(client): Extension<Client>, Extension(ListenerAddress(at)): Extension<ListenerAddress>| async move {
        format!("{} {} at {at}", client.address, if client.https { "https" } else { "http" })
    };
    Router::new()
        .route("/empty", any(|| async { StatusCode::NO_CONTENT }))
        .route("/refused", post(|| async { StatusCode::UNAUTHORIZED }))
        .route("/length", any(length))
        .route("/who", get(who))
        .route("/slow", get(slow))
        .route("/stream", get(|| async { Body::new(Words(2)) }))
        .route("/large", post(length).layer(DefaultBodyLimit::max(OWN_LIMIT)))
        .route("/file", post(length).layer(DefaultBodyLimit::max(FILE_LIMIT)))
}

/// A body whose length nobody knows.
struct Words(usize);

impl axum::body::HttpBody for Words {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, Self::Error>>> {
        let left = self.0.checked_sub(1);
        self.0 = left.unwrap_or(0);
        std::task::Poll::Ready(left.map(|_| Ok(hyper::body::Frame::data(Bytes::from_static(b"word ")))))
    }
}

pub(crate) async fn start() -> SocketAddr {
    start_with(&Gate::default()).await
}

pub(crate) async fn start_with(gate: &Gate) -> SocketAddr {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(serve(socket, routes(gate), std::future::pending()));
    address
}

/// A listener with terms of its own.
pub(crate) async fn start_on(terms: impl FnOnce(&mut WebListener)) -> SocketAddr {
    start_on_with(&Gate::default(), terms).await
}

/// Both; `/health` is answered whatever else is.
pub(crate) async fn start_on_with(gate: &Gate, terms: impl FnOnce(&mut WebListener)) -> SocketAddr {
    let mut listener = WebListener::plain(TcpListener::bind("127.0.0.1:0").await.unwrap());
    listener.health = Router::new().route("/health", get(|| async { "well" }));
    terms(&mut listener);
    let address = listener.socket.local_addr().unwrap();
    let routes = routes(gate).merge(listener.health.clone());
    tokio::spawn(listener.serve(routes, std::future::pending()));
    address
}

pub(crate) struct Peer<S = TcpStream>(pub(crate) S);

impl Peer {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self(TcpStream::connect(address).await.unwrap())
    }

    /// From the nth address of 127.1.0.0/16.
    pub(crate) async fn connect_from(nth: u16, address: SocketAddr) -> Self {
        let [high, low] = nth.to_be_bytes();
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 1, high, low], 0))).unwrap();
        Self(socket.connect(address).await.unwrap())
    }
}

/// An answer: its head in lower case, and its body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// The values of a header.
    pub(crate) fn header(&self, name: &str) -> Vec<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(of, _)| *of == name).map(|(_, value)| value).collect()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Peer<S> {
    /// Writes; a server that has closed already is found out by reading.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.0.write_all(bytes.as_ref()).await;
    }

    /// Reads one answer, and not an octet more.
    pub(crate) async fn answer(&mut self) -> Answer {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.0.read_u8().await.unwrap_or_else(|error| panic!("{error} after {}", text(&head))));
        }
        let head = text(&head).to_ascii_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut answer = Answer { status, head, body: String::new() };
        let length: usize = answer.header("content-length").first().map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await.unwrap();
        answer.body = text(&body);
        answer
    }

    pub(crate) async fn ask(&mut self, request: impl AsRef<[u8]>) -> Answer {
        self.send(request).await;
        self.answer().await
    }

    /// All that still comes, to the end; a reset is an error.
    pub(crate) async fn rest(&mut self) -> std::io::Result<String> {
        let mut rest = Vec::new();
        self.0.read_to_end(&mut rest).await?;
        Ok(text(&rest))
    }

    /// Nothing more comes, cleanly.
    pub(crate) async fn ends(&mut self) {
        assert_eq!(self.rest().await.unwrap(), "");
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
