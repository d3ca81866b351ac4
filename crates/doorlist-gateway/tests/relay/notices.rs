//! What we ourselves tell people: it arrives at whoever they are, without a sender, and never too often.

use crate::fake::{Event, Fake, ok, say};
use crate::home::{Home, Wishes, now, server};
use doorlist_gateway::relay::{NOTICE_RECIPIENTS_MAX, NOTICE_TEXT_MAX, NoticeError};
use doorlist_store::ContactBook;
use doorlist_store::contact_book::{MailPermit, NOTICES_PER_ADDRESS_MAX, NoPermit};
use doorlist_store::spool::{MessageKind, RecipientState};

/// Permits for people whom the operator named.
async fn people(home: &Home, addresses: &[&str]) -> Vec<MailPermit> {
    let mut permits = Vec::new();
    for address in addresses {
        permits.push(permit(home, address).await.unwrap());
    }
    permits
}

async fn permit(home: &Home, address: &str) -> Result<MailPermit, NoPermit> {
    let book = ContactBook::of(&home.recipients);
    book.permit_operators_notice(&address.parse().unwrap(), now()).await.unwrap()
}

#[tokio::test]
async fn a_notice_goes_to_our_own_domains_and_to_others_each_by_its_way() {
    let (own, others) = (Fake::start(ok).await, Fake::start(ok).await);
    let mut wishes = Wishes::default().outbound(&others);
    wishes.postmaster = Some("ops@ops.example.test");
    let home = Home::start(wishes).await;
    home.domain("d.example.test", vec![server(own.address)]).await;
    let to = people(&home, &["ann@d.example.test", "bob@else.example.test", "ann@d.example.test"]).await;
    let text = "Grüße!\n.a dot\nThe end";
    let id = home.relay.notices().send(to, "Eine Liste für d.example.test wartet", text).await.unwrap();
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
    let to = people(&home, &["ann@else.example.test"]).await;
    let id = home.relay.notices().send(to, "s", "t").await.unwrap();
    home.logged(&[&id.to_string(), "undeliverable notice dropped"]).await;
    let queued = home.queue().show(id).await.unwrap().unwrap();
    assert_eq!((queued.envelope.kind, &*queued.envelope.sender), (MessageKind::Notice, ""));
    assert!(matches!(&queued.recipients[..], [RecipientState::Failed { .. }]));
    assert_eq!(home.spool.count(), 1, "no message about it");
}

#[tokio::test]
async fn a_notice_waits_through_a_restart() {
    let away = Fake::start(|_| say("421 4.3.2 not now")).await;
    let home = Home::start(Wishes::default().outbound(&away)).await;
    let to = people(&home, &["ann@else.example.test"]).await;
    let id = home.relay.notices().send(to, "s", "t").await.unwrap();
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
    let many: Vec<String> = (0..=NOTICE_RECIPIENTS_MAX).map(|n| format!("r{n}@else.example.test")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert!(matches!(notices.send(Vec::new(), "s", "t").await, Err(NoticeError::NoRecipient)));
    let too_many = people(&home, &many).await;
    assert!(matches!(notices.send(too_many, "s", "t").await, Err(NoticeError::Recipients(101))));
    let long = "x".repeat(NOTICE_TEXT_MAX + 1);
    let ann = people(&home, &["ann@else.example.test"]).await;
    assert!(matches!(notices.send(ann, "s", &long).await, Err(NoticeError::Text(_))));
    assert_eq!(home.spool.count(), 0);

    notices.send(people(&home, &many[1..]).await, "s", &long[1..]).await.unwrap();
    let first = others.next().await;
    assert_eq!((first.rcpt.len(), first.mail), (100, format!("MAIL FROM:<> SIZE={}", first.body.len())));
    // One permit of hers was used up above.
    for _ in 1..NOTICES_PER_ADDRESS_MAX {
        notices.send(people(&home, &["ann+tag@else.example.test"]).await, "s", "t").await.unwrap();
        others.next().await;
    }
    assert_eq!(permit(&home, "ann@else.example.test").await, Err(NoPermit::AddressLimit));
    assert!(!others.has_more().await);
}
