//! Automatic fall-back: five authenticated senders with a good record that a list refused take the domain back to mode
//! monitor; fewer, others, or a domain without the switch do not.

use crate::client::{Client, wait_until};
use crate::harvest::SOON;
use crate::name_server::authenticating;
use crate::server::{Server, Settings};
use crate::sink::{Manners, Sink};
use std::net::IpAddr;

/// An address that the domain's own server has, and its list does not.
const CARL: &str = "carl@example.test";
/// In the networks of a large provider, which counts as having a good record.
const PROVIDER: [u8; 4] = [127, 70, 0, 1];

struct Scene {
    server: Server,
    ops: Sink,
    _sink: Sink,
}

/// A domain that enforces its list, with the switch as given.
fn enforcing(fall_back: &str) -> Scene {
    let known = Some(vec!["ann@example.test".to_owned(), CARL.to_owned()]);
    let (sink, ops) = (Sink::with(Manners { known, ..Manners::default() }), Sink::start());
    let settings = Settings::default().set("guard.large_providers", "127.70.0.0/16");
    let server = Server::with(authenticating(settings.set("smtp.postmaster", "op@ops.test")));
    server.protect("example.test", sink.address(), &["ann"]);
    server.protect("ops.test", ops.address(), &["op"]);
    server.done(&["domain", "set", "example.test", "--fall-back", fall_back]);
    Scene { server, ops, _sink: sink }
}

/// The reply to a recipient, for a sender of this domain; the null sender without one.
fn ask(server: &Server, from: [u8; 4], sender: &str, recipient: &str) -> String {
    let mut client = Client::connect_from(IpAddr::from(from), server.smtp());
    client.hello();
    let path = if sender.is_empty() { String::new() } else { format!("news@{sender}") };
    client.ask(&format!("MAIL FROM:<{path}>"), "250");
    client.ask(&format!("RCPT TO:<{recipient}>"), "")
}

fn refuse(server: &Server, senders: &[&str]) {
    for (number, sender) in senders.iter().enumerate() {
        let reply = ask(server, PROVIDER, sender, &format!("x{number}@example.test"));
        assert!(reply.starts_with("550 5.1.1") || reply.starts_with("450 4.1.1"), "{sender}: {reply}");
    }
}

fn mode(server: &Server) -> String {
    let shown = server.done(&["domain", "show", "example.test", "--json"]);
    serde_json::from_str::<serde_json::Value>(shown.trim()).unwrap()["mode"].as_str().unwrap().to_owned()
}

const FRIENDS: [&str; 5] = ["friend1.test", "friend2.test", "friend3.test", "friend4.test", "friend5.test"];

#[test]
fn five_known_senders_take_a_domain_back_to_monitor_and_people_are_told() {
    let Scene { mut server, ops, .. } = enforcing("on");
    assert!(server.done(&["domain", "show", "example.test"]).contains("fall-back    on"));
    // A subdomain is no other organisation, a sender counts once, and the null sender not at all.
    refuse(&server, &["friend1.test", "news.friend1.test", "friend1.test", "", "friend2.test", "friend3.test"]);
    refuse(&server, &["friend4.test", "no-policy.test", "far1.test"]);
    // Nobody who has done nothing good yet counts, either.
    assert!(ask(&server, [127, 80, 0, 1], "friend5.test", CARL).starts_with("550 5.1.1"));
    assert_eq!(mode(&server), "enforce");
    refuse(&server, &["friend5.test"]);
    wait_until("the domain is in mode monitor", SOON, || mode(&server) == "monitor");
    let carl = || ask(&server, [127, 80, 0, 2], "sender.example.test", CARL);
    wait_until("its server is asked", SOON, || carl().starts_with("250 2.1.5"));
    server.wait_for_log(&["automatic fall-back: example.test is in mode monitor: 5 authenticated senders"]);
    assert_eq!(server.metric("doorlist_fall_backs_total"), 1.0);
    let log = server.done(&["changes", "list", "--domain", "example.test"]);
    assert!(log.contains("automatic fall-back: 5 authenticated senders"), "{log}");
    wait_until("the operator is told", SOON, || {
        ops.taken().iter().any(|mail| {
            let text = mail.text();
            text.contains("senders you know were refused") && text.contains("doorlist domain preview example.test")
        })
    });
    // Enforced again, it takes five anew.
    server.done(&["domain", "mode", "example.test", "enforce", "--now", "--confirm", "example.test"]);
    refuse(&server, &["friend1.test"]);
    assert_eq!(mode(&server), "enforce");
}

#[test]
fn four_or_spoofed_senders_do_not_and_nobody_does_while_it_is_off() {
    for (fall_back, senders) in [
        ("on", &FRIENDS[..4]),
        ("on", &["far1.test", "far2.test", "far3.test", "far4.test", "far5.test"]),
        ("off", &FRIENDS),
    ] {
        let Scene { server, .. } = enforcing(fall_back);
        refuse(&server, senders);
        // What was noted before is settled before the last one is: a domain of its own, with the switch on, falls back.
        server.protect("last.test", Sink::start().address(), &["ann"]);
        server.done(&["domain", "set", "last.test", "--fall-back", "on"]);
        for (number, sender) in FRIENDS.iter().enumerate() {
            assert!(ask(&server, PROVIDER, sender, &format!("y{number}@last.test")).starts_with("550"));
        }
        wait_until("the other one falls back", SOON, || server.metric("doorlist_fall_backs_total") == 1.0);
        assert_eq!(mode(&server), "enforce", "{fall_back} {senders:?}");
    }
}
