//! Destinations do not delay each other, and people's orders take effect at once.

use crate::fake::{Answer, Away, Event, Fake, ok, say};
use crate::home::{Home, Wishes, server};
use doorlist_core::change::DomainChange;
use doorlist_gateway::relay::QueueOperation;
use std::time::Duration;

const BODY: &[u8] = b"Subject: hello\r\n\r\nhello\r\n";

#[tokio::test]
async fn one_dead_of_fifty_destinations_does_not_delay_the_others() {
    let hangs = Fake::start(|_| Answer::Hang).await;
    let alive = Fake::start(ok).await;
    let mut wishes = Wishes::default();
    wishes.config.connections_max = 10;
    wishes.config.reply = Duration::from_secs(60);
    let home = Home::start(wishes).await;
    home.domain("dead.example.test", vec![server(hangs.address)]).await;
    for n in 0..49u8 {
        // One listener, forty-nine destinations: each has an address of its own.
        let mut own = server(alive.address);
        own.host = format!("mx{n}.example.test");
        home.domain(&format!("d{n}.example.test"), vec![own]).await;
    }
    let mut ids = Vec::new();
    for round in 0..4 {
        for _ in 0..50 {
            home.post("s@sender.example.test", &["a@dead.example.test"], BODY).await;
        }
        for n in 0..49 {
            ids.push(home.post("s@sender.example.test", &[&format!("r{round}@d{n}.example.test")], BODY).await);
        }
    }
    for id in ids {
        home.removed(id).await;
    }
    assert_eq!(hangs.connections(), 1, "a dead destination costs one connection");
    assert!(home.metrics().contains("doorlist_queue_messages 200\n"), "{}", home.metrics());
}

#[tokio::test]
async fn a_message_with_recipients_in_several_domains_is_split_by_destination() {
    let (one, two) = (Fake::start(ok).await, Fake::start(ok).await);
    let home = Home::start(Wishes::default()).await;
    home.domain("a.example.test", vec![server(one.address)]).await;
    home.domain("b.example.test", vec![server(two.address)]).await;
    home.domain("c.example.test", vec![server(one.address)]).await;
    let to = ["x@a.example.test", "y@b.example.test", "z@c.example.test"];
    let id = home.post("s@sender.example.test", &to, BODY).await;
    assert_eq!(one.next().await.rcpt, ["x@a.example.test", "z@c.example.test"], "equal servers are one destination");
    assert_eq!(two.next().await.rcpt, ["y@b.example.test"]);
    home.removed(id).await;
}

#[tokio::test]
async fn a_domain_on_hold_accepts_and_delivers_nothing_until_it_is_released() {
    let fake = Fake::start(ok).await;
    let home = Home::start(Wishes::default()).await;
    home.domain("held.example.test", vec![server(fake.address)]).await;
    home.domain("free.example.test", vec![server(fake.address)]).await;
    home.change("held.example.test", DomainChange::Hold(true)).await;
    // Whatever is posted after a delivery to the other domain finds the hold in effect.
    let held = home.post("s@sender.example.test", &["a@held.example.test"], BODY).await;
    for _ in 0..3 {
        let free = home.post("s@sender.example.test", &["a@free.example.test"], BODY).await;
        home.removed(free).await;
        assert_eq!(fake.next().await.rcpt, ["a@free.example.test"]);
    }
    assert!(home.spool.get(held).await.unwrap().is_some());
    home.change("held.example.test", DomainChange::Hold(false)).await;
    let released = std::time::Instant::now();
    assert_eq!(fake.next().await.rcpt, ["a@held.example.test"]);
    assert!(released.elapsed() < Duration::from_secs(5), "{:?}", released.elapsed());
    home.removed(held).await;
}

