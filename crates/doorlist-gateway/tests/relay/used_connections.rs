//! What servers do on connections that have carried mail: they end them, or misread what comes. It costs no attempt.

use crate::fake::{Answer, Event, Fake, ok, say};
use crate::home::{Home, Wishes, server};
use doorlist_core::queue_id::QueueId;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const BODY: &[u8] = b"Subject: hello\r\n\r\nhello\r\n";
/// Messages that a server takes over one connection.
const MESSAGES_TAKEN: usize = 3;
const POSTED: usize = 20;

/// A relay that does not try again while the test runs.
async fn one_attempt(connections_max: usize) -> Home {
    let mut wishes = Wishes { retry: Duration::from_secs(3600), ..Wishes::default() };
    wishes.config.connections_per_destination_max = connections_max;
    Home::start(wishes).await
}

/// Posts [`POSTED`] messages for as many recipients.
async fn post_all(home: &Home, fake: &Fake) -> Vec<QueueId> {
    home.domain("d.example.test", vec![server(fake.address)]).await;
    let mut ids = Vec::new();
    for n in 0..POSTED {
        ids.push(home.post("s@sender.example.test", &[&format!("r{n}@d.example.test")], BODY).await);
    }
    ids
}

/// Every message came exactly once, and none was deferred.
async fn all_came_once(home: &Home, fake: &Fake, ids: Vec<QueueId>) {
    for id in ids {
        home.removed(id).await;
    }
    let mut got = Vec::new();
    for _ in 0..POSTED {
        got.extend(fake.next().await.rcpt);
    }
    got.sort();
    got.dedup();
    assert_eq!((got.len(), fake.has_more().await), (POSTED, false));
    assert!(!home.log().contains("status=deferred") && !home.log().contains("status=bounced"), "{}", home.log());
}

/// A script for each connection: it ends at this command, or behind the final reply, of the message after the last one
/// that it takes.
fn ends_after_some(at: &'static str, end: fn(String) -> Answer) -> impl Fn() -> Box<Script> + Send + Sync {
    move || {
        let taken = AtomicUsize::new(0);
        Box::new(move |event: &Event<'_>| {
            let full = taken.load(Ordering::SeqCst) == MESSAGES_TAKEN;
            match event {
                Event::Command(line) if full && line.starts_with(at) => end(String::new()),
                Event::EndOfData if taken.fetch_add(1, Ordering::SeqCst) + 1 == MESSAGES_TAKEN && at == "idle" => {
                    end("250 2.0.0 taken\r\n".to_owned())
                }
                other => ok(other),
            }
        })
    }
}

type Script = dyn Fn(&Event<'_>) -> Answer + Send + Sync;

#[tokio::test]
async fn a_server_that_ends_used_connections_gets_the_rest_at_once() {
    let says_421 = |before| Answer::SayAndClose(format!("{before}421 4.7.0 too many messages in this connection\r\n"));
    let says_421_and_stays =
        |before| Answer::Say(format!("{before}421 4.7.0 too many messages in this connection\r\n"));
    let closes = |before: String| if before.is_empty() { Answer::Close } else { Answer::SayAndClose(before) };
    for at in ["MAIL", "RCPT", "idle"] {
        for (end, connections_max) in
            [(says_421 as fn(String) -> Answer, 1), (says_421_and_stays, 1), (closes, 1), (says_421, 5)]
        {
            let fake = Fake::start_each(ends_after_some(at, end)).await;
            let home = one_attempt(connections_max).await;
            let ids = post_all(&home, &fake).await;
            all_came_once(&home, &fake, ids).await;
            let least = POSTED.div_ceil(MESSAGES_TAKEN);
            assert!((least..=least + connections_max).contains(&fake.connections()), "{at}: {}", fake.connections());
        }
    }
}

#[tokio::test]
async fn a_421_that_touched_a_recipient_is_an_attempt() {
    let fake = Fake::start_each(|| {
        let taken = AtomicUsize::new(0);
        move |event: &Event<'_>| match event {
            Event::Command(line) if line.contains("<second@") && taken.load(Ordering::SeqCst) > 0 => {
                Answer::SayAndClose("421 4.7.0 bye\r\n".to_owned())
            }
            Event::EndOfData => {
                taken.fetch_add(1, Ordering::SeqCst);
                ok(event)
            }
            other => ok(other),
        }
    })
    .await;
    let home = one_attempt(1).await;
    home.domain("d.example.test", vec![server(fake.address)]).await;
    let first = home.post("s@sender.example.test", &["first@d.example.test"], BODY).await;
    home.removed(first).await;
    let both = ["first@d.example.test", "second@d.example.test"];
    let id = home.post("s@sender.example.test", &both, BODY).await.to_string();
    for recipient in both {
        home.logged(&[&id, recipient, "status=deferred", "421 4.7.0 bye"]).await;
    }
}

