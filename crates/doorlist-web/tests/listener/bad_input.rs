//! W11 and others: what is too large, too slow, in pieces, or no HTTP at all. Refused or closed, and the next client is
//! served.

use super::peer::{Answer, FILE_LIMIT, OWN_LIMIT, Peer, start};
use doorlist_web::{BODY_MAX, BODY_PACE_MIN, BODY_PART_MAX, CONNECTION_MAX, HEAD_LINES_MAX, HEAD_MAX, HEADER_READ_MAX};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::Instant;

fn posting(path: &str, length: usize) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n")
}

async fn serves(address: SocketAddr) {
    assert_eq!(Peer::connect(address).await.ask("GET /empty HTTP/1.1\r\nHost: x\r\n\r\n").await.status, 204);
}

#[tokio::test]
async fn a_body_has_its_limit_and_a_route_may_have_its_own() {
    let address = start().await;
    let mut peer = Peer::connect(address).await;
    for (path, length, status) in [
        ("/length", BODY_MAX, 200),
        ("/large", BODY_MAX + 1, 200),
        ("/large", OWN_LIMIT, 200),
        ("/length", BODY_MAX + 1, 413),
    ] {
        let answer = peer.ask([posting(path, length).into_bytes(), vec![b'x'; length]].concat()).await;
        assert_eq!(answer.status, status, "{path} {length}");
        if status == 200 {
            assert_eq!(answer.body, length.to_string());
        }
    }
    // In chunks, nobody says beforehand how large it is.
    let mut peer = Peer::connect(address).await;
    peer.send("POST /length HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
    for _ in 0..=BODY_MAX / 0x1000 {
        peer.send(&chunk).await;
    }
    peer.send("0\r\n\r\n").await;
    let answer = peer.answer().await;
    assert_eq!((answer.status, answer.header("connection")), (413, vec!["close"]));
    peer.ends().await;
}

/// A client that writes all before it reads gets its answer, not a reset.
#[tokio::test]
async fn w11_a_body_far_over_its_limit_is_refused_cleanly() {
    let address = start().await;
    let length = 8 * 1024 * 1024;
    for path in ["/length", "/large", "/refused", "/nowhere"] {
        let mut peer = Peer::connect(address).await;
        peer.send(posting(path, length)).await;
        peer.send(vec![b'x'; length]).await;
        let answer = peer.answer().await;
        let status = if path == "/refused" { 401 } else { 413 };
        assert_eq!(answer.header("connection"), ["close"]);
        assert!(answer.status == status || (path, answer.status) == ("/nowhere", 404), "{path}: {answer:?}");
        peer.ends().await;
    }
    // Of 1 GB, what is over the limit is enough to know.
    let mut peer = Peer::connect(address).await;
    peer.send(posting("/length", 1 << 30)).await;
    assert_eq!(peer.ask(vec![b'x'; BODY_MAX + 1]).await.status, 413);
}

#[tokio::test]
async fn w11_nothing_is_unpacked() {
    let address = start().await;
    for coding in ["Content-Encoding: gzip", "Content-Encoding: br, identity", "Transfer-Encoding: gzip, chunked"] {
        let mut peer = Peer::connect(address).await;
        let length = if coding.starts_with('T') { "" } else { "Content-Length: 3\r\n" };
        let body = if length.is_empty() { "3\r\nabc\r\n0\r\n\r\n" } else { "abc" };
        let answer = peer.ask(format!("POST /length HTTP/1.1\r\nHost: x\r\n{coding}\r\n{length}\r\n{body}")).await;
        assert_eq!(answer.status, 415, "{coding}");
    }
    let mut peer = Peer::connect(address).await;
    let plain = "POST /length HTTP/1.1\r\nHost: x\r\nContent-Encoding: identity\r\nContent-Length: 3\r\n\r\nabc";
    assert_eq!(peer.ask(plain).await.body, "3");
    assert_eq!(peer.ask("GET /empty HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n").await.status, 204);
}

/// Some wait for more that never comes; the clock jumps for them.
#[tokio::test(start_paused = true)]
async fn what_is_no_request_is_refused_or_closed() {
    let address = start().await;
    let many = |lines: usize| (0..lines).map(|line| format!("x-{line}: y\r\n")).collect::<String>();
    let requests: Vec<Vec<u8>> = [
        format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(HEAD_MAX)),
        format!("GET /who HTTP/1.1\r\nHost: x\r\nx: {}\r\n\r\n", "y".repeat(4 * 1024 * 1024)),
        format!("GET /who HTTP/1.1\r\nHost: x\r\n{}\r\n", many(HEAD_LINES_MAX + 1)),
        format!("GET /who HTTP/1.1\r\nHost: x\r\n{}\r\n", many(10_000)),
        "GET /who HTTP/1.1\r\nHost: a\0b\r\n\r\n".to_owned(),
        "GET /who\0 HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
        "G\0T /who HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
        "\0\0\0\0\r\n\r\n".to_owned(),
        "GET /who HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n".to_owned(),
        "GET /who HTTP/1.1\r\nHost: x\r\nspace : x\r\n\r\n".to_owned(),
        "GET /who HTTP/1.1\r\nHost: x\r\nx: a\r\n folded\r\n\r\n".to_owned(),
        "GET /who HTTP/3.7\r\n\r\n".to_owned(),
        "GET  /who HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
        "GET who HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
        "CONNECT evil.example.test:25 HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
        "OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_owned(),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        "POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n".to_owned(),
        "POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n".to_owned(),
        "POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd".to_owned(),
        "POST /length HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n".to_owned(),
        "POST /length HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(),
        "POST /length HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".to_owned(),
        "POST /length HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n".to_owned(),
    ]
    .into_iter()
    .map(String::into_bytes)
    .chain([vec![0xff; 100_000], b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec()])
    .collect();
    for request in requests {
        let shown = String::from_utf8_lossy(&request[..request.len().min(80)]).into_owned();
        let mut peer = Peer::connect(address).await;
        peer.send(request).await;
        if !shown.ends_with('\n') {
            peer.send("\r\n\r\n").await;
        }
        let answer = peer.rest().await.unwrap_or_else(|error| panic!("{shown:?}: {error}"));
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{shown:?}: {answer}");
        serves(address).await;
    }
}

