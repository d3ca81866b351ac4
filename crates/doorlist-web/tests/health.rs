//! The listeners as an HTTP client sees them: answers, reasons, limits.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use doorlist_actions::Waited;
use doorlist_web::{HEADER_READ_MAX, KEEP_ALIVE_MAX, Readiness, front_page, health, metrics, serve};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Readiness for Told {
    fn reasons(&self) -> Waited<'_, Vec<String>> {
        let reasons = self.0.lock().unwrap().clone();
        Box::pin(async move { reasons })
    }
}

async fn start(router: axum::Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, router, std::future::pending()));
    address
}

/// Sends `request` and reads until the server closes.
async fn exchange(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A refused body may come back as a reset after the answer; what arrived before counts.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

async fn get(address: SocketAddr, path: &str) -> String {
    exchange(address, &format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).await
}

#[tokio::test]
async fn health_is_that_the_process_lives_and_ready_that_mail_is_accepted() {
    let told = Arc::new(Told::default());
    let address = start(health(told.clone()).merge(front_page())).await;
    assert!(get(address, "/healthz").await.starts_with("HTTP/1.1 200 "));
    assert!(get(address, "/readyz").await.starts_with("HTTP/1.1 200 "));

    told.0.lock().unwrap().extend(["the disk is full".to_owned(), "no session is accepted".to_owned()]);
    let answer = get(address, "/readyz").await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.ends_with("\r\n\r\nthe disk is full\nno session is accepted\n"), "{answer}");
    assert!(get(address, "/healthz").await.starts_with("HTTP/1.1 200 "));

    assert!(get(address, "/").await.contains("/readyz"));
    assert!(get(address, "/other").await.starts_with("HTTP/1.1 404 "));
}

#[tokio::test]
async fn metrics_are_what_the_registry_holds_now() {
    let mut registry = Registry::with_prefix("doorlist");
    let counter: Counter = Counter::default();
    registry.register("knocks", "knocks at the door", counter.clone());
    let address = start(metrics(Arc::new(OnceLock::from(registry)))).await;
    counter.inc_by(3);
    let answer = get(address, "/metrics").await;
    assert!(answer.contains("Content-Type: text/plain; version=0.0.4"), "{answer}");
    assert!(answer.contains("# TYPE doorlist_knocks_total counter\ndoorlist_knocks_total 3\n"), "{answer}");
    assert!(!answer.contains("# EOF"), "{answer}");
    let accept = "Accept: application/openmetrics-text; version=1.0.0";
    let asked = format!("GET /metrics HTTP/1.1\r\nHost: x\r\n{accept}\r\nConnection: close\r\n\r\n");
    let answer = exchange(address, &asked).await;
    assert!(answer.contains("Content-Type: application/openmetrics-text"), "{answer}");
    assert!(answer.contains("doorlist_knocks_total 3\n") && answer.ends_with("# EOF\n"), "{answer}");
}

#[tokio::test]
async fn what_is_no_request_is_refused_and_the_next_client_is_served() {
    let address = start(health(Arc::new(Told::default()))).await;
    assert!(exchange(address, "EHLO example.test\r\n\r\n").await.starts_with("HTTP/1.1 400 "));
    let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(64 * 1024));
    assert!(exchange(address, &long).await.starts_with("HTTP/1.1 4"));
    assert!(get(address, "/healthz").await.starts_with("HTTP/1.1 200 "));
}

/// The clock stands still and jumps to the next timer whenever nothing else is to be done.
#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_ask_is_let_go() {
    let address = start(health(Arc::new(Told::default()))).await;
    let asked = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    for (begun, time) in [("", HEADER_READ_MAX), ("GET /healthz HT", HEADER_READ_MAX), (asked, KEEP_ALIVE_MAX)] {
        let before = tokio::time::Instant::now();
        exchange(address, begun).await;
        assert!(before.elapsed() >= time && before.elapsed() < time * 2, "{begun:?}");
    }
}

#[tokio::test]
async fn the_end_closes_the_listener() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(serve(listener, health(Arc::new(Told::default())), async {
        let _ = ended.await;
    }));
    assert!(get(address, "/healthz").await.starts_with("HTTP/1.1 200 "));
    end.send(()).unwrap();
    server.await.unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}
