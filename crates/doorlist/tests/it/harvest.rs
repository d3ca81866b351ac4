//! H01-H03: dictionaries from one source, from a network, from everywhere; and who gets through all the same.
//!
//! Each source is an address of loopback of its own. Nothing waits for five minutes or for a day: rules of that kind are
//! tested with values (`doorlist_core::harvest`).

mod nodes;
mod smtp_user_enum;
mod statistics;
mod timing;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::client::{Client, wait_until};
use crate::server::{Server, Settings};
use crate::sink::{Manners, Sink};

const ANN: &str = "ann@example.test";
/// Nodes and commands see what is new within 5 seconds; a busy machine takes longer.
pub(super) const SOON: Duration = Duration::from_secs(20);
/// Unknown names of a session that are answered without a delay.
const FREE: u32 = 5;
pub(super) const FLAGGED: &str = "451 4.7.1 Too many unknown recipients from your address; try again later";
pub(super) const ATTACKED: &str = "451 4.7.1 Too many unknown recipients at this domain now; try again in five minutes";

/// The source of this number, in a /24 of its own.
pub(super) fn source(number: u32) -> IpAddr {
    let [_, _, high, low] = number.to_be_bytes();
    Ipv4Addr::new(127, 100 + high, low, 1).into()
}

/// The replies to these recipients in one session.
pub(super) fn ask(smtp: SocketAddr, from: IpAddr, recipients: &[&str]) -> Vec<String> {
    let mut client = Client::connect_from(from, smtp);
    client.hello();
    client.ask("MAIL FROM:<friend@sender.example.test>", "250");
    let ask = |recipient: &&str| client.ask(&format!("RCPT TO:<{recipient}>"), "");
    recipients.iter().map(ask).collect()
}

pub(super) fn answer(server: &Server, from: IpAddr, recipient: &str) -> String {
    ask(server.smtp(), from, &[recipient]).remove(0)
}

/// Asks for this many names that nobody has, in sessions that end before their answers wait.
pub(super) fn guess(server: &Server, from: IpAddr, domain: &str, tag: &str, count: u32) {
    for first in (0..count).step_by(FREE as usize) {
        let names: Vec<String> = (first..count.min(first + FREE)).map(|n| format!("{tag}{n}@{domain}")).collect();
        ask(server.smtp(), from, &names.iter().map(String::as_str).collect::<Vec<_>>());
    }
}

/// More distinct names than an attack needs, from many sources, none of which does anything conspicuous.
pub(super) fn attack(server: &Server, domain: &str) {
    for number in 0..40 {
        // From then on each guess waits.
        if number >= 29 && server.metric("doorlist_harvest_domains_attacked") > 0.0 {
            return;
        }
        guess(server, source(1000 + number), domain, &format!("x{number}-"), 5);
    }
    panic!("two hundred guesses are no attack");
}

fn protecting() -> (Server, Sink) {
    let (server, sink) = (Server::start(), Sink::start());
    server.protect("example.test", sink.address(), &["ann", "bob"]);
    (server, sink)
}

#[test]
fn a_source_that_guesses_is_flagged_until_it_is_released_also_over_a_restart() {
    let (mut server, _sink) = protecting();
    let attacker = source(1);
    guess(&server, attacker, "example.test", "guess", 24);
    assert!(answer(&server, attacker, ANN).starts_with("250 "));
    guess(&server, attacker, "example.test", "last", 1);
    for recipient in [ANN, "nobody@example.test"] {
        assert_eq!(answer(&server, attacker, recipient), FLAGGED);
    }
    assert!(answer(&server, attacker, "postmaster@example.test").starts_with("250 "));
    assert!(answer(&server, source(2), ANN).starts_with("250 "), "nobody else is");
    server.wait_for_log(&["127.100.1.1", "guessed too many addresses"]);
    assert_eq!(server.metric("doorlist_harvest_sources_flagged"), 1.0);

    server.stop();
    server.run();
    assert_eq!(answer(&server, attacker, ANN), FLAGGED, "a restart keeps it");
    let listed = server.done(&["harvest", "sources", "--json"]);
    let row: serde_json::Value = serde_json::from_str(listed.trim()).unwrap();
    assert_eq!(row["source"], "127.100.1.1");
    assert_eq!(row["unknown"], 25);
    assert_eq!(row["domain"], "example.test");
    assert!(server.done(&["harvest", "status", "example.test"]).contains("flagged  127.100.1.1"));
    server.done(&["harvest", "release", "127.100.1.1"]);
    wait_until("it is released", SOON, || answer(&server, attacker, ANN).starts_with("250 "));
    let nothing = server.command(&["harvest", "release", "127.100.1.1"]);
    assert_eq!(nothing.code, 3, "{nothing:?}");
}

#[test]
fn three_flagged_addresses_flag_their_network() {
    let (server, _sink) = protecting();
    let neighbour = |host: u8| IpAddr::from([127, 50, 0, host]);
    for host in 1..=2 {
        guess(&server, neighbour(host), "example.test", &format!("n{host}-"), 25);
    }
    assert!(answer(&server, neighbour(4), ANN).starts_with("250 "));
    guess(&server, neighbour(3), "example.test", "n3-", 25);
    assert_eq!(answer(&server, neighbour(4), ANN), FLAGGED);
    assert!(answer(&server, IpAddr::from([127, 50, 1, 4]), ANN).starts_with("250 "));
    wait_until("it is listed", SOON, || {
        server.done(&["harvest", "sources"]).contains("all of 127.50.0.0/24 is flagged")
    });
    server.done(&["harvest", "release", "127.50.0.0/24"]);
    wait_until("all are released", SOON, || answer(&server, neighbour(4), ANN).starts_with("250 "));
    assert!(answer(&server, neighbour(1), ANN).starts_with("250 "));
}

