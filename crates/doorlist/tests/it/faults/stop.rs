//! D10 to D12: destinations that go and come back, one dead among many, and a server that is told to stop with its
//! hands full.

use std::time::{Duration, Instant};

use doorlist_testbed::maildir::Setup;
use doorlist_testbed::ports;
use doorlist_testbed::postfix::Postfix;

use crate::client::{Client, wait_until};
use crate::server::{Server, Settings};
use crate::sink::{Manners, Sink};

const ANN: &str = "ann@example.test";

#[test]
fn d10_a_destination_that_is_away_gets_everything_when_it_is_back() {
    const MESSAGES: usize = 50;
    let mut postfix = Postfix::start(&Setup::default()).unwrap();
    let server = Server::start();
    server.protect("example.test", postfix.address(), &["ann"]);
    postfix.stop().unwrap();
    let mut client = Client::greeted(server.smtp());
    for number in 0..MESSAGES {
        let reply = client.mail(ANN, &format!("Message-ID: <{number}@test>\r\nSubject: {number}\r\n\r\ntext"));
        assert!(reply.starts_with("250 2.0.0"), "{reply}");
    }
    wait_until("it is told that nobody answers", Duration::from_secs(20), || server.log().contains("status=deferred"));
    assert_eq!(server.queue().len(), MESSAGES);
    postfix.start_again().unwrap();
    server.done(&["queue", "retry", "--domain", "example.test"]);
    let delivered = postfix.maildir().wait_for(MESSAGES, Duration::from_secs(60)).unwrap();
    assert_eq!(delivered.len(), MESSAGES);
    wait_until("the queue is empty", Duration::from_secs(20), || server.queue().is_empty());
}

/// What an administrator does on the day the mail server is replaced.
#[test]
fn d10_mail_that_waits_for_a_dead_server_goes_to_the_new_one() {
    let server = Server::start();
    let dead = std::net::SocketAddr::from(([127, 0, 0, 1], ports::free().unwrap()));
    server.protect("example.test", dead, &["ann"]);
    let mut client = Client::greeted(server.smtp());
    assert!(client.mail(ANN, "Message-ID: <waiting@test>\r\n\r\n").starts_with("250 2.0.0"));
    wait_until("it is told that nobody answers", Duration::from_secs(20), || server.log().contains("status=deferred"));
    let sink = Sink::start();
    server.done(&["domain", "set", "example.test", "--server", &sink.address().to_string()]);
    server.done(&["queue", "retry", "--domain", "example.test"]);
    assert_eq!(sink.wait_for(1)[0].id(), "waiting@test");
    assert!(client.mail(ANN, "Message-ID: <new@test>\r\n\r\n").starts_with("250 2.0.0"));
    assert_eq!(sink.wait_for(2)[1].id(), "new@test");
    wait_until("the queue is empty", Duration::from_secs(20), || server.queue().is_empty());
}

#[test]
fn d10_a_deferred_message_waits_while_held_and_goes_when_released() {
    let bounces = Sink::start();
    let server = Server::with(Settings::default().set("relay.outbound", bounces.address().to_string()));
    let sink = Sink::with(Manners { recipient: Some("450 4.2.1 later".to_owned()), ..Manners::default() });
    server.protect("example.test", sink.address(), &["ann"]);
    let mut client = Client::greeted(server.smtp());
    assert!(client.mail(ANN, "Message-ID: <patient@test>\r\n\r\n").starts_with("250 2.0.0"));
    wait_until("it waits", Duration::from_secs(20), || {
        server.log().lines().any(|line| line.contains("status=deferred") && line.contains("450 4.2.1 later"))
    });
    let id = server.queue()[0]["id"].as_str().expect("an id").to_owned();
    server.done(&["queue", "hold", &id]);
    sink.behave(Manners::default());
    for which in [&["--domain", "example.test"][..], &["--all"], &[&id]] {
        let printed = server.command(&[&["queue", "retry"], which].concat());
        assert!(printed.code == 64 && printed.talk.contains("1 message is on hold"), "{printed:?}");
    }
    assert_eq!(sink.taken().len(), 0, "a message on hold stays");
    server.done(&["queue", "release", &id]);
    assert_eq!(sink.wait_for(1)[0].id(), "patient@test");
    assert_eq!(bounces.connections(), 0);
}

