//! What servers say to single recipients, and what goes over the wire.

use crate::fake::{Answer, Event, Fake, ok, say};
use crate::home::{Home, Wishes, server};
use doorlist_store::mail_log::MailAction;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const BODY: &[u8] = b"Subject: hello\r\n\r\n.dot\r\nend\r\n";
/// What is put in front of it when only SPF has a result.
const FRONT: &[u8] = b"X-Doorlist-Verdict: unchecked\r\nAuthentication-Results: gw.example.test;\r\n\
    \tspf=pass smtp.mailfrom=sender.example.test;\r\n\tdkim=none;\r\n\tdmarc=none;\r\n\tarc=none\r\n";

#[tokio::test]
async fn d10_each_recipient_has_its_own_result() {
    let others = Fake::start(ok).await;
    let later = AtomicUsize::new(0);
    let fake = Fake::start(move |event| match event {
        Event::Command(line) if line.contains("<bad@") => say("550 5.1.1 <bad@d.example.test>: no such user"),
        Event::Command(line) if line.contains("<later@") && later.fetch_add(1, Ordering::SeqCst) < 2 => {
            say("450 4.2.1 come again")
        }
        other => ok(other),
    })
    .await;
    let home = Home::start(Wishes::default().outbound(&others)).await;
    home.domain("d.example.test", vec![server(fake.address)]).await;
    let to = ["good@d.example.test", "bad@d.example.test", "later@d.example.test"];
    let id = home.post_authenticated("s@sender.example.test", &to, BODY).await;

    let first = fake.next().await;
    let relayed = [FRONT, BODY].concat();
    assert_eq!(first.mail, format!("MAIL FROM:<s@sender.example.test> SIZE={}", relayed.len()));
    assert_eq!((first.rcpt, first.body), (vec!["good@d.example.test".to_owned()], relayed));
    let bounce = others.next().await;
    assert_eq!(bounce.mail, format!("MAIL FROM:<> SIZE={}", bounce.body.len()));
    assert_eq!(bounce.rcpt, ["s@sender.example.test"]);
    let second = fake.next().await;
    assert_eq!(second.rcpt, ["later@d.example.test"]);
    home.removed(id).await;

    let bounce = String::from_utf8(bounce.body).unwrap();
    assert!(bounce.contains("Final-Recipient: rfc822; bad@d.example.test\r\n"), "{bounce}");
    assert!(
        !bounce.contains("later@") && !bounce.contains("good@") && bounce.contains("Subject: hello\r\n"),
        "{bounce}"
    );
    let id = id.to_string();
    home.logged(&[
        &id,
        "to=<good@d.example.test>, relay=127.0.0.1[127.0.0.1]:",
        "dsn=2.0.0, status=sent (250 2.0.0 taken)",
    ])
    .await;
    home.logged(&[
        &id,
        "to=<bad@d.example.test>",
        "dsn=5.1.1, status=bounced (host 127.0.0.1[127.0.0.1] said: 550 5.1.1",
    ])
    .await;
    home.logged(&[&id, "to=<later@d.example.test>", "dsn=4.2.1, status=deferred (host 127.0.0.1[127.0.0.1] said: 450"])
        .await;
    home.logged(&[&id, "sender non-delivery notification: "]).await;
    let metrics = home.metrics();
    for line in ["{result=\"sent\"} 3", "{result=\"deferred\"} 2", "{result=\"refused\"} 1", "{result=\"bounced\"} 1"] {
        assert!(metrics.contains(&format!("doorlist_relay_messages_total{line}")), "{line} is not in\n{metrics}");
    }
}

#[tokio::test]
async fn the_mail_log_has_the_whole_story() {
    let failures = AtomicUsize::new(0);
    let fake = Fake::start(move |event| match event {
        Event::EndOfData if failures.fetch_add(1, Ordering::SeqCst) == 0 => say("451 4.3.0 disk"),
        other => ok(other),
    })
    .await;
    let home = Home::start(Wishes::default()).await;
    home.domain("d.example.test", vec![server(fake.address)]).await;
    let id = home.post("s@sender.example.test", &["a@d.example.test"], BODY).await;
    home.removed(id).await;
    assert_eq!(home.actions(id).await, [MailAction::DeliveryDeferred, MailAction::Sent]);
}