#[test]
fn a_person_blocks_and_releases_a_network() {
    let (mut server, _sink) = protecting();
    let block = ["harvest", "block", "127.60.0.0/16", "--for", "1h", "--reason", "it's a test"];
    assert!(server.done(&block).starts_with("blocked 127.60.0.0/16 until "));
    let blocked = IpAddr::from([127, 60, 9, 9]);
    wait_until("it is blocked", SOON, || answer(&server, blocked, ANN) == FLAGGED);
    assert_eq!(answer(&server, blocked, "nobody@example.test"), FLAGGED);
    assert!(answer(&server, source(1), ANN).starts_with("250 "));
    server.stop();
    server.run();
    assert_eq!(answer(&server, blocked, ANN), FLAGGED);
    let status = server.done(&["harvest", "status"]);
    assert!(status.contains("blocked 127.60.0.0/16") && status.contains("it's a test"), "{status}");
    server.done(&["harvest", "release", "127.60.0.0/16"]);
    wait_until("it is released", SOON, || answer(&server, blocked, ANN).starts_with("250 "));
    for wrong in [
        ["harvest", "block", "127.0.0.0/4", "--for", "1h", "--reason", "all"],
        ["harvest", "block", "192.0.2.1", "--for", "400d", "--reason", "for ever"],
        ["harvest", "block", "192.0.2.1", "--for", "1h", "--reason", ""],
    ] {
        assert_eq!(server.command(&wrong).code, 64, "{wrong:?}");
    }
}

/// H01: many sources, a few names each. The domain is under attack; others are not.
#[test]
fn an_attack_from_many_sources_learns_nothing_and_is_told() {
    let (sink, ops) = (Sink::start(), Sink::start());
    let mut server = Server::with(Settings::default().set("smtp.postmaster", "op@ops.test"));
    server.protect("example.test", sink.address(), &["ann"]);
    server.protect("other.test", sink.address(), &["ann"]);
    server.protect("ops.test", ops.address(), &["op"]);
    attack(&server, "example.test");
    for recipient in [ANN, "nobody@example.test", "ann+x@example.test"] {
        assert_eq!(answer(&server, source(1), recipient), ATTACKED);
    }
    let others = ask(server.smtp(), source(1), &["postmaster@example.test", "ann@other.test", "nobody@other.test"]);
    let codes: Vec<&str> = others.iter().map(|reply| &reply[..9]).collect();
    assert_eq!(codes, ["250 2.1.5", "250 2.1.5", "550 5.1.1"]);
    server.wait_for_log(&["harvest defence: example.test is attack"]);
    wait_until("the operator is told", SOON, || {
        ops.taken().iter().any(|mail| mail.text().contains("Subject: Harvest attack on example.test"))
    });
    assert_eq!(server.metric("doorlist_harvest_domains_attacked"), 1.0);

    server.stop();
    server.run();
    assert_eq!(answer(&server, source(1), ANN), ATTACKED, "a restart keeps the state");
    let status = server.done(&["harvest", "status", "example.test"]);
    assert!(status.contains("under attack since"), "{status}");
    assert!(status.contains("unlisted  x0-0@example.test") && status.contains("listed  ann@example.test"), "{status}");
    assert!(server.done(&["harvest", "extend", "example.test", "--for", "12h"]).contains("at the latest"));
    server.done(&["harvest", "release", "example.test"]);
    wait_until("it is released", SOON, || answer(&server, source(1), ANN).starts_with("250 "));
    assert_eq!(server.command(&["harvest", "release", "absent.test"]).code, 3);
}

/// V05: the domain's own server is not asked for every guess.
#[test]
fn while_many_names_are_guessed_the_domains_server_is_left_alone() {
    let known = Some(vec![ANN.to_owned(), "carl@example.test".to_owned()]);
    let sink = Sink::with(Manners { known, ..Manners::default() });
    let server = Server::start();
    server.done(&["domain", "add", "example.test", "--server", &sink.address().to_string()]);
    server.done(&["account", "add", ANN]);
    for number in 0..6 {
        guess(&server, source(number), "example.test", &format!("x{number}-"), 9);
    }
    wait_until("it is elevated", SOON, || server.done(&["harvest", "status"]).contains("example.test is elevated"));
    let sessions = sink.connections();
    for number in 10..20 {
        assert!(answer(&server, source(number), "carl@example.test").starts_with("451 4.1.1"));
    }
    assert_eq!(sink.connections(), sessions);
    assert!(answer(&server, source(10), ANN).starts_with("250 "), "listed recipients are accepted as before");
}

/// H03: a large provider is slowed, and never flagged.
#[test]
fn a_large_provider_is_never_flagged() {
    let server = Server::with(Settings::default().set("guard.large_providers", "127.70.0.0/16"));
    server.protect("example.test", Sink::start().address(), &["ann"]);
    let provider = IpAddr::from([127, 70, 0, 1]);
    for round in 0..3 {
        let names: Vec<String> = (0..40).map(|n| format!("x{round}-{n}@example.test")).collect();
        let replies = ask(server.smtp(), provider, &names.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(replies.iter().all(|reply| reply.starts_with("550 5.1.1")), "{replies:?}");
    }
    assert!(answer(&server, provider, ANN).starts_with("250 "));
    assert_eq!(server.metric("doorlist_harvest_sources_flagged"), 0.0);
}