#[tokio::test]
async fn a_server_that_ends_every_connection_at_once_counts_as_an_attempt() {
    for at in ["MAIL", "RCPT", "DATA"] {
        let fake = Fake::start(move |event| match event {
            Event::Command(line) if line.starts_with(at) => Answer::SayAndClose("421 4.3.2 not now\r\n".to_owned()),
            other => ok(other),
        })
        .await;
        let home = one_attempt(1).await;
        home.domain("d.example.test", vec![server(fake.address)]).await;
        let id = home.post("s@sender.example.test", &["a@d.example.test"], BODY).await;
        home.logged(&[&id.to_string(), "status=deferred", "421 4.3.2 not now"]).await;
        assert_eq!((fake.connections(), fake.has_more().await), (1, false), "{at}");
        assert_eq!(home.queue().show(id).await.unwrap().unwrap().attempts, 1);
    }
}

#[tokio::test]
async fn nothing_follows_the_final_dot_before_its_reply() {
    // The fake drops what does, as chasquid does, and answers 500.
    let fake = Fake::start(ok).await;
    let home = one_attempt(1).await;
    let ids = post_all(&home, &fake).await;
    all_came_once(&home, &fake, ids).await;
    assert_eq!(fake.connections(), 1, "over one connection");
}

#[tokio::test]
async fn large_messages_one_after_the_other_over_one_connection() {
    let fake = Fake::start(ok).await;
    let home = one_attempt(1).await;
    home.domain("d.example.test", vec![server(fake.address)]).await;
    let body =
        b"Subject: large\r\n\r\n".iter().copied().chain(b"0123456789abcdef\r\n".repeat(30 << 16)).collect::<Vec<_>>();
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(home.post("s@sender.example.test", &["a@d.example.test"], &body).await);
    }
    for id in ids {
        home.removed(id).await;
        assert!(fake.next().await.body == body);
    }
    assert_eq!((fake.connections(), fake.has_more().await), (1, false));
}

#[tokio::test]
async fn what_a_used_connection_misunderstands_is_said_again_on_a_fresh_one_step_by_step() {
    for code in ["500", "501", "502", "503"] {
        for at in ["MAIL", "RCPT", "DATA"] {
            let fake = Fake::start_each(move || {
                let taken = AtomicUsize::new(0);
                move |event: &Event<'_>| match event {
                    Event::Command(line) if line.starts_with(at) && taken.load(Ordering::SeqCst) > 0 => {
                        say(&format!("{code} 5.5.1 what?"))
                    }
                    Event::EndOfData => {
                        taken.fetch_add(1, Ordering::SeqCst);
                        ok(event)
                    }
                    other => ok(other),
                }
            })
            .await;
            let home = one_attempt(1).await;
            home.domain("d.example.test", vec![server(fake.address)]).await;
            for _ in 0..2 {
                let id = home.post("s@sender.example.test", &["a@d.example.test"], BODY).await;
                home.removed(id).await;
            }
            let (first, second) = (fake.next().await, fake.next().await);
            assert_eq!((first.pipelined, second.pipelined), (true, false), "{code} at {at}");
            assert_eq!((fake.connections(), fake.has_more().await), (2, false), "{code} at {at}");
            assert!(!home.log().contains("status=bounced"), "{}", home.log());
        }
    }
}

#[tokio::test]
async fn a_misunderstanding_on_a_fresh_connection_counts_and_others_keep_their_results() {
    let fake = Fake::start(|event| match event {
        Event::Command(line) if line.contains("<odd@") => say("501 5.1.3 bad address"),
        other => ok(other),
    })
    .await;
    let home = one_attempt(1).await;
    home.domain("d.example.test", vec![server(fake.address)]).await;
    let first = home.post("", &["a@d.example.test"], BODY).await;
    home.removed(first).await;
    let id = home.post("", &["a@d.example.test", "odd@d.example.test", "b@d.example.test"], BODY).await.to_string();
    home.logged(&[&id, "odd@d.example.test", "dsn=5.1.3, status=bounced"]).await;
    assert_eq!(fake.next().await.rcpt.len(), 1);
    assert_eq!(fake.next().await.rcpt, ["a@d.example.test", "b@d.example.test"]);
    assert_eq!((fake.connections(), fake.has_more().await), (2, false));
}
