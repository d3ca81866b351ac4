//! How connections end: never in the middle of an answer.

use super::peer::{Gate, Peer, routes, start_with};
use doorlist_web::{CONNECTION_MAX, serve};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};

const ASK: &str = "GET /empty HTTP/1.1\r\nHost: x\r\n\r\n";
const SLOW: &str = "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n";

#[tokio::test(start_paused = true)]
async fn a_busy_connection_is_told_that_its_time_is_over() {
    let mut peer = Peer::connect(start_with(&Gate::default()).await).await;
    let begin = Instant::now();
    while begin.elapsed() < CONNECTION_MAX {
        assert_eq!(peer.ask(ASK).await.header("connection"), ["keep-alive"]);
        sleep(Duration::from_secs(7)).await;
    }
    assert_eq!(peer.ask(ASK).await.header("connection"), ["close"]);
    peer.ends().await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_takes_longer_than_its_connection_may_still_comes() {
    let gate = Gate::default();
    let mut peer = Peer::connect(start_with(&gate).await).await;
    assert_eq!(peer.ask(ASK).await.status, 204);
    peer.send(SLOW).await;
    sleep(CONNECTION_MAX + Duration::from_secs(60)).await;
    gate.open(1);
    let answer = peer.answer().await;
    assert_eq!((answer.body.as_str(), answer.header("connection")), ("at last", vec!["close"]));
    peer.ends().await;
}

/// A head that has begun has its time, too; the clock jumps there.
#[tokio::test(start_paused = true)]
async fn the_end_of_the_server_waits_for_running_requests_and_for_nothing_else() {
    let gate = Gate::default();
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let (end, ended) = oneshot::channel::<()>();
    let server = tokio::spawn(serve(socket, routes(&gate), async {
        let _ = ended.await;
    }));
    let (mut idle, mut silent, mut half, mut busy) = (
        Peer::connect(address).await,
        Peer::connect(address).await,
        Peer::connect(address).await,
        Peer::connect(address).await,
    );
    half.send("GET /em").await;
    assert_eq!(busy.ask(ASK).await.status, 204);
    assert_eq!(idle.ask(ASK).await.status, 204);
    busy.send(SLOW).await;
    // Its request is running when another one, sent later, is answered.
    while !idle.ask(ASK).await.header("connection").contains(&"keep-alive") {}
    end.send(()).unwrap();
    idle.ends().await;
    silent.ends().await;
    half.ends().await;
    assert!(TcpStream::connect(address).await.is_err());
    assert!(!server.is_finished());
    gate.open(1);
    let answer = busy.answer().await;
    assert_eq!((answer.body.as_str(), answer.header("connection")), ("at last", vec!["close"]));
    busy.ends().await;
    drop((idle, silent, half, busy));
    server.await.unwrap();
}
