//! Recipients that are on no list: the domain's own server is asked, and its word counts as far as it proves something.

mod nodes;
mod rude_servers;

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use doorlist_testbed::maildir::Setup;
use doorlist_testbed::postfix::Postfix;

use crate::client::{Client, wait_until};
use crate::server::{Server, Settings};
use crate::sink::{Manners, Sink};

const ANN: &str = "ann@example.test";
const BOB: &str = "bob@example.test";
/// Longer than a sender waits for an answer of the domain's server.
const PATIENCE: Duration = Duration::from_secs(10);

fn knows(known: &[&str]) -> Manners {
    Manners { known: Some(known.iter().map(|&address| address.to_owned()).collect()), ..Manners::default() }
}

/// A gateway for `example.test` without a single entry, and with this server behind it.
fn gateway(destination: SocketAddr) -> Server {
    let server = Server::start();
    server.done(&["domain", "add", "example.test", "--server", &destination.to_string()]);
    server
}

/// The code and enhanced code that a recipient gets in a session of its own.
fn answer(server: &Server, recipient: &str) -> String {
    let mut client = Client::greeted(server.smtp());
    client.ask("MAIL FROM:<friend@sender.example.test>", "250");
    client.send(format!("RCPT TO:<{recipient}>\r\n"));
    let reply = client.reply().expect("an answer");
    reply.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

fn route(server: &Server) -> String {
    let shown = server.done(&["domain", "show", "example.test"]);
    shown.lines().find(|line| line.trim_start().starts_with("route ")).unwrap_or_default().to_owned()
}

#[test]
fn mail_for_who_exists_comes_through_without_a_list() {
    let next =
        Postfix::start(&Setup { domains: &["example.test"], known: Some(&[ANN, BOB]), settings: "", smarthost: None });
    let next = next.unwrap();
    let server = gateway(next.address());
    // Nothing is known of its word yet: who is refused there is deferred here.
    assert_eq!(answer(&server, "nobody@example.test"), "451 4.1.1");
    let mut client = Client::greeted(server.smtp());
    assert!(client.mail(ANN, "Message-ID: <first@test>\r\n\r\n").starts_with("250 2.0.0"));
    wait_until("it is delivered", PATIENCE, || next.maildir().messages().unwrap().len() == 1);
    // It took a known name just now, and is new here: a refusal for a time.
    wait_until("a refusal counts", PATIENCE, || answer(&server, "nobody@example.test") == "450 4.1.1");
    assert_eq!(answer(&server, "nobody+x@example.test"), "450 4.1.1");
    assert_eq!(answer(&server, BOB), "250 2.1.5");
    wait_until("it is trusted", PATIENCE, || route(&server).contains("trusted"));
    let log = server.done(&["log", "--to", ANN]);
    assert!(log.contains("reason=confirmed"), "{log}");
    let unlisted = server.done(&["domain", "unlisted", "example.test"]);
    assert!(unlisted.contains(ANN), "what was accepted by its word is shown: {unlisted}");

    let probed = server.done(&["domain", "probe", "example.test", "carl@example.test"]);
    assert!(probed.contains("C: RCPT TO:<carl@example.test>") && probed.contains("no such user"), "{probed}");
    let probed = server.done(&["domain", "probe", "example.test"]);
    assert!(probed.contains("trusted: its answers about unlisted recipients are used"), "{probed}");
    // Enforced, the list alone counts; and back.
    server.done(&["domain", "mode", "example.test", "enforce", "--confirm", "example.test"]);
    assert_eq!(answer(&server, ANN), "450 4.1.1");
    server.done(&["domain", "mode", "example.test", "monitor"]);
    assert_eq!(answer(&server, ANN), "250 2.1.5");
}

#[test]
fn what_is_known_outlives_the_server_and_its_destination() {
    let sink = Sink::with(knows(&[ANN]));
    let mut server = gateway(sink.address());
    assert_eq!(answer(&server, ANN), "250 2.1.5");
    // A known name, a random one.
    wait_until("its word is looked at", PATIENCE, || route(&server).contains("refused a random address"));
    let asked = sink.connections();
    for _ in 0..5 {
        assert_eq!(answer(&server, ANN), "250 2.1.5");
    }
    assert_eq!(sink.connections(), asked, "who is known is not asked for again");
    server.stop();
    server.run();
    sink.behave(Manners { recipient: Some("451 4.3.0 no".to_owned()), ..Manners::default() });
    assert_eq!(answer(&server, ANN), "250 2.1.5", "also when the server takes nothing now");
    assert_eq!(answer(&server, BOB), "451 4.1.1");
}

/// V01, V03: what proves nothing is not believed.
#[test]
fn a_word_that_proves_nothing_refuses_nobody() {
    // One that takes everybody, one that refuses everybody, one that refuses us, one that defers.
    let everybody = Sink::start();
    let mut server = gateway(everybody.address());
    for name in [ANN, "nobody@example.test", "x7@example.test"] {
        assert_eq!(answer(&server, name), "250 2.1.5");
    }
    wait_until("it is seen through", PATIENCE, || route(&server).contains("accepts every address"));
    server.wait_for_log(&["verify", "accepts every address of example.test"]);

    for (says, in_log) in [
        ("550 5.1.1 User unknown", None),
        ("554 5.7.1 Client host rejected: Access denied", Some("refuses to be asked for recipients")),
        ("550 5.7.1 Relaying denied", Some("refuses to be asked for recipients")),
        ("450 4.7.1 Greylisted", None),
    ] {
        let sink = Sink::with(Manners { recipient: Some(says.to_owned()), ..Manners::default() });
        let mut server = gateway(sink.address());
        server.done(&["account", "add", "listed@example.test"]);
        for _ in 0..3 {
            assert_eq!(answer(&server, "nobody@example.test"), "451 4.1.1", "{says}");
            assert_eq!(answer(&server, "listed@example.test"), "250 2.1.5", "{says}");
        }
        if let Some(words) = in_log {
            server.wait_for_log(&["verify", words]);
        }
    }
    // Nobody listens.
    let nobody = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    let server = gateway(nobody);
    assert_eq!(answer(&server, ANN), "451 4.1.1");
}

#[test]
fn a_server_that_says_nothing_keeps_one_recipient_waiting_and_no_other() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let server = gateway(listener.local_addr().unwrap());
    server.done(&["account", "add", "listed@example.test"]);
    let waiting = std::thread::spawn({
        let smtp = server.smtp();
        move || {
            let mut client = Client::greeted(smtp);
            client.give_up_after(Duration::from_secs(30));
            client.ask("MAIL FROM:<friend@sender.example.test>", "250");
            let began = Instant::now();
            client.ask("RCPT TO:<nobody@example.test>", "451 4.1.1");
            let waited = began.elapsed();
            // Then the session goes on as if nothing had been.
            client.ask("RCPT TO:<listed@example.test>", "250");
            waited
        }
    });
    let began = Instant::now();
    for _ in 0..20 {
        assert_eq!(answer(&server, "listed@example.test"), "250 2.1.5");
    }
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    let waited = waiting.join().unwrap();
    assert!((Duration::from_secs(5)..Duration::from_secs(9)).contains(&waited), "{waited:?}");
    drop(listener);
}

