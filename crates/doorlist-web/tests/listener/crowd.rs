//! More connections than there are places: whoever drips or is silent gives way, whoever is at work does not, and health is
//! answered in any case.

use super::peer::{Gate, Peer, start, start_on, start_on_with};
use doorlist_web::{
    CONNECTIONS_MAX, CONNECTIONS_PER_ADDRESS_MAX, HEADER_READ_MAX, HEALTH_CONNECTIONS_MAX, KEEP_ALIVE_MAX,
};
use futures_util::FutureExt;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

const ASK: &str = "GET /empty HTTP/1.1\r\nHost: x\r\n\r\n";
const HEALTH: &str = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";
const SLOW: &str = "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n";
const DRIP: &str = "GET /em";
/// More than there are places.
const MANY: u16 = 300;
/// An address that holds nothing.
const OTHER: u16 = 0xffee;

/// Connections from these addresses that say this.
async fn hold(address: SocketAddr, from: impl IntoIterator<Item = u16>, words: &str) -> Vec<Peer> {
    let mut held = Vec::new();
    for nth in from {
        let mut peer = Peer::connect_from(nth, address).await;
        peer.send(words).await;
        held.push(peer);
    }
    held
}

/// The status, which comes within a second.
async fn status(address: SocketAddr, from: u16, request: &str) -> u16 {
    let asked = async { Peer::connect_from(from, address).await.ask(request).await.status };
    timeout(Duration::from_secs(1), asked).await.expect("an answer within a second")
}

/// Waits until no more than so many are open.
async fn at_most(held: &mut Vec<Peer>, max: usize) {
    let closing = async {
        // A look at many takes several rounds: a task may not do so much at once.
        while held.len() > max {
            held.retain_mut(|peer| peer.rest().now_or_never().is_none());
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(5), closing).await.expect("the others give way");
}

#[tokio::test]
async fn one_address_holds_its_share_and_no_more() {
    let address = start_on(|_| {}).await;
    let mut held = hold(address, std::iter::repeat_n(1, usize::from(MANY)), DRIP).await;
    for from in [OTHER, 1] {
        assert_eq!(status(address, from, HEALTH).await, 200);
        assert_eq!(status(address, from, ASK).await, 204);
    }
    at_most(&mut held, CONNECTIONS_PER_ADDRESS_MAX).await;
}

#[tokio::test]
async fn many_addresses_that_drip_give_way() {
    for words in ["", DRIP, "POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc"] {
        let address = start_on(|_| {}).await;
        let mut held = hold(address, 1..=MANY, words).await;
        assert_eq!(status(address, OTHER, ASK).await, 204, "{words:?}");
        assert_eq!(status(address, OTHER, HEALTH).await, 200, "{words:?}");
        at_most(&mut held, CONNECTIONS_MAX).await;
    }
}

#[tokio::test]
async fn requests_that_run_do_not_give_way_and_health_is_answered_beside_them() {
    let gate = Gate::default();
    let address = start_on_with(&gate, |_| {}).await;
    let places = u16::try_from(CONNECTIONS_MAX).unwrap();
    let mut held = hold(address, 1..=places, SLOW).await;
    gate.begun(CONNECTIONS_MAX).await;
    let mut peer = Peer::connect_from(OTHER, address).await;
    let answer = peer.ask(ASK).await;
    assert_eq!(answer.status, 503);
    assert_eq!((answer.header("retry-after"), answer.header("connection")), (vec!["1"], vec!["close"]));
    // Also beside those who hold the places for health.
    let health = u16::try_from(HEALTH_CONNECTIONS_MAX).unwrap();
    let more = hold(address, places..places + 2 * health, DRIP).await;
    for from in [OTHER, 1, OTHER] {
        assert_eq!(status(address, from, HEALTH).await, 200);
    }
    drop(more);
    gate.open(CONNECTIONS_MAX);
    for peer in &mut held {
        assert_eq!(peer.answer().await.body, "at last");
    }
    assert_eq!(status(address, OTHER, ASK).await, 204);
}

#[tokio::test]
async fn an_address_whose_requests_run_hears_that_they_do() {
    let gate = Gate::default();
    let address = start_on_with(&gate, |_| {}).await;
    let _held = hold(address, std::iter::repeat_n(1, CONNECTIONS_PER_ADDRESS_MAX), SLOW).await;
    gate.begun(CONNECTIONS_PER_ADDRESS_MAX).await;
    assert_eq!(status(address, 1, ASK).await, 503);
    assert_eq!(status(address, 1, HEALTH).await, 200);
    assert_eq!(status(address, OTHER, ASK).await, 204);
}

#[tokio::test]
async fn behind_a_proxy_requests_count_by_the_client() {
    let gate = Gate::default();
    let proxies = vec!["127.1.0.0/16".parse().unwrap()];
    let address = start_on_with(&gate, |listener| listener.proxy_from = proxies).await;
    let for_client =
        |request: &str, client: &str| request.replace("Host: x", &format!("Host: x\r\nX-Forwarded-For: {client}"));
    let slow = for_client(SLOW, "2001:db8::1");
    let mut held = hold(address, std::iter::repeat_n(1, CONNECTIONS_PER_ADDRESS_MAX), &slow).await;
    gate.begun(CONNECTIONS_PER_ADDRESS_MAX).await;
    let refused = Peer::connect_from(1, address).await.ask(for_client(ASK, "2001:db8::2")).await;
    assert_eq!(refused.status, 429);
    assert_eq!((refused.header("retry-after"), refused.header("connection")), (vec!["1"], vec!["keep-alive"]));
    assert_eq!(status(address, 1, &for_client(ASK, "2001:db8:0:1::1")).await, 204, "another client");
    assert_eq!(status(address, 1, ASK).await, 204, "the proxy itself");
    gate.open(CONNECTIONS_PER_ADDRESS_MAX);
    for peer in &mut held {
        assert_eq!(peer.answer().await.body, "at last");
    }
    assert_eq!(status(address, 1, &for_client(ASK, "2001:db8::2")).await, 204);
}

#[tokio::test(start_paused = true)]
async fn a_head_that_drips_has_its_time_in_all_also_on_a_kept_connection() {
    let address = start().await;
    for kept in [false, true] {
        let mut peer = Peer::connect(address).await;
        if kept {
            assert_eq!(peer.ask(ASK).await.status, 204);
            sleep(KEEP_ALIVE_MAX - Duration::from_secs(1)).await;
            assert_eq!(peer.ask(ASK).await.status, 204, "it is kept");
            sleep(HEADER_READ_MAX * 2).await;
        }
        let before = Instant::now();
        for octet in "GET /empty HTTP/1.1\r\nHost: x\r\nx: ".chars().chain(std::iter::repeat('y')) {
            peer.send(octet.to_string()).await;
            if timeout(Duration::from_secs(1), peer.ends()).await.is_ok() {
                break;
            }
        }
        assert!(before.elapsed() >= HEADER_READ_MAX, "{kept} {:?}", before.elapsed());
        assert!(before.elapsed() <= HEADER_READ_MAX + Duration::from_secs(1), "{kept} {:?}", before.elapsed());
    }
    let mut idle = Peer::connect(address).await;
    assert_eq!(idle.ask(ASK).await.status, 204);
    let before = Instant::now();
    idle.ends().await;
    assert!(before.elapsed() >= KEEP_ALIVE_MAX && before.elapsed() < KEEP_ALIVE_MAX * 2, "{:?}", before.elapsed());
}
