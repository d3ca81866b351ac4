//! What we ourselves tell people: it arrives at whoever they are, without a sender, and never too often.

use crate::fake::{Event, Fake, ok, say};
use crate::home::{Home, Wishes, server};
use doorlist_core::address::Address;
use doorlist_gateway::relay::{NOTICE_RECIPIENTS_MAX, NOTICE_TEXT_MAX, NOTICES_PER_HOUR_MAX, NoticeError};
use doorlist_store::spool::{MessageKind, RecipientState};

fn people(addresses: &[&str]) -> Vec<Address> {
    addresses.iter().map(|address| address.parse().unwrap()).collect()
}

#[tokio::test]
async fn a_notice_goes_to_our_own_domains_and_to_others_each_by_its_way() {
    let (own, others) = (Fake::start(ok).await, Fake::start(ok).await);
    let mut wishes = Wishes::default().outbound(&others);
    wishes.postmaster = Some("ops@ops.example.test");
    let home = Home::start(wishes).await;
    home.domain("d.example.test", vec![server(own.address)]).await;
    let to = people(&["ann@d.example.test", "bob@else.example.test", "ann@d.example.test"]);
    let text = "Grüße!\n.a dot\nThe end";
    let id = home.relay.notices().send(&to, "Eine Liste für d.example.test wartet", text).await.unwrap();
    home.logged(&[&id.to_string(), "notice to 2 recipients"]).await;

    let (here, there) = (own.next().await, others.next().await);
    assert_eq!(
        (here.rcpt, there.rcpt),
        (vec!["ann@d.example.test".to_owned()], vec!["bob@else.example.test".to_owned()])
    );
    assert_eq!(here.body, there.body);
    assert_eq!(here.mail, format!("MAIL FROM:<> SIZE={}", here.body.len()), "nothing needs 8BITMIME or SMTPUTF8");
    let message = String::from_utf8(here.body).unwrap();
    assert!(message.is_ascii() && message.lines().all(|line| line.len() < 80), "{message}");
    let (head, body) = message.split_once("\r\n\r\n").unwrap();
    for field in [
        "From: \"Doorlist\" <postmaster@gw.example.test>\r\n",
        "Reply-To: <ops@ops.example.test>\r\n",
        "To: <ann@d.example.test>, <bob@else.example.test>\r\n",
        "Subject: =?utf-8?",
        &format!("Message-ID: <{id}@gw.example.test>\r\n"),
        "Auto-Submitted: auto-generated\r\n",
        "MIME-Version: 1.0\r\n",
        "Content-Type: text/plain; charset=\"utf-8\"\r\n",
    ] {
        assert!(head.contains(field), "{field} is not in\n{head}");
    }
    assert!(body.ends_with("\r\n") && body.contains("\r\n.a dot\r\n"), "{body}");
    home.removed(id).await;
    assert_eq!(home.spool.count(), 0);
}

#[tokio::test]
async fn a_notice_that_nobody_takes_stays_for_the_admin_and_bounces_to_nobody() {
    let refuses = Fake::start(|event| match event {
        Event::Command(line) if line.starts_with("RCPT") => say("550 5.1.1 no such user"),
        other => ok(other),
    })
    .await;
    let home = Home::start(Wishes::default().outbound(&refuses)).await;
    let id = home.relay.notices().send(&people(&["ann@else.example.test"]), "s", "t").await.unwrap();
    home.logged(&[&id.to_string(), "a notice that nobody takes"]).await;
    let queued = home.queue().show(id).await.unwrap().unwrap();
    assert_eq!((queued.envelope.kind, &*queued.envelope.sender), (MessageKind::Notice, ""));
    assert!(matches!(&queued.recipients[..], [RecipientState::Failed { .. }]));
    assert_eq!(home.spool.count(), 1, "no message about it");
}

#[tokio::test]
async fn a_notice_waits_through_a_restart() {
    let away = Fake::start(|_| say("421 4.3.2 not now")).await;
    let home = Home::start(Wishes::default().outbound(&away)).await;
    let id = home.relay.notices().send(&people(&["ann@else.example.test"]), "s", "t").await.unwrap();
    home.logged(&[&id.to_string(), "status=deferred"]).await;
    let others = Fake::start(ok).await;
    let home = home.restart(Wishes::default().outbound(&others)).await;
    assert_eq!(others.next().await.rcpt, ["ann@else.example.test"]);
    home.removed(id).await;
}

#[tokio::test]
async fn there_are_limits_and_what_is_beyond_them_leaves_nothing() {
    let others = Fake::start(ok).await;
    let home = Home::start(Wishes::default().outbound(&others)).await;
    let notices = home.relay.notices();
    let ann = people(&["ann@else.example.test"]);
    let many: Vec<Address> =
        (0..=NOTICE_RECIPIENTS_MAX).map(|n| format!("r{n}@else.example.test").parse().unwrap()).collect();
    assert!(matches!(notices.send(&[], "s", "t").await, Err(NoticeError::NoRecipient)));
    assert!(matches!(notices.send(&many, "s", "t").await, Err(NoticeError::Recipients(101))));
    let long = "x".repeat(NOTICE_TEXT_MAX + 1);
    assert!(matches!(notices.send(&ann, "s", &long).await, Err(NoticeError::Text(_))));
    assert_eq!(home.spool.count(), 0);

    notices.send(&many[1..], "s", &long[1..]).await.unwrap();
    let first = others.next().await;
    assert_eq!((first.rcpt.len(), first.mail), (100, format!("MAIL FROM:<> SIZE={}", first.body.len())));
    for _ in 1..NOTICES_PER_HOUR_MAX {
        home.relay.notices().send(&ann, "s", "t").await.unwrap();
    }
    assert!(matches!(notices.send(&ann, "s", "t").await, Err(NoticeError::TooMany)));
    for _ in 1..NOTICES_PER_HOUR_MAX {
        others.next().await;
    }
    assert!(!others.has_more().await);
}