#[test]
fn d11_one_dead_domain_delays_no_other() {
    let server = Server::start();
    let sink = Sink::start();
    server.protect("example.test", sink.address(), &["ann"]);
    let nobody = std::net::SocketAddr::from(([127, 0, 0, 1], ports::free().unwrap()));
    server.protect("dead.test", nobody, &["bob"]);
    let mut client = Client::greeted(server.smtp());
    for number in 0..200 {
        assert!(client.mail("bob@dead.test", &format!("Message-ID: <dead{number}@test>\r\n\r\n")).starts_with("250 "));
    }
    let begin = Instant::now();
    for number in 0..20 {
        assert!(client.mail(ANN, &format!("Message-ID: <{number}@test>\r\n\r\n")).starts_with("250 "));
    }
    sink.wait_for(20);
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
    let dead = server.queue();
    assert_eq!(dead.len(), 200);
}

#[test]
fn d11_a_full_queue_is_taken_up_again_at_the_next_start() {
    const MESSAGES: usize = 2_000;
    const SESSIONS: usize = 8;
    let mut server = Server::start();
    let sink = Sink::start();
    server.protect("example.test", sink.address(), &["ann"]);
    server.done(&["domain", "hold", "example.test"]);
    let smtp = server.smtp();
    std::thread::scope(|scope| {
        for session in 0..SESSIONS {
            scope.spawn(move || {
                let mut client = Client::greeted(smtp);
                for number in 0..MESSAGES / SESSIONS {
                    let message = format!("Message-ID: <{session}-{number}@test>\r\n\r\ntext");
                    assert!(client.mail(ANN, &message).starts_with("250 2.0.0"));
                }
            });
        }
    });
    server.kill();
    let begin = Instant::now();
    server.run();
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
    assert_eq!(server.queue().len(), MESSAGES);
    server.done(&["domain", "release", "example.test"]);
    let mut ids: Vec<String> = sink.wait_for(MESSAGES).iter().map(|taken| taken.id()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), MESSAGES);
    wait_until("the queue is empty", Duration::from_secs(20), || server.queue().is_empty());
}

#[test]
fn d12_sigterm_with_two_hundred_sessions_lets_messages_finish_and_tells_the_rest() {
    const IDLE: usize = 150;
    const IN_DATA: usize = 50;
    let settings = Settings::default().set("smtp.sessions_per_address_max", "1000");
    let mut server = Server::with(settings);
    let sink = Sink::start();
    server.protect("example.test", sink.address(), &["ann"]);
    server.done(&["domain", "hold", "example.test"]);
    let mut idle: Vec<Client> = (0..IDLE).map(|_| Client::greeted(server.smtp())).collect();
    let mut busy: Vec<Client> = (0..IN_DATA).map(|_| Client::greeted(server.smtp())).collect();
    for (number, client) in busy.iter_mut().enumerate() {
        client.begin_data(ANN);
        client.send(format!("Message-ID: <{number}@test>\r\n\r\n"));
    }
    let begin = Instant::now();
    server.process().signal(nix::sys::signal::Signal::SIGTERM).unwrap();
    for client in &mut idle {
        client.expect("421 4.3.2");
        client.closed();
    }
    for client in &mut busy {
        client.send("the rest\r\n.\r\n");
        client.expect("250 2.0.0");
    }
    for client in &mut busy {
        client.expect("421 4.3.2");
        client.closed();
    }
    assert!(server.wait_for_end().success());
    assert!(begin.elapsed() < Duration::from_secs(30), "{:?}", begin.elapsed());
    server.run();
    assert_eq!(server.queue().len(), IN_DATA);
}

#[test]
fn d12_sigterm_waits_for_a_silent_message_no_longer_than_the_drain_time() {
    let mut server = Server::with(Settings::default().set("smtp.drain", "2 s"));
    let sink = Sink::start();
    server.protect("example.test", sink.address(), &["ann"]);
    let mut client = Client::greeted(server.smtp());
    client.begin_data(ANN);
    client.send("Message-ID: <silent@test>\r\n\r\n");
    let begin = Instant::now();
    server.stop();
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
    server.run();
    assert!(server.queue().is_empty(), "half a message is no message");
    drop(client);
}
