//! A server that fails for a time: the same attempt goes on with the next one, for those it concerns, and nothing comes
//! twice.

use crate::fake::{Answer, Away, Event, Fake, ok, say};
use crate::home::{Home, Wishes, server};
use doorlist_core::change::MailServer;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

const BODY: &[u8] = b"Subject: hello\r\n\r\nhello\r\n";

fn at(fake: &Fake, preference: u16) -> MailServer {
    MailServer { preference, ..server(fake.address) }
}

/// A relay that does not try again while the test runs.
async fn one_attempt() -> Home {
    Home::start(Wishes { retry: Duration::from_secs(3600), ..Wishes::default() }).await
}

/// A server that fails at this command each time.
async fn fails_at(command: &'static str, fault: impl Fn() -> Answer + Send + Sync + 'static) -> Fake {
    Fake::start(move |event| match event {
        Event::Command(line) if line.starts_with(command) => fault(),
        other => ok(other),
    })
    .await
}

#[tokio::test]
async fn a_soft_failure_before_the_final_dot_goes_on_with_the_next_server() {
    let faults: [fn() -> Answer; 4] = [
        || say("451 4.3.0 disk"),
        || Answer::SayAndClose("421 4.3.2 bye\r\n".to_owned()),
        || Answer::Close,
        || Answer::Say("nonsense\r\n".to_owned()),
    ];
    for command in ["MAIL", "RCPT", "DATA"] {
        for fault in faults {
            let (first, backup) = (fails_at(command, fault).await, Fake::start(ok).await);
            let home = one_attempt().await;
            home.domain("d.example.test", vec![at(&first, 10), at(&backup, 20)]).await;
            let mut ids = Vec::new();
            for n in 0..10 {
                ids.push(home.post("s@sender.example.test", &[&format!("r{n}@d.example.test")], BODY).await);
            }
            for id in ids {
                home.removed(id).await;
            }
            let mut got = Vec::new();
            for _ in 0..10 {
                got.extend(backup.next().await.rcpt);
            }
            got.sort();
            got.dedup();
            assert_eq!((got.len(), backup.has_more().await, first.has_more().await), (10, false, false), "{command}");
            assert!(!home.log().contains("status=deferred"), "{command}: {}", home.log());
        }
    }
}

#[tokio::test]
async fn only_those_that_failed_for_a_time_go_on() {
    let first = Fake::start(|event| match event {
        Event::Command(line) if line.contains("<later@") => say("452 4.2.2 full"),
        Event::Command(line) if line.contains("<bad@") => say("550 5.1.1 no such user"),
        Event::Command(line) if line.contains("<grey@") => say("450 4.2.0 Greylisted, come again"),
        Event::Command(line) if line.contains("<policy@") => say("451 4.7.1 come again"),
        other => ok(other),
    })
    .await;
    let backup = Fake::start(ok).await;
    let home = one_attempt().await;
    home.domain("d.example.test", vec![at(&first, 10), at(&backup, 20)]).await;
    let to = ["good", "later", "bad", "grey", "policy"].map(|name| format!("{name}@d.example.test"));
    let id = home.post("", &to.each_ref().map(String::as_str), BODY).await.to_string();
    assert_eq!(first.next().await.rcpt, ["good@d.example.test"]);
    assert_eq!(backup.next().await.rcpt, ["later@d.example.test"]);
    home.logged(&[&id, "<later@d.example.test>", "status=sent"]).await;
    home.logged(&[&id, "<bad@d.example.test>", "dsn=5.1.1, status=bounced"]).await;
    for name in ["grey", "policy"] {
        home.logged(&[&id, &format!("<{name}@d.example.test>"), "status=deferred"]).await;
    }
    assert!(!first.has_more().await && !backup.has_more().await);
    home.logged(&[&id, "452 4.2.2 full (in reply to RCPT TO command); to=<later@d.example.test>"]).await;
}

#[tokio::test]
async fn behind_the_final_dot_no_other_server_is_tried() {
    let ends: [fn() -> Answer; 3] =
        [|| say("451 4.3.0 disk"), || Answer::SayAndClose("421 4.3.2 bye\r\n".to_owned()), || Answer::Close];
    for end in ends {
        let first = Fake::start(move |event| match event {
            Event::EndOfData => end(),
            other => ok(other),
        })
        .await;
        let backup = Fake::start(ok).await;
        let home = one_attempt().await;
        home.domain("d.example.test", vec![at(&first, 10), at(&backup, 20)]).await;
        let id = home.post("s@sender.example.test", &["a@d.example.test"], BODY).await;
        home.logged(&[&id.to_string(), "status=deferred"]).await;
        assert_eq!((backup.connections(), backup.has_more().await), (0, false));
        assert_eq!(home.queue().show(id).await.unwrap().unwrap().attempts, 1);
    }
}

#[tokio::test]
async fn equal_servers_first_then_the_next_preference_and_the_last_one_decides() {
    let soft = || say("451 4.3.0 disk");
    let (one, other, backup) = (fails_at("MAIL", soft).await, fails_at("RCPT", soft).await, Fake::start(ok).await);
    let home = one_attempt().await;
    home.domain("a.example.test", vec![at(&one, 10), at(&other, 10), at(&backup, 20)]).await;
    home.domain("b.example.test", vec![at(&one, 10), at(&other, 20)]).await;
    let id = home.post("s@sender.example.test", &["a@a.example.test"], BODY).await;
    home.removed(id).await;
    assert_eq!((one.connections(), other.connections()), (1, 1), "both before the backup");
    let id = home.post("s@sender.example.test", &["b@b.example.test"], BODY).await;
    home.logged(&[&id.to_string(), "status=deferred", "in reply to RCPT TO command"]).await;
    assert_eq!(home.queue().show(id).await.unwrap().unwrap().attempts, 1, "one attempt at all of them");
}

