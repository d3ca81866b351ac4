//! Connections that stay: said in each answer, and true.

use super::peer::{Peer, start};
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt;

/// Version, headers of the request, what the answer says about the connection.
const WORDS: &[(&str, &str, &str)] = &[
    ("1.1", "", "keep-alive"),
    ("1.1", "Connection: keep-alive\r\n", "keep-alive"),
    ("1.1", "Connection: TE, Keep-Alive\r\n", "keep-alive"),
    ("1.1", "Connection: close\r\n", "close"),
    ("1.1", "Connection: keep-alive, Close\r\n", "close"),
    ("1.1", "Connection: close\r\nConnection: keep-alive\r\n", "close"),
    ("1.1", "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n", "keep-alive"),
    ("1.0", "", "close"),
    ("1.0", "Connection: Keep-Alive\r\n", "keep-alive"),
    ("1.0", "Connection: close\r\n", "close"),
];

#[tokio::test]
async fn every_answer_says_whether_the_connection_stays_and_it_is_so() {
    let address = start().await;
    for (version, lines, word) in WORDS {
        for path in ["/empty", "/who", "/nowhere"] {
            let mut peer = Peer::connect(address).await;
            let answer = peer.ask(format!("GET {path} HTTP/{version}\r\nHost: x\r\n{lines}\r\n")).await;
            assert_eq!(answer.header("connection"), [*word], "{version} {lines:?} {path}");
            if *word == "close" {
                peer.ends().await;
            } else {
                assert_eq!(peer.ask("GET /empty HTTP/1.1\r\nHost: x\r\n\r\n").await.status, 204);
            }
        }
    }
}

#[tokio::test]
async fn an_empty_answer_on_a_kept_connection_is_over_at_its_head() {
    let mut peer = Peer::connect(start().await).await;
    for _ in 0..5 {
        let answer = peer.ask("DELETE /empty HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert_eq!((answer.status, answer.header("connection")), (204, vec!["keep-alive"]));
        assert!(answer.header("transfer-encoding").is_empty());
    }
}

#[tokio::test]
async fn to_http_1_0_an_answer_of_unknown_length_ends_with_its_connection() {
    let address = start().await;
    let mut peer = Peer::connect(address).await;
    peer.send("GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").await;
    let whole = peer.rest().await.unwrap();
    assert!(whole.contains("Connection: close\r\n") && whole.ends_with("\r\n\r\nword word "), "{whole}");
    let mut peer = Peer::connect(address).await;
    peer.send("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let mut chunks = vec![0; 1024];
    let mut got = String::new();
    while !got.ends_with("0\r\n\r\n") {
        let count = peer.0.read(&mut chunks).await.unwrap();
        got.push_str(std::str::from_utf8(&chunks[..count]).unwrap());
    }
    assert!(got.contains("Connection: keep-alive\r\n"), "{got}");
    assert_eq!(peer.ask("GET /empty HTTP/1.1\r\nHost: x\r\n\r\n").await.status, 204);
}

/// As PHP's streams write: each line a packet of its own, as soon as the kernel lets it go.
#[tokio::test]
async fn requests_written_line_by_line_are_answered_at_once() {
    let mut peer = Peer::connect(start().await).await;
    peer.0.set_nodelay(false).unwrap();
    let rounds = 40;
    let begin = Instant::now();
    for _ in 0..rounds {
        for line in ["PUT /length HTTP/1.1\r\n", "Host: x\r\n", "Content-Length: 4\r\n", "\r\n", "body"] {
            peer.send(line).await;
        }
        let answer = peer.answer().await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "4"));
    }
    // A delayed acknowledgement costs 40 ms a request.
    assert!(begin.elapsed() < Duration::from_millis(20) * rounds, "{:?}", begin.elapsed());
}

#[tokio::test]
async fn several_requests_at_once_are_answered_in_their_order() {
    let mut peer = Peer::connect(start().await).await;
    peer.send("PUT /length HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc".repeat(20)).await;
    peer.send("GET /empty HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    for _ in 0..20 {
        assert_eq!(peer.answer().await.body, "3");
    }
    assert_eq!(peer.answer().await.status, 204);
    peer.ends().await;
}

#[tokio::test]
async fn bodies_that_nobody_asked_for_are_passed_by() {
    let mut peer = Peer::connect(start().await).await;
    let body = "GET /nowhere HTTP/1.1\r\n\r\n".repeat(1000);
    for (method, path, status) in
        [("GET", "/empty", 204), ("DELETE", "/empty", 204), ("HEAD", "/empty", 204), ("GET", "/nowhere", 404)]
    {
        let head = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len());
        peer.send(head).await;
        let (first, second) = body.split_at(body.len() / 2);
        peer.send(first).await;
        tokio::task::yield_now().await;
        peer.send(second).await;
        let answer = peer.answer().await;
        assert_eq!((answer.status, answer.header("connection")), (status, vec!["keep-alive"]), "{method} {path}");
    }
    let seen = peer.ask("GET /length HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody").await;
    assert_eq!(seen.body, "0", "no handler sees such a body");
    for path in ["/refused", "/nowhere"] {
        let answer = peer.ask(format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody")).await;
        assert_eq!(answer.header("connection"), ["keep-alive"], "{answer:?}");
    }
}

#[tokio::test]
async fn who_asks_whether_to_go_on_is_told_so_only_if_somebody_wants_the_body() {
    let address = start().await;
    let expecting =
        |path: &str| format!("POST {path} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    let mut peer = Peer::connect(address).await;
    assert_eq!(peer.ask(expecting("/length")).await.status, 100);
    assert_eq!(peer.ask("body").await.body, "4");
    let mut peer = Peer::connect(address).await;
    let refused = peer.ask(expecting("/refused")).await;
    assert_eq!((refused.status, refused.header("connection")), (401, vec!["close"]));
    peer.ends().await;
}