#[tokio::test]
async fn a_large_message_arrives_octet_for_octet() {
    let fake = Fake::start(ok).await;
    let home = Home::start(Wishes::default()).await;
    home.domain("d.example.test", vec![server(fake.address)]).await;
    let mut body = b"Subject: large\r\n\r\n".to_vec();
    for n in 0..120_000u32 {
        body.extend_from_slice(format!("{}line {n} \u{e9}\r\n", if n % 3 == 0 { "." } else { "" }).as_bytes());
    }
    let id = home.post("s@sender.example.test", &["a@d.example.test"], &body).await;
    assert!(fake.next().await.body == body, "{} octets", body.len());
    home.removed(id).await;
}

#[tokio::test]
async fn more_than_a_hundred_recipients_go_in_several_transactions() {
    let fake = Fake::start(ok).await;
    let home = Home::start(Wishes::default()).await;
    home.domain("d.example.test", vec![server(fake.address)]).await;
    let to: Vec<String> = (0..250).map(|n| format!("r{n}@d.example.test")).collect();
    let to: Vec<&str> = to.iter().map(String::as_str).collect();
    let id = home.post("s@sender.example.test", &to, BODY).await;
    home.removed(id).await;
    let mut got = Vec::new();
    for _ in 0..3 {
        let message = fake.next().await;
        assert!(message.rcpt.len() <= 100);
        got.extend(message.rcpt);
    }
    got.sort();
    let mut to = to;
    to.sort_unstable();
    assert_eq!(got, to);
}

#[tokio::test]
async fn a_server_that_takes_few_recipients_gets_the_others_at_once() {
    for reply in ["452 4.5.3 too many recipients", "452 enough", "552 5.5.3 limit", "552 Too many recipients"] {
        let in_transaction = AtomicUsize::new(0);
        let fake = Fake::start(move |event| match event {
            Event::Command(line) if line.starts_with("MAIL") => {
                in_transaction.store(0, Ordering::SeqCst);
                ok(event)
            }
            Event::Command(line) if line.starts_with("RCPT") && in_transaction.fetch_add(1, Ordering::SeqCst) >= 2 => {
                say(reply)
            }
            other => ok(other),
        })
        .await;
        let mut wishes = Wishes { retry: std::time::Duration::from_secs(3600), ..Wishes::default() };
        wishes.config.connections_per_destination_max = 1;
        let home = Home::start(wishes).await;
        home.domain("d.example.test", vec![server(fake.address)]).await;
        let to = ["a@d.example.test", "b@d.example.test", "c@d.example.test", "d@d.example.test", "e@d.example.test"];
        let id = home.post("s@sender.example.test", &to, BODY).await;
        home.removed(id).await;
        let (first, second, third) = (fake.next().await, fake.next().await, fake.next().await);
        assert_eq!([first.rcpt.len(), second.rcpt.len(), third.rcpt.len()], [2, 2, 1], "{reply}");
        let got: Vec<_> = [first.rcpt, second.rcpt, third.rcpt].concat();
        assert_eq!((got, fake.has_more().await), (to.map(str::to_owned).to_vec(), false), "{reply}");
    }
}

#[tokio::test]
async fn a_552_is_temporary_only_where_it_is_about_the_number_of_recipients() {
    let fake = Fake::start(|event| match event {
        Event::Command(line) if line.contains("<full@") => say("552 5.2.2 mailbox full"),
        Event::Command(line) if line.contains("<many@") => say("552 5.5.3 too many recipients"),
        other => ok(other),
    })
    .await;
    let home = Home::start(Wishes { retry: std::time::Duration::from_secs(3600), ..Wishes::default() }).await;
    home.domain("d.example.test", vec![server(fake.address)]).await;
    let id = home.post("", &["full@d.example.test", "many@d.example.test"], BODY).await.to_string();
    home.logged(&[&id, "<full@d.example.test>", "dsn=5.2.2, status=bounced"]).await;
    home.logged(&[&id, "<many@d.example.test>", "dsn=4.5.3, status=deferred"]).await;
}