#[tokio::test]
async fn a_backup_that_is_away_ends_the_attempt_and_the_next_one_begins_at_the_front() {
    let failures = AtomicUsize::new(0);
    let first = Fake::start(move |event| match event {
        Event::Command(line) if line.starts_with("MAIL") && failures.fetch_add(1, Ordering::SeqCst) < 2 => {
            say("452 4.3.1 disk")
        }
        other => ok(other),
    })
    .await;
    let away = Away::new();
    let home = Home::start(Wishes::default()).await;
    let backup = MailServer { preference: 20, ..server(away.address()) };
    home.domain("d.example.test", vec![at(&first, 10), backup]).await;
    let id = home.post("s@sender.example.test", &["a@d.example.test"], BODY).await;
    home.removed(id).await;
    assert_eq!((first.next().await.rcpt.len(), first.has_more().await), (1, false));
    home.logged(&[&id.to_string(), "status=deferred", "Connection refused"]).await;
    assert!(home.log().contains("452 4.3.1 disk (in reply to MAIL FROM command); to="), "{}", home.log());
}

#[tokio::test]
async fn while_the_first_server_breaks_each_time_its_mail_goes_to_the_backup_without_it() {
    let (first, backup) = (fails_at("MAIL", || Answer::Close).await, Fake::start(ok).await);
    let home = one_attempt().await;
    home.domain("d.example.test", vec![at(&first, 10), at(&backup, 20)]).await;
    for _ in 0..30 {
        let id = home.post("s@sender.example.test", &["a@d.example.test"], BODY).await;
        home.removed(id).await;
    }
    assert!(first.connections() <= 3, "{}", first.connections());
}

#[tokio::test]
async fn a_server_that_takes_few_recipients_is_no_failure_where_there_is_a_backup() {
    let first = Fake::start_each(|| {
        let in_transaction = AtomicUsize::new(0);
        move |event: &Event<'_>| match event {
            Event::Command(line) if line.starts_with("MAIL") => {
                in_transaction.store(0, Ordering::SeqCst);
                ok(event)
            }
            Event::Command(line) if line.starts_with("RCPT") && in_transaction.fetch_add(1, Ordering::SeqCst) >= 2 => {
                say("452 4.5.3 too many recipients")
            }
            other => ok(other),
        }
    })
    .await;
    let backup = Fake::start(ok).await;
    let home = one_attempt().await;
    home.domain("d.example.test", vec![at(&first, 10), at(&backup, 20)]).await;
    let to: Vec<String> = (0..7).map(|n| format!("r{n}@d.example.test")).collect();
    let to: Vec<&str> = to.iter().map(String::as_str).collect();
    let id = home.post("s@sender.example.test", &to, BODY).await;
    home.removed(id).await;
    assert_eq!(backup.connections(), 0);
}

/// Three servers that fail at random, never behind the final dot without an answer, and behave in the end: every
/// recipient of every message gets it exactly once.
#[tokio::test]
async fn whatever_servers_do_before_they_take_a_message_it_comes_exactly_once() {
    const MESSAGES: usize = 12;
    for seed in 0..6 {
        let chance = Arc::new(AtomicU64::new(seed * 1_000));
        let mut servers = Vec::new();
        for _ in 0..3 {
            let chance = Arc::clone(&chance);
            servers.push(Fake::start(move |event| whims(event, chance.fetch_add(1, Ordering::SeqCst), seed)).await);
        }
        let home = Home::start(Wishes { retry: Duration::from_millis(20), ..Wishes::default() }).await;
        let preferences = [10, if seed % 2 == 0 { 10 } else { 20 }, 30];
        home.domain("d.example.test", servers.iter().zip(preferences).map(|(fake, p)| at(fake, p)).collect()).await;
        let (mut ids, mut expected) = (Vec::new(), Vec::new());
        for n in 0..MESSAGES {
            let to: Vec<String> = (0..=n % 4).map(|m| format!("r{n}-{m}@d.example.test")).collect();
            ids.push(home.post("", &to.iter().map(String::as_str).collect::<Vec<_>>(), BODY).await);
            expected.extend(to);
        }
        for id in ids {
            home.removed(id).await;
        }
        let mut got = Vec::new();
        for fake in &servers {
            while fake.has_more().await {
                got.extend(fake.next().await.rcpt);
            }
        }
        got.sort();
        expected.sort();
        assert_eq!(got, expected, "seed {seed}: {}", home.log());
    }
}

/// What a server answers as chance will have it; the `n`th event.
fn whims(event: &Event<'_>, n: u64, seed: u64) -> Answer {
    let draw = (n ^ seed << 32).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    let fails = n < seed * 1_000 + 300 && draw.is_multiple_of(4);
    match (event, draw / 4 % 6) {
        (Event::Command("QUIT"), _) => ok(event),
        (Event::EndOfData, _) if fails => say("451 4.3.0 disk"),
        (_, _) if !fails => ok(event),
        (_, 0) => Answer::Close,
        (_, 1) => Answer::SayAndClose("421 4.3.2 bye\r\n".to_owned()),
        (Event::Command(_), 2) => say("450 4.7.1 greylisted"),
        (Event::Command(line), 3) if line.starts_with("RCPT") => say("552 5.5.3 too many recipients"),
        (Event::Connect, _) => say("450 busy"),
        _ => say("451 4.2.0 later"),
    }
}
