//! Aliases that mail suggests, from messages over SMTP to the line that is copied into a shell, on both engines.

use super::{gateway, send};
use crate::client::Client;
use crate::server::{Server, Settings};
use crate::sink::Sink;
use doorlist_testbed::postgres::Cluster;
use serde_json::{Value, json};

const SENDERS: [&str; 3] = ["sender.example.test", "firm.example.test", "shop.example.test"];

#[test]
fn accounts_with_the_same_messages_are_suggested_on_sqlite() {
    tell(Settings::default());
}

#[test]
fn accounts_with_the_same_messages_are_suggested_on_postgresql() {
    let cluster = Cluster::start().unwrap();
    tell(Settings::default().set("store.url", cluster.url("suggestions").unwrap()));
}

fn text(number: usize, sender: &str) -> String {
    format!("From: friend@{sender}\r\nMessage-ID: <{number}@{sender}>\r\nSubject: hello\r\n\r\nHow are you?")
}

/// A message with this number, in one transaction for all of these recipients.
fn send_to_all(server: &Server, number: usize, locals: &[&str]) {
    let sender = SENDERS[number % SENDERS.len()];
    let mut client = Client::greeted(server.smtp());
    client.ask(&format!("MAIL FROM:<friend@{sender}>"), "250");
    for local in locals {
        client.ask(&format!("RCPT TO:<{local}@example.test>"), "250");
    }
    client.ask("DATA", "354");
    client.send(format!("{}\r\n.\r\n", text(number, sender)));
    assert!(client.reply().unwrap().starts_with("250"));
}

fn tell(settings: Settings) {
    let sink = Sink::start();
    let server = gateway(settings, sink.address());
    let people = ["boss", "carol", "dave", "erin", "frank"].map(|local| format!("{local}@example.test"));
    let people = people.each_ref().map(String::as_str);
    server.done(&["account", "add"].into_iter().chain(people).collect::<Vec<_>>());
    let suggested = || server.done(&["alias", "suggest", "example.test", "--json"]);

    // Boss is carol. Half of their messages come in one transaction, half in two.
    for number in 0..6 {
        let sender = SENDERS[number % SENDERS.len()];
        if number % 2 == 0 {
            send_to_all(&server, number, &["boss", "carol"]);
        } else {
            for local in ["boss", "carol"] {
                let from = format!("friend@{sender}");
                assert!(send(&server, &from, local, &text(number, sender)).starts_with("250"));
            }
        }
        // What everybody gets says nothing, nor what nobody vouches for.
        send_to_all(&server, 100 + number, &["boss", "dave", "erin", "frank"]);
        let forged = text(number, "elsewhere.test");
        for local in ["dave", "erin"] {
            assert!(send(&server, "x@elsewhere.test", local, &forged).starts_with("250"));
        }
    }
    for number in 200..207 {
        send_to_all(&server, number, &["carol"]);
    }
    send_to_all(&server, 300, &["boss"]);
    let reason = json!({ "reason": "shared_mail", "shared": 6, "messages": 7, "sender_domains": 3 });
    let expected = json!({ "alias": "boss@example.test", "account": "carol@example.test", "reasons": [reason] });
    let found: Vec<Value> = suggested().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(found, [expected]);
    let line = server.done(&["alias", "suggest", "example.test"]);
    assert_eq!(
        line.trim_end(),
        "doorlist alias reassign boss@example.test --to carol@example.test  \
         # 6 of 7 messages also went to carol@example.test, from 3 sender domains"
    );
    server.done(&["alias", "reassign", "boss@example.test", "--to", "carol@example.test"]);
    assert_eq!(suggested(), "");
    let shown = server.done(&["account", "show", "boss@example.test"]);
    for words in ["made an alias by", "added by", "last day with clean mail", "first day with mail"] {
        assert!(shown.contains(words), "{words:?} is not in {shown}");
    }
    let mailed = server.command(&["account", "list", "--domain", "example.test", "--never-mailed"]);
    assert!(mailed.code == 0 && mailed.talk.contains("no accounts of example.test without mail"), "{mailed:?}");
}