#[tokio::test]
async fn many_messages_share_few_connections() {
    let fake = Fake::start(ok).await;
    let home = Home::start(Wishes::default()).await;
    home.domain("d.example.test", vec![server(fake.address)]).await;
    let mut ids = Vec::new();
    for n in 0..300 {
        ids.push(home.post("s@sender.example.test", &[&format!("r{n}@d.example.test")], BODY).await);
    }
    for id in ids {
        home.removed(id).await;
    }
    let mut got = Vec::new();
    for _ in 0..300 {
        let message = fake.next().await;
        assert_eq!(message.body, BODY);
        got.extend(message.rcpt);
    }
    got.sort();
    got.dedup();
    assert_eq!((got.len(), fake.has_more().await), (300, false));
    assert!(fake.connections() <= 20, "{} connections", fake.connections());
}

#[tokio::test]
async fn an_old_server_without_any_extension_gets_its_mail() {
    let fake = Fake::start(|event| match event {
        Event::Command(line) if line.starts_with("EHLO") => say("502 5.5.1 what?"),
        other => ok(other),
    })
    .await;
    let home = Home::start(Wishes::default()).await;
    home.domain("d.example.test", vec![server(fake.address)]).await;
    for _ in 0..3 {
        home.post("s@sender.example.test", &["a@d.example.test", "b@d.example.test"], BODY).await;
        let message = fake.next().await;
        assert_eq!((&*message.mail, message.rcpt.len()), ("MAIL FROM:<s@sender.example.test>", 2));
        assert_eq!((&*message.hello, &*message.body), ("HELO gw.example.test", BODY));
    }
}

#[tokio::test]
async fn smtputf8_that_the_server_lacks_is_a_failure_only_where_an_address_needs_it() {
    let fake = Fake::start(ok).await;
    let home = Home::start(Wishes::default()).await;
    home.domain("d.example.test", vec![server(fake.address)]).await;
    let utf8 = |envelope: &mut doorlist_store::spool::Envelope| envelope.smtp_utf8 = true;
    let mail = "MAIL FROM:<s@sender.example.test>";
    for (body, parameters) in [(BODY, ""), (UTF8_HEADER.as_bytes(), " BODY=8BITMIME")] {
        let id = home.post_as("s@sender.example.test", &["a@d.example.test"], body, utf8).await;
        home.removed(id).await;
        let message = fake.next().await;
        assert_eq!((message.mail, &*message.body), (format!("{mail} SIZE={}{parameters}", body.len()), body));
    }
    for (sender, recipient) in [("", "jürgen@d.example.test"), ("jürgen@sender.example.test", "a@d.example.test")] {
        let id = home.post_as(sender, &[recipient], BODY, utf8).await;
        home.logged(&[&id.to_string(), "dsn=5.6.7, status=bounced"]).await;
    }
    let both = ["jürgen@d.example.test", "b@d.example.test"];
    let id = home.post_as("s@sender.example.test", &both, BODY, utf8).await;
    home.logged(&[&id.to_string(), "jürgen", "dsn=5.6.7, status=bounced"]).await;
    assert_eq!(fake.next().await.rcpt, ["b@d.example.test"], "who needs nothing goes without him");
    assert!(!fake.has_more().await);
    assert!(home.relay.lacks_smtp_utf8(home.id("d.example.test")), "it is remembered");
}

#[tokio::test]
async fn smtputf8_is_not_asked_for_without_need() {
    let fake = Fake::start(with_smtp_utf8).await;
    let home = Home::start(Wishes::default()).await;
    home.domain("d.example.test", vec![server(fake.address)]).await;
    let utf8 = |envelope: &mut doorlist_store::spool::Envelope| envelope.smtp_utf8 = true;
    for (recipient, body, parameters) in [
        ("a@d.example.test", BODY, ""),
        ("a@d.example.test", UTF8_HEADER.as_bytes(), " BODY=8BITMIME SMTPUTF8"),
        ("jürgen@d.example.test", BODY, " SMTPUTF8"),
    ] {
        home.post_as("s@sender.example.test", &[recipient], body, utf8).await;
        let message = fake.next().await;
        assert_eq!(message.mail, format!("MAIL FROM:<s@sender.example.test>{parameters}"), "{recipient}");
        assert_eq!((message.rcpt, &*message.body), (vec![recipient.to_owned()], body));
    }
    assert!(!home.relay.lacks_smtp_utf8(home.id("d.example.test")));
}