/// Two readers of such a request may see two requests.
#[tokio::test]
async fn what_may_stand_once_stands_once() {
    let address = start().await;
    let host = "Host: x\r\n";
    let cases = [
        ("1.1", String::new(), 400),
        ("1.0", String::new(), 204),
        ("1.1", host.to_owned(), 204),
        ("1.1", host.repeat(2), 400),
        ("1.0", host.repeat(2), 400),
        ("1.1", "Host: a.test\r\nhOST: b.test\r\n".to_owned(), 400),
        ("1.1", "Host: a.test/b\r\n".to_owned(), 400),
        ("1.1", format!("{host}Authorization: Bearer a\r\nAuthorization: Bearer b\r\n"), 400),
        ("1.1", format!("{host}Content-Type: text/plain\r\nContent-Type: application/json\r\n"), 400),
        ("1.1", format!("{host}Content-Length: 0\r\nContent-Length: 1\r\n"), 400),
        (
            "1.1",
            format!("{host}If-Match: \"a\"\r\nIf-Match: \"b\"\r\nX-Forwarded-For: a\r\nX-Forwarded-For: b\r\n"),
            204,
        ),
    ];
    for (version, lines, status) in cases {
        let mut peer = Peer::connect(address).await;
        let answer = peer.ask(format!("POST /empty HTTP/{version}\r\n{lines}\r\n")).await;
        assert_eq!(answer.status, status, "{version} {lines:?}");
        if status == 400 {
            peer.ends().await;
        }
    }
}

/// Whatever stands behind a request with two lengths is not a request: it may be meant for whoever stands before us.
#[tokio::test]
async fn no_request_is_read_behind_one_with_two_lengths() {
    let address = start().await;
    let lengths = ["Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n"];
    for lengths in [lengths.concat(), [lengths[1], lengths[0]].concat()] {
        let mut peer = Peer::connect(address).await;
        let hidden = "GET /who HTTP/1.1\r\nHost: x\r\n\r\n";
        let answer = peer.ask(format!("POST /length HTTP/1.1\r\nHost: x\r\n{lengths}\r\n0\r\n\r\n{hidden}")).await;
        assert_eq!(answer.header("connection"), ["close"]);
        peer.ends().await;
    }
}