#[test]
fn a_server_is_not_asked_more_often_than_the_limits_say() {
    let sink = Sink::with(knows(&[ANN]));
    let server = gateway(sink.address());
    let mut client = Client::greeted(server.smtp());
    client.give_up_after(Duration::from_secs(60));
    client.ask("MAIL FROM:<friend@sender.example.test>", "250");
    for number in 0..14 {
        client.ask(&format!("RCPT TO:<guess{number}@example.test>"), "451 4.1.1");
    }
    // Ten names a minute for a source of which nothing is known, in sessions of their own at worst.
    let sessions = sink.connections();
    assert!((1..=10 + 3).contains(&sessions), "{sessions}");
    assert_eq!(server.metric("doorlist_probes_total{answer=\"no_such_user\"}"), 10.0);
    // Vetoed and system addresses are never asked for.
    server.done(&["account", "add", BOB]);
    server.done(&["account", "remove", BOB]);
    assert_eq!(answer(&server, BOB), "550 5.1.1");
    assert_eq!(answer(&server, "postmaster@example.test"), "250 2.1.5");
    assert_eq!(sink.connections(), sessions);
}

/// Postfix judges senders only when it is told the recipient.
#[test]
fn a_server_that_refuses_the_sender_of_a_question_is_asked_with_another_one() {
    let refuses = "smtpd_sender_restrictions = check_sender_access inline:{{op@ops.test = REJECT}}\n";
    let setup = Setup { domains: &["example.test"], known: Some(&[ANN]), settings: refuses, smarthost: None };
    let next = Postfix::start(&setup).unwrap();
    let server = Server::with(Settings::default().set("smtp.postmaster", "op@ops.test"));
    server.done(&["domain", "add", "example.test", "--server", &next.address().to_string()]);
    let probed = server.done(&["domain", "probe", "example.test", ANN]);
    assert!(probed.contains("Sender address rejected"), "{probed}");
    let probed = server.done(&["domain", "probe", "example.test", ANN]);
    assert!(probed.contains("C: MAIL FROM:<>") && !probed.contains("Sender address rejected"), "{probed}");
    assert_eq!(answer(&server, ANN), "250 2.1.5");
}

/// A server that greets nobody before the other one of the meeting has a visitor, too; then it takes everybody.
fn meeting_server(meeting: &Arc<Barrier>) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let meeting = Arc::clone(meeting);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let meeting = Arc::clone(&meeting);
            std::thread::spawn(move || {
                meeting.wait();
                drop(stream.and_then(take_everybody));
            });
        }
    });
    address
}

fn take_everybody(stream: TcpStream) -> std::io::Result<()> {
    let mut writer = stream.try_clone()?;
    writer.write_all(b"220 meeting.example.test ESMTP\r\n")?;
    for line in BufReader::new(stream).lines() {
        line?;
        writer.write_all(b"250 2.0.0 Ok\r\n")?;
    }
    Ok(())
}

#[test]
fn all_servers_of_a_domain_are_asked_at_once() {
    let meeting = Arc::new(Barrier::new(2));
    let (one, other) = (meeting_server(&meeting).to_string(), meeting_server(&meeting).to_string());
    let server = Server::start();
    server.done(&["domain", "add", "example.test", "--server", &one, "--server", &other]);
    let began = Instant::now();
    let probed = server.done(&["domain", "probe", "example.test", "carl@example.test"]);
    assert_eq!(probed.matches("C: RCPT TO:<carl@example.test>").count(), 2, "{probed}");
    // A server that does not answer is given up after 30 s.
    assert!(began.elapsed() < Duration::from_secs(25), "{:?}", began.elapsed());
}
