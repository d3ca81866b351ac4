//! D10: servers and connections that fail in every way. The mail waits and comes through; an ambiguous end is said so.

use crate::fake::{Answer, Away, Event, Fake, ok, say};
use crate::home::{Home, Wishes, server};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const BODY: &[u8] = b"Subject: hello\r\n\r\nhello\r\n";

/// The stages of a delivery, as a script tells them apart.
const STAGES: [&str; 6] = ["connect", "EHLO", "MAIL", "RCPT", "DATA", "end"];

fn stage(event: &Event<'_>) -> &'static str {
    match event {
        Event::Connect => "connect",
        Event::EndOfData => "end",
        Event::Command(line) => STAGES.iter().find(|stage| line.starts_with(**stage)).copied().unwrap_or("other"),
    }
}

/// A message to a server that fails once at `at`, then behaves; the log.
async fn survives(at: &'static str, fault: impl Fn() -> Answer + Send + Sync + 'static, wishes: Wishes) -> String {
    let failed = AtomicUsize::new(0);
    let fake = Fake::start(move |event| match event {
        event if stage(event) == at && failed.fetch_add(1, Ordering::SeqCst) == 0 => fault(),
        event => ok(event),
    })
    .await;
    let home = Home::start(wishes).await;
    home.domain("d.example.test", vec![server(fake.address)]).await;
    let id = home.post("s@sender.example.test", &["a@d.example.test"], BODY).await;
    home.removed(id).await;
    assert_eq!((&*fake.next().await.body, fake.has_more().await), (BODY, false), "at {at}");
    home.logged(&[&id.to_string(), "status=deferred"]).await;
    home.logged(&[&id.to_string(), "status=sent"]).await;
    home.log()
}

#[tokio::test]
async fn d10_421_at_each_stage() {
    for at in STAGES {
        let bye = || Answer::SayAndClose("421 4.3.2 shutting down\r\n".to_owned());
        let log = survives(at, bye, Wishes::default()).await;
        assert!(log.contains("421 4.3.2 shutting down"), "{log}");
    }
}

#[tokio::test]
async fn d10_a_connection_that_closes_at_each_stage() {
    for at in STAGES {
        let log = survives(at, || Answer::Close, Wishes::default()).await;
        assert_eq!(log.contains("possible duplicate"), at == "end", "{log}");
    }
}

#[tokio::test]
async fn d10_a_server_that_hangs_at_each_stage() {
    for at in STAGES {
        let mut wishes = Wishes::default();
        (wishes.config.reply, wishes.config.final_reply) = (Duration::from_millis(200), Duration::from_millis(200));
        let log = survives(at, || Answer::Hang, wishes).await;
        assert!(log.contains("timed out"), "{log}");
        assert_eq!(log.contains("possible duplicate"), at == "end", "{log}");
    }
}

#[tokio::test]
async fn replies_that_are_none_and_replies_without_end() {
    for at in STAGES {
        for garbage in ["hello there\r\n".to_owned(), "250-x\r\n".repeat(200), "2".repeat(10 << 20)] {
            let log = survives(at, move || Answer::Say(garbage.clone()), Wishes::default()).await;
            assert!(log.contains("protocol error"), "{log}");
        }
    }
}

#[tokio::test]
async fn d10_a_server_that_is_away_and_comes_back() {
    let away = Away::new();
    let home = Home::start(Wishes::default()).await;
    home.domain("d.example.test", vec![server(away.address())]).await;
    let mut ids = Vec::new();
    for _ in 0..50 {
        ids.push(home.post("s@sender.example.test", &["a@d.example.test"], BODY).await);
    }
    home.logged(&["destination=127.0.0.1", "Connection refused"]).await;
    for id in &ids {
        home.logged(&[
            &id.to_string(),
            "relay=none",
            "dsn=4.4.1, status=deferred (delivery temporarily suspended: connect to",
        ])
        .await;
    }
    let fake = Fake::on(away.back(), ok);
    for id in &ids {
        home.removed(*id).await;
    }
    assert!(fake.connections() <= 20, "{}", fake.connections());
}

#[tokio::test]
async fn a_server_that_closes_idle_connections_is_no_failure() {
    let fake = Fake::start(|event| match event {
        Event::EndOfData => Answer::Say("250 2.0.0 taken\r\n421 4.4.2 idle\r\n".to_owned()),
        other => ok(other),
    })
    .await;
    let home = Home::start(Wishes { retry: Duration::from_secs(3600), ..Wishes::default() }).await;
    home.domain("d.example.test", vec![server(fake.address)]).await;
    for _ in 0..5 {
        let id = home.post("s@sender.example.test", &["a@d.example.test"], BODY).await;
        home.removed(id).await;
    }
    assert!(!home.log().contains("status=deferred"), "{}", home.log());
}

#[tokio::test]
async fn s32_a_server_that_is_this_gateway_itself_is_a_loop() {
    let ourselves = Fake::start(ok).await;
    let wishes = Wishes { listeners: vec![ourselves.address], retry: Duration::from_secs(3600), ..Wishes::default() };
    let home = Home::start(wishes).await;
    home.domain("d.example.test", vec![server(ourselves.address)]).await;
    let id = home.post("s@sender.example.test", &["a@d.example.test"], BODY).await;
    home.logged(&[&id.to_string(), "dsn=4.4.6, status=deferred", "mail loops back to this gateway"]).await;
    assert!(!ourselves.has_more().await);
}

#[tokio::test]
async fn a_5xx_greeting_is_no_verdict_on_the_mail() {
    let log = survives("connect", || Answer::SayAndClose("554 5.3.2 go away\r\n".to_owned()), Wishes::default()).await;
    assert!(log.contains("dsn=4.3.0, status=deferred"), "{log}");
}

#[tokio::test]
async fn a_server_that_refuses_a_large_body_half_way_is_understood() {
    // It reads nothing after DATA but says why and closes; the rest of the body meets a closed connection.
    let fake = Fake::start(|event| match event {
        Event::Command("DATA") => Answer::SayAndClose("354 go on\r\n552 5.3.4 too big\r\n".to_owned()),
        other => ok(other),
    })
    .await;
    let home = Home::start(Wishes::default()).await;
    home.domain("d.example.test", vec![server(fake.address)]).await;
    let body = b"Subject: x\r\n\r\n".repeat(2 << 20);
    let id = home.post("", &["a@d.example.test"], &body).await;
    let id = id.to_string();
    // Which of both is seen is the network's choice; it must be one of them.
    let line = home.logged(&[&id, "status="]).await;
    assert!(line.contains("552 5.3.4 too big") || line.contains("broke off"), "{line}");
}

#[tokio::test]
async fn a_restart_goes_on_where_it_was() {
    let failed = AtomicUsize::new(0);
    let fake = Fake::start(move |event| match event {
        Event::Command(line) if line.contains("<later@") && failed.fetch_add(1, Ordering::SeqCst) == 0 => {
            say("450 4.2.1 later")
        }
        other => ok(other),
    })
    .await;
    let home = Home::start(Wishes { retry: Duration::from_secs(3600), ..Wishes::default() }).await;
    home.domain("d.example.test", vec![server(fake.address)]).await;
    let id = home.post("s@sender.example.test", &["now@d.example.test", "later@d.example.test"], BODY).await;
    assert_eq!(fake.next().await.rcpt, ["now@d.example.test"]);
    home.logged(&[&id.to_string(), "status=deferred"]).await;
    let home = home.restart(Wishes::default()).await;
    let queued = home.queue().show(id).await.unwrap().unwrap();
    assert_eq!(queued.attempts, 1);
    assert!(home.queue().order(doorlist_gateway::relay::QueueOperation::Retry, id).await.unwrap());
    assert_eq!(fake.next().await.rcpt, ["later@d.example.test"], "and not the other one again");
    home.removed(id).await;
}

#[tokio::test]
async fn shutdown_lets_a_running_transaction_end() {
    let (entered, mut at_end) = tokio::sync::mpsc::unbounded_channel();
    let fake = Fake::start(move |event| match event {
        Event::EndOfData => {
            let _ = entered.send(());
            std::thread::sleep(Duration::from_millis(100));
            ok(event)
        }
        other => ok(other),
    })
    .await;
    let home = Home::start(Wishes::default()).await;
    home.domain("d.example.test", vec![server(fake.address)]).await;
    let id = home.post("s@sender.example.test", &["a@d.example.test"], BODY).await;
    at_end.recv().await.unwrap();
    home.relay.shutdown(Duration::from_secs(10)).await;
    assert!(home.spool.get(id).await.unwrap().is_none(), "{}", home.log());
    assert!(home.metrics().contains("doorlist_relay_connections 0\n"), "{}", home.metrics());
}

#[tokio::test]
async fn shutdown_does_not_wait_for_a_server_that_hangs() {
    let (entered, mut at_end) = tokio::sync::mpsc::unbounded_channel();
    let fake = Fake::start(move |event| match event {
        Event::EndOfData => {
            let _ = entered.send(());
            Answer::Hang
        }
        other => ok(other),
    })
    .await;
    let home = Home::start(Wishes::default()).await;
    home.domain("d.example.test", vec![server(fake.address)]).await;
    let id = home.post("s@sender.example.test", &["a@d.example.test"], BODY).await;
    at_end.recv().await.unwrap();
    home.relay.shutdown(Duration::from_millis(100)).await;
    assert!(home.spool.get(id).await.unwrap().is_some());
}