/// The clock stands still and jumps to the next timer whenever nothing else is to be done.
#[tokio::test(start_paused = true)]
async fn whoever_is_slow_is_let_go() {
    let address = start().await;
    for begun in ["", "GET", "GET /who HTTP/1.1\r\nx"] {
        let before = Instant::now();
        let mut peer = Peer::connect(address).await;
        peer.send(begun).await;
        peer.ends().await;
        assert!(before.elapsed() >= HEADER_READ_MAX && before.elapsed() < HEADER_READ_MAX * 2, "{begun:?}");
    }
    for path in ["/length", "/large"] {
        let before = Instant::now();
        let mut peer = Peer::connect(address).await;
        peer.send(posting(path, 10) + "abc").await;
        let answer = peer.answer().await;
        assert_eq!((answer.status, answer.header("connection")), (408, vec!["close"]));
        peer.ends().await;
        assert!(before.elapsed() >= BODY_PART_MAX && before.elapsed() < BODY_PART_MAX * 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_drips_comes_in_time_or_not_at_all() {
    let before = Instant::now();
    let mut peer = Peer::connect(start().await).await;
    peer.send(posting("/length", 1000)).await;
    let answer = loop {
        peer.send("x").await;
        tokio::select! {
            answer = peer.answer() => break answer,
            () = tokio::time::sleep(Duration::from_secs(10)) => {}
        }
    };
    assert_eq!(answer.status, 408);
    assert!(before.elapsed() < Duration::from_secs(75), "{:?}", before.elapsed());
}

/// Posts so many octets, this many each second; what is answered, and after how long.
async fn paced(peer: &mut Peer, path: &str, size: usize, pace: usize) -> (Answer, Duration) {
    let before = Instant::now();
    peer.send(posting(path, size)).await;
    let piece = vec![b'x'; pace];
    for _ in 0..size / pace {
        tokio::select! {
            answer = peer.answer() => return (answer, before.elapsed()),
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
        peer.send(&piece).await;
    }
    (peer.answer().await, before.elapsed())
}

/// Also behind other requests, when the connection has had most of its time.
#[tokio::test(start_paused = true)]
async fn a_line_of_the_slowest_pace_brings_the_largest_body() {
    let mut peer = Peer::connect(start().await).await;
    let before = Instant::now();
    while before.elapsed() < CONNECTION_MAX - HEADER_READ_MAX {
        assert_eq!(peer.ask("GET /empty HTTP/1.1\r\nHost: x\r\n\r\n").await.status, 204);
        tokio::time::sleep(HEADER_READ_MAX / 2).await;
    }
    let (answer, took) = paced(&mut peer, "/file", FILE_LIMIT, BODY_PACE_MIN).await;
    assert_eq!((answer.status, answer.body), (200, FILE_LIMIT.to_string()));
    assert!(took >= Duration::from_secs(1_000), "{took:?}");
}

/// What was announced and does not come earns no time.
#[tokio::test(start_paused = true)]
async fn a_slower_one_brings_as_much_as_before() {
    for (path, size, pace, status) in
        [("/large", OWN_LIMIT, 4_096, 200), ("/large", OWN_LIMIT, 2_048, 408), ("/file", FILE_LIMIT, 2_048, 408)]
    {
        let (answer, took) = paced(&mut Peer::connect(start().await).await, path, size, pace).await;
        assert_eq!(answer.status, status, "{path} {pace}");
        assert!(took > Duration::from_secs(250) && took < Duration::from_secs(275), "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_nobody_wants_is_not_waited_for() {
    let address = start().await;
    for method in ["GET", "DELETE"] {
        let before = Instant::now();
        let mut peer = Peer::connect(address).await;
        let answer = peer.ask(format!("{method} /empty HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")).await;
        assert_eq!((answer.status, answer.header("connection")), (204, vec!["close"]));
        peer.ends().await;
        assert!(before.elapsed() < Duration::from_secs(10));
    }
}