#[tokio::test]
async fn new_servers_of_a_domain_get_what_waits_for_the_old_ones() {
    let refuses = Fake::start(|event| match event {
        Event::EndOfData => say("451 4.3.0 broken"),
        other => ok(other),
    })
    .await;
    let away = Away::new();
    let fake = Fake::start(ok).await;
    let home = Home::start(Wishes { retry: Duration::from_secs(3600), ..Wishes::default() }).await;
    home.domain("a.example.test", vec![server(refuses.address)]).await;
    home.domain("b.example.test", vec![server(away.address())]).await;
    for domain in ["a", "b"] {
        let id = home.post("s@sender.example.test", &[&format!("x@{domain}.example.test")], BODY).await;
        home.logged(&[&id.to_string(), "status=deferred"]).await;
        home.change(&format!("{domain}.example.test"), DomainChange::Servers(vec![server(fake.address)])).await;
        assert_eq!(fake.next().await.rcpt, [format!("x@{domain}.example.test")]);
        home.removed(id).await;
    }
}

#[tokio::test]
async fn people_list_hold_release_retry_and_delete() {
    let fake = Fake::start(ok).await;
    let away = Away::new();
    let home = Home::start(Wishes { retry: Duration::from_secs(3600), ..Wishes::default() }).await;
    let domain = home.domain("d.example.test", vec![server(away.address())]).await;
    let other = home.domain("other.example.test", vec![server(away.address())]).await;
    let first = home.post("s@sender.example.test", &["a@d.example.test"], BODY).await;
    let second = home.post("s@sender.example.test", &["b@d.example.test"], BODY).await;
    let third = home.post("s@sender.example.test", &["c@other.example.test"], BODY).await;
    for id in [first, second, third] {
        home.logged(&[&id.to_string(), "status=deferred"]).await;
    }
    let queue = home.queue();
    let ids = async |domain, after, limit| -> Vec<_> {
        queue.list(domain, after, limit).await.unwrap().into_iter().map(|queued| queued.id).collect()
    };
    assert_eq!(ids(None, None, 10).await, [first, second, third]);
    assert_eq!(ids(None, Some(first), 1).await, [second]);
    assert_eq!(ids(Some(other), None, 10).await, [third]);

    assert!(queue.order(QueueOperation::Hold, first).await.unwrap());
    assert!(queue.show(first).await.unwrap().unwrap().hold);
    assert!(queue.order(QueueOperation::Delete, second).await.unwrap());
    assert!(queue.show(second).await.unwrap().is_none());
    assert!(!queue.order(QueueOperation::Delete, second).await.unwrap());

    home.change("d.example.test", DomainChange::Servers(vec![server(fake.address)])).await;
    let fourth = home.post("s@sender.example.test", &["d@d.example.test"], BODY).await;
    home.removed(fourth).await;
    assert_eq!(fake.next().await.rcpt, ["d@d.example.test"], "the held one stays");
    let held = queue.list(Some(domain), None, 10).await.unwrap();
    assert_eq!(held.iter().map(|queued| queued.id).collect::<Vec<_>>(), [first]);
    assert!(queue.asked_by("ann").order(QueueOperation::Release, first).await.unwrap());
    assert_eq!(fake.next().await.rcpt, ["a@d.example.test"]);
    home.removed(first).await;

    let back = Fake::on(away.back(), ok);
    assert_eq!(queue.list(Some(other), None, 10).await.unwrap().len(), 1);
    assert!(queue.order(QueueOperation::Retry, third).await.unwrap());
    assert_eq!(back.next().await.rcpt, ["c@other.example.test"]);
    home.removed(third).await;
}

#[tokio::test]
async fn a_held_message_is_held_after_a_restart() {
    let fake = Fake::start(ok).await;
    let home = Home::start(Wishes::default()).await;
    home.domain("d.example.test", vec![server(fake.address)]).await;
    home.change("d.example.test", DomainChange::Hold(true)).await;
    let held = home.post("s@sender.example.test", &["a@d.example.test"], BODY).await;
    assert!(home.queue().order(QueueOperation::Hold, held).await.unwrap());
    home.change("d.example.test", DomainChange::Hold(false)).await;
    let home = home.restart(Wishes::default()).await;
    let free = home.post("s@sender.example.test", &["b@d.example.test"], BODY).await;
    home.removed(free).await;
    assert_eq!(fake.next().await.rcpt, ["b@d.example.test"]);
    assert!(home.queue().order(QueueOperation::Release, held).await.unwrap());
    assert_eq!(fake.next().await.rcpt, ["a@d.example.test"]);
}
