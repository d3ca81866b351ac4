//! Connections are shared: whoever's servers are silent or many, other mail goes out.

use crate::fake::{Answer, Event, Fake, PATIENCE, ok};
use crate::home::{Home, Wishes, server};
use doorlist_core::change::{DomainChange, MailServer};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const BODY: &[u8] = b"Subject: hello\r\n\r\nhello\r\n";

/// Longer than any test: nothing may depend on such a time-out.
const NEVER: Duration = Duration::from_secs(600);

fn wishes(connections_max: usize) -> Wishes {
    let mut wishes = Wishes { retry: NEVER, ..Wishes::default() };
    let config = &mut wishes.config;
    config.connections_max = connections_max;
    (config.connect, config.reply, config.final_reply, config.keep_open) = (NEVER, NEVER, NEVER, NEVER);
    config.give_way = NEVER;
    wishes
}

/// Each number is a destination of its own.
fn numbered(fake: &Fake, number: usize) -> MailServer {
    MailServer { host: format!("mx{number}.example.test"), ..server(fake.address) }
}

#[tokio::test]
async fn a_customers_silent_servers_do_not_delay_the_mail_of_another() {
    let (silent, alive) = (Fake::start(|_| Answer::Hang).await, Fake::start(ok).await);
    let home = Home::start(wishes(40)).await;
    for n in 0..60 {
        home.domain_of("Silent", &format!("s{n}.example.test"), vec![numbered(&silent, n)]).await;
    }
    for n in 0..5 {
        home.domain_of("Alive", &format!("a{n}.example.test"), vec![numbered(&alive, n)]).await;
    }
    for n in 0..60 {
        home.post("s@sender.example.test", &[&format!("x@s{n}.example.test")], BODY).await;
    }
    for round in 0..3 {
        for n in 0..5 {
            let id = home.post("s@sender.example.test", &[&format!("r{round}@a{n}.example.test")], BODY).await;
            home.removed(id).await;
        }
    }
    assert!(home.metrics().contains("doorlist_queue_messages 60\n"), "{}", home.metrics());
}

#[tokio::test]
async fn servers_that_were_well_and_go_silent_with_all_their_connections_do_not_either() {
    let is_silent = Arc::new(AtomicBool::new(false));
    let alive = Fake::start(ok).await;
    let turning = Fake::start({
        let is_silent = Arc::clone(&is_silent);
        move |event| match event {
            Event::Command(line) if line.starts_with("MAIL") && is_silent.load(Ordering::SeqCst) => Answer::Hang,
            other => ok(other),
        }
    })
    .await;
    let home = Home::start(wishes(20)).await;
    for n in 0..8 {
        home.domain_of("Silent", &format!("s{n}.example.test"), vec![numbered(&turning, n)]).await;
        let id = home.post("s@sender.example.test", &[&format!("x@s{n}.example.test")], BODY).await;
        home.removed(id).await;
    }
    home.domain_of("Alive", "alive.example.test", vec![server(alive.address)]).await;
    is_silent.store(true, Ordering::SeqCst);
    for n in 0..80 {
        home.post("s@sender.example.test", &[&format!("y@s{}.example.test", n % 8)], BODY).await;
    }
    let id = home.post("s@sender.example.test", &["x@alive.example.test"], BODY).await;
    home.removed(id).await;
}

#[tokio::test]
async fn connections_without_an_answer_end_for_mail_that_waits_but_not_behind_the_final_dot() {
    let (silent, alive) = (Fake::start(|_| Answer::Hang).await, Fake::start(ok).await);
    let ambiguous = Fake::start(|event| match event {
        Event::EndOfData => Answer::Hang,
        other => ok(other),
    })
    .await;
    let mut wishes = wishes(4);
    wishes.config.give_way = Duration::from_millis(300);
    let home = Home::start(wishes).await;
    home.domain("dot.example.test", vec![server(ambiguous.address)]).await;
    home.domain("alive.example.test", vec![server(alive.address)]).await;
    let dot = home.post("s@sender.example.test", &["x@dot.example.test"], BODY).await;
    let mut dead = Vec::new();
    for n in 0..6 {
        home.domain(&format!("s{n}.example.test"), vec![numbered(&silent, n)]).await;
        dead.push(home.post("s@sender.example.test", &[&format!("x@s{n}.example.test")], BODY).await);
    }
    let id = home.post("s@sender.example.test", &["x@alive.example.test"], BODY).await;
    home.removed(id).await;
    home.logged(&[&dead[0].to_string(), "dsn=4.4.1", "other mail waited for the connection"]).await;
    assert!(home.queue().show(dot).await.unwrap().unwrap().under_way, "its server may have it already");
    assert_eq!(ambiguous.connections(), 1);
}

#[tokio::test]
async fn idle_connections_are_no_obstacle() {
    let alive = Fake::start(ok).await;
    let home = Home::start(wishes(3)).await;
    let begun = Instant::now();
    for n in 0..12 {
        home.domain(&format!("d{n}.example.test"), vec![numbered(&alive, n)]).await;
        let id = home.post("s@sender.example.test", &[&format!("x@d{n}.example.test")], BODY).await;
        home.removed(id).await;
    }
    assert!(begun.elapsed() < PATIENCE, "each of them is kept open for {NEVER:?}");
}

#[tokio::test]
async fn messages_that_found_no_room_in_memory_come_as_soon_as_there_is_some_however_young_they_are() {
    let fake = Fake::start(ok).await;
    let small = || Wishes { active_max: 200, ..Wishes::default() };
    let mut home = Home::start(small()).await;
    home.domain("deep.example.test", vec![server(fake.address)]).await;
    for restarted in [false, true] {
        home.change("deep.example.test", DomainChange::Hold(true)).await;
        let mut ids = Vec::new();
        for _ in 0..400 {
            ids.push(home.post("s@sender.example.test", &["x@deep.example.test"], BODY).await);
        }
        if restarted {
            home = home.restart(small()).await;
        }
        home.change("deep.example.test", DomainChange::Hold(false)).await;
        for id in ids {
            home.removed(id).await;
        }
    }
}
