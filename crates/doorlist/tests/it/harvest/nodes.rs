//! Several nodes on one PostgreSQL share flags, blocks, states and good records; and a sender with a good record gets
//! through an attack.

use super::{ATTACKED, FLAGGED, SOON, answer, attack, guess, source};
use crate::client::{Client, wait_until};
use crate::name_server::authenticating;
use crate::server::{Server, Settings};
use crate::sink::Sink;
use doorlist_testbed::postgres::Cluster;
use std::net::IpAddr;

const ANN: &str = "ann@example.test";
const BOB: &str = "bob@example.test";

fn node(cluster: &Cluster, number: u16) -> Settings {
    let url = cluster.url("nodes").unwrap();
    authenticating(Settings::default().set("store.url", url).set("spool.node", number.to_string()))
}

/// Sends clean mail, and waits until it is delivered.
fn send(server: &Server, sink: &Sink, from: IpAddr, recipient: &str) {
    let before = sink.taken().len();
    let mut client = Client::connect_from(from, server.smtp());
    client.hello();
    let reply = client.mail(recipient, "From: friend@sender.example.test\r\nSubject: hello\r\n\r\nhello\r\n");
    assert!(reply.starts_with("250 "), "{reply}");
    wait_until("it is delivered", SOON, || sink.taken().len() > before);
}

#[test]
fn what_one_node_knows_all_know_and_a_good_record_gets_through() {
    let (cluster, sink) = (Cluster::start().unwrap(), Sink::start());
    let mut first = Server::with(node(&cluster, 1));
    first.protect("example.test", sink.address(), &["ann", "bob"]);
    let second = Server::with(node(&cluster, 2));
    wait_until("the second node has the list", SOON, || answer(&second, source(9), ANN).starts_with("250 "));

    // A flag, a block, and their release.
    guess(&first, source(1), "example.test", "guess", 25);
    wait_until("the flag is known", SOON, || answer(&second, source(1), ANN) == FLAGGED);
    second.done(&["harvest", "release", "127.100.1.1"]);
    wait_until("the release is known", SOON, || answer(&first, source(1), ANN).starts_with("250 "));
    second.done(&["harvest", "block", "127.60.0.0/16", "--for", "1h", "--reason", "test"]);
    wait_until("the block is known", SOON, || answer(&first, IpAddr::from([127, 60, 0, 1]), ANN) == FLAGGED);

    // Clean mail on two days to two entries. The first day was yesterday, as far as the store knows.
    let friend = source(7);
    send(&first, &sink, friend, ANN);
    send(&second, &sink, friend, BOB);
    let days = "SELECT COALESCE(SUM(delivered), 0) FROM harvest_day WHERE source = '127.100.7.1'";
    wait_until("both are noted", SOON, || cluster.sql("nodes", days).is_ok_and(|sum| sum.trim() == "2"));
    cluster.sql("nodes", "UPDATE harvest_day SET day = day - 1, noted = noted + 60000").unwrap();
    send(&first, &sink, friend, ANN);
    wait_until("the record is good", SOON, || second.metric("doorlist_harvest_good_records") == 1.0);

    attack(&first, "example.test");
    assert_eq!(answer(&first, source(8), ANN), ATTACKED);
    wait_until("the attack is known", SOON, || answer(&second, source(8), ANN) == ATTACKED);
    for server in [&first, &second] {
        assert!(answer(server, friend, ANN).starts_with("250 "), "a good record gets through");
        assert!(answer(server, friend, "nobody@example.test").starts_with("550 "));
    }
    first.stop();
    first.run();
    assert!(answer(&first, friend, ANN).starts_with("250 "), "also after a restart");
    assert_eq!(answer(&first, source(8), ANN), ATTACKED);
    second.done(&["harvest", "release", "example.test"]);
    wait_until("it is over everywhere", SOON, || {
        [&first, &second].iter().all(|server| answer(server, source(8), ANN).starts_with("250 "))
    });
}