#[tokio::test]
async fn one_of_two_equal_servers_without_smtputf8_is_no_bounce() {
    let (with, without) = (Fake::start(with_smtp_utf8).await, Fake::start(ok).await);
    let home = Home::start(Wishes::default()).await;
    home.domain("d.example.test", vec![server(without.address), server(with.address)]).await;
    for _ in 0..4 {
        let utf8 = |envelope: &mut doorlist_store::spool::Envelope| envelope.smtp_utf8 = true;
        let id = home.post_as("s@sender.example.test", &["jürgen@d.example.test"], BODY, utf8).await;
        home.removed(id).await;
        assert_eq!(with.next().await.rcpt, ["jürgen@d.example.test"]);
        home.log().lines().for_each(|line| assert!(!line.contains("status=bounced"), "{line}"));
    }
    assert!(without.connections() > 0 && !home.relay.lacks_smtp_utf8(home.id("d.example.test")));
}

const UTF8_HEADER: &str = "Subject: grüße\r\n\r\nhello\r\n";

fn with_smtp_utf8(event: &Event<'_>) -> Answer {
    match event {
        Event::Command(line) if line.starts_with("EHLO") => {
            say("250-fake.example.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8")
        }
        other => ok(other),
    }
}

#[tokio::test]
async fn xforward_says_who_the_client_was_where_it_is_wanted() {
    let script = |event: &Event<'_>| match event {
        Event::Command(line) if line.starts_with("EHLO") => {
            say("250-fake.example.test\r\n250-PIPELINING\r\n250 XFORWARD NAME ADDR PROTO HELO SOURCE IDENT")
        }
        other => ok(other),
    };
    let (wanted, unwanted) = (Fake::start(script).await, Fake::start(script).await);
    let home = Home::start(Wishes::default()).await;
    let mut tells = server(wanted.address);
    tells.xforward = true;
    home.domain("a.example.test", vec![tells]).await;
    home.domain("b.example.test", vec![server(unwanted.address)]).await;
    let id = home.post("s@sender.example.test", &["a@a.example.test", "b@b.example.test"], BODY).await;
    assert_eq!(
        wanted.next().await.xforward.unwrap(),
        format!(
            "XFORWARD NAME=[UNAVAILABLE] ADDR=192.0.2.7 PROTO=ESMTP HELO=client.example.test IDENT={id} SOURCE=REMOTE"
        )
    );
    assert_eq!(unwanted.next().await.xforward, None);
}

#[tokio::test]
async fn the_next_preference_takes_over_when_the_first_is_down_and_equal_ones_share() {
    // Closing after each message, so that each needs a connection of its own.
    let closes = |event: &Event<'_>| match event {
        Event::EndOfData => Answer::SayAndClose("250 2.0.0 taken\r\n".to_owned()),
        other => ok(other),
    };
    let (first, second, backup) = (Fake::start(closes).await, Fake::start(closes).await, Fake::start(ok).await);
    let refuses = Arc::new(Fake::start(|_| Answer::SayAndClose("421 4.3.2 not now\r\n".to_owned())).await);
    let home = Home::start(Wishes::default()).await;
    let mut last = server(backup.address);
    last.preference = 20;
    home.domain("a.example.test", vec![server(first.address), server(second.address), last.clone()]).await;
    home.domain("b.example.test", vec![server(refuses.address), last]).await;
    for _ in 0..10 {
        let id = home.post("s@sender.example.test", &["a@a.example.test"], BODY).await;
        home.removed(id).await;
    }
    assert!(first.connections() >= 3 && second.connections() >= 3 && backup.connections() == 0);
    home.post("s@sender.example.test", &["b@b.example.test"], BODY).await;
    assert_eq!(backup.next().await.rcpt, ["b@b.example.test"]);
    assert_eq!(refuses.connections(), 1);
}
