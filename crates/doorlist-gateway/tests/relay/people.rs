//! Who is told when mail has failed for good: senders within limits, those in charge for system addresses, and always the
//! admin. S34: the null sender is never answered; S35: a bounce has headers only and is rare.

use crate::fake::{Away, Event, Fake, ok, say};
use crate::home::{Home, Wishes, now, sent_by, server};
use doorlist_core::access::{Access, Scope};
use doorlist_core::queue_id::QueueId;
use doorlist_core::verdict::{Assessment, ContentVerdict};
use doorlist_gateway::relay::QueueOperation;
use doorlist_store::contact_book::{COPIES_PER_DOMAIN_MAX, NOTICES_PER_ADDRESS_MAX};
use doorlist_store::mail_log::MailAction;
use doorlist_store::spool::{Envelope, MessageKind, RecipientState};
use doorlist_store::tenants::{ContactFields, ContactOwner};
use doorlist_store::{ContactBook, Tenants};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const BODY: &[u8] = b"Subject: hello\r\n\r\nsecret words\r\n";

async fn refuses_all() -> Fake {
    Fake::start(|event| match event {
        Event::Command(line) if line.starts_with("RCPT") => say("550 5.1.1 no such user"),
        other => ok(other),
    })
    .await
}

#[tokio::test]
async fn s34_the_null_sender_gets_no_bounce_and_the_admin_can_look() {
    let fake = refuses_all().await;
    let home = Home::start(Wishes::default()).await;
    home.domain("d.example.test", vec![server(fake.address)]).await;
    let id = home.post("", &["a@d.example.test"], BODY).await;
    home.logged(&[&id.to_string(), "failed, kept for the admin: the null sender gets no bounce"]).await;
    let queued = home.queue().show(id).await.unwrap().unwrap();
    assert!(matches!(&queued.recipients[..], [RecipientState::Failed { reply }] if reply.starts_with("5.1.1 host ")));
    assert_eq!(home.spool.count(), 1, "no message of our own");
    assert_eq!(home.actions(id).await, [MailAction::Failed]);
    assert!(home.queue().order(QueueOperation::Delete, id).await.unwrap());
    assert_eq!(home.spool.count(), 0);
}

#[tokio::test]
async fn s35_bounces_have_headers_only_and_are_limited() {
    let (fake, others) = (refuses_all().await, Fake::start(ok).await);
    let mut wishes = Wishes::default().outbound(&others);
    wishes.config.bounces_per_domain_hour_max = 2;
    wishes.config.bounces_per_hour_max = 3;
    let home = Home::start(wishes).await;
    home.domain("d.example.test", vec![server(fake.address)]).await;
    let mut ids = Vec::new();
    for sender in
        ["a@one.example.test", "b@one.example.test", "c@one.example.test", "d@two.example.test", "e@three.example.test"]
    {
        let id = home.post_authenticated(sender, &["x@d.example.test"], BODY).await;
        home.logged(&[&id.to_string(), "doorlist/bounce["]).await;
        ids.push(id);
    }
    for (n, bounced) in [true, true, false, true, false].into_iter().enumerate() {
        let expected = if bounced { MailAction::Bounced } else { MailAction::Failed };
        assert_eq!(home.actions(ids[n]).await, [expected], "message {n}");
    }
    for _ in 0..3 {
        let bounce = others.next().await;
        let text = String::from_utf8(bounce.body).unwrap();
        assert!(bounce.mail.starts_with("MAIL FROM:<>") && !text.contains("secret words"), "{text}");
    }
    assert!(!others.has_more().await);
    home.removed(ids[0]).await;
    assert!(home.queue().show(ids[2]).await.unwrap().is_some());
}

#[tokio::test]
async fn whoever_was_not_authenticated_gets_no_bounce() {
    let (fake, others) = (refuses_all().await, Fake::start(ok).await);
    let home = Home::start(Wishes::default().outbound(&others)).await;
    home.domain("d.example.test", vec![server(fake.address)]).await;
    let spam = |sender: &str| Assessment { verdict: ContentVerdict::Spam, ..sent_by(sender) };
    for (assessment, why) in [
        (Assessment::default(), "the sender is not authenticated"),
        (sent_by("s@other.example.test"), "the sender is not authenticated"),
        (spam("s@sender.example.test"), "its content gets no bounce"),
    ] {
        let set = |envelope: &mut Envelope| envelope.assessment = assessment;
        let id = home.post_as("s@sender.example.test", &["a@d.example.test"], BODY, set).await;
        home.logged(&[&id.to_string(), &format!("failed, kept for the admin: {why}")]).await;
        assert_eq!(home.actions(id).await, [MailAction::Failed]);
        assert!(home.queue().show(id).await.unwrap().is_some());
    }
    assert!(!others.has_more().await);
}

#[tokio::test]
async fn a_bounce_that_nobody_takes_is_dropped() {
    let (fake, others) = (refuses_all().await, refuses_all().await);
    let home = Home::start(Wishes::default().outbound(&others)).await;
    home.domain("d.example.test", vec![server(fake.address)]).await;
    let id = home.post_authenticated("s@sender.example.test", &["a@d.example.test"], BODY).await;
    home.removed(id).await;
    home.logged(&["undeliverable bounce dropped"]).await;
    home.logged(&["qmgr", "removed"]).await;
}

#[tokio::test]
async fn a_bounce_to_a_sender_in_a_protected_domain_goes_to_its_server() {
    let fake = Fake::start(|event| match event {
        Event::Command(line) if line.contains("<nobody@") => say("550 5.1.1 no such user"),
        other => ok(other),
    })
    .await;
    let home = Home::start(Wishes::default()).await;
    home.domain("d.example.test", vec![server(fake.address)]).await;
    home.post_authenticated("alice@d.example.test", &["nobody@d.example.test"], BODY).await;
    assert_eq!(fake.next().await.rcpt, ["alice@d.example.test"]);
}

#[tokio::test]
async fn what_a_server_refuses_for_its_postmaster_stays_and_the_operator_gets_a_copy() {
    let (fake, others) = (refuses_all().await, Fake::start(ok).await);
    let wishes = Wishes { postmaster: Some("operator@elsewhere.example.test"), ..Wishes::default() };
    let home = Home::start(wishes.outbound(&others)).await;
    home.domain("d.example.test", vec![server(fake.address)]).await;
    let id = home.post("s@sender.example.test", &["postmaster@d.example.test"], BODY).await;
    let copy = others.next().await;
    assert_eq!((&*copy.rcpt, &*copy.body), (["operator@elsewhere.example.test".to_owned()].as_slice(), BODY));
    assert!(copy.mail.starts_with("MAIL FROM:<> "), "{}", copy.mail);
    home.logged(&[&id.to_string(), "failed, kept for the admin"]).await;
    assert!(matches!(failed(&home, id).await.as_slice(), [RecipientState::Failed { .. }]));
    for _ in 1..50 {
        let id = home.post("s@sender.example.test", &["postmaster@d.example.test"], BODY).await;
        home.logged(&[&id.to_string(), "failed, kept for the admin"]).await;
    }
    for _ in 1..COPIES_PER_DOMAIN_MAX {
        others.next().await;
    }
    assert!(!others.has_more().await, "no copy beyond the limit, and no bounce");
}

async fn failed(home: &Home, id: QueueId) -> Vec<RecipientState> {
    home.queue().show(id).await.unwrap().unwrap().recipients
}

/// Its own contact, else its customer's, as they stand at that moment; a message that is not theirs never goes on to them.
#[tokio::test]
async fn nothing_at_all_goes_to_a_contact_that_has_not_confirmed() {
    let (fake, others) = (refuses_all().await, Fake::start(ok).await);
    let home = Home::start(Wishes::default().outbound(&others)).await;
    let id = home.domain("d.example.test", vec![server(fake.address)]).await;
    let contact =
        ContactFields { email: "victim@else.example.test".to_owned(), is_technical: true, ..ContactFields::default() };
    Tenants::of(&home.recipients).add_contact(ContactOwner::Domain, id.0, &contact, now()).await.unwrap().unwrap();
    let mut ids = Vec::new();
    for _ in 0..150 {
        ids.push(home.post("s@sender.example.test", &["postmaster@d.example.test"], BODY).await);
    }
    for id in &ids {
        home.logged(&[&id.to_string(), "failed, kept for the admin"]).await;
    }
    assert!(!others.has_more().await, "{}", home.log());
    assert_eq!(home.spool.count(), 150);
}

/// Its own contact, else its customer's, as they stand at that moment; the domain itself is not changed for it.
#[tokio::test]
async fn a_confirmed_contact_gets_notices_that_name_messages_and_have_nothing_of_them() {
    const LETTER: &[u8] = b"Subject: Urgent offer\r\nX-Link: http://evil.example.test/\r\n\r\nbuy this now\r\n";
    let (fake, others) = (refuses_all().await, Fake::start(ok).await);
    let home = Home::start(Wishes::default().outbound(&others)).await;
    let id = home.domain("d.example.test", vec![server(fake.address)]).await;
    let tenants = Tenants::of(&home.recipients);
    let customer = tenants.seen_by(&Access::operator()).domain(id.0).await.unwrap().unwrap().row.customer;
    for (of, owner, email) in [
        (ContactOwner::Customer, customer.0, "tech@customer.example.test"),
        (ContactOwner::Domain, id.0, "tech@domain.example.test"),
    ] {
        let contact = ContactFields { email: email.to_owned(), is_technical: true, ..ContactFields::default() };
        tenants.add_contact(of, owner, &contact, now()).await.unwrap().unwrap();
        let book = ContactBook::of(&home.recipients);
        book.confirm_by_operator(&email.parse().unwrap(), Scope::Customer(customer), now()).await.unwrap();
        let sender = "\"Visit evil.example.test today\"@sender.example.test";
        let mut ids = Vec::new();
        for _ in 0..15 {
            let id = home.post(sender, &["postmaster@D.example.test"], LETTER).await;
            home.logged(&[&id.to_string(), "failed, kept for the admin"]).await;
            ids.push(id);
        }
        for n in 0..NOTICES_PER_ADDRESS_MAX {
            let notice = others.next().await;
            assert_eq!(notice.rcpt, [email.to_owned()]);
            assert!(notice.mail.starts_with("MAIL FROM:<> "), "{}", notice.mail);
            let text = String::from_utf8(notice.body).unwrap();
            assert!(ids.iter().any(|id| text.contains(&id.to_string())), "{n}: {text}");
            for part in ["Auto-Submitted: auto-generated\r\n", "<visit?evil.example.test?today@sender.example.test>"] {
                assert!(text.contains(part), "{part} is not in {text}");
            }
            assert!(text.contains("Recipient:    postmaster@d.example.test\r\nReply class:  5.1.1\r\n"), "{text}");
            let letter = String::from_utf8_lossy(LETTER);
            for line in letter.lines().filter(|line| !line.is_empty()).chain(["no such user", "Urgent", "http:"]) {
                assert!(!text.contains(line), "{line:?} is in {text}");
            }
        }
        assert!(!others.has_more().await, "{NOTICES_PER_ADDRESS_MAX} a day, and no bounce");
    }
}

#[tokio::test]
async fn a_notice_that_comes_back_to_the_postmaster_leads_to_nothing() {
    let (fake, others) = (refuses_all().await, Fake::start(ok).await);
    let wishes = Wishes { postmaster: Some("operator@elsewhere.example.test"), ..Wishes::default() };
    let home = Home::start(wishes.outbound(&others)).await;
    home.domain("d.example.test", vec![server(fake.address)]).await;
    let ours = |envelope: &mut Envelope| envelope.message_id = Some("<4abc@gw.example.test>".into());
    let id = home.post_as("forwarder@else.example.test", &["postmaster@d.example.test"], BODY, ours).await;
    home.logged(&[&id.to_string(), "a notice of this gateway bounced"]).await;
    home.logged(&[&id.to_string(), "failed, kept for the admin"]).await;
    assert!(!others.has_more().await);
}

#[tokio::test]
async fn without_anybody_in_charge_it_stays_for_the_admin_too() {
    let fake = refuses_all().await;
    let home = Home::start(Wishes::default()).await;
    home.domain("d.example.test", vec![server(fake.address)]).await;
    let id = home.post("s@sender.example.test", &["postmaster@d.example.test"], BODY).await;
    home.logged(&[&id.to_string(), "failed, kept for the admin: refused for postmaster or abuse"]).await;
}

#[tokio::test]
async fn a_failed_message_that_was_kept_can_be_tried_again() {
    let open = Arc::new(AtomicBool::new(false));
    let fake = Fake::start({
        let open = Arc::clone(&open);
        move |event| match event {
            Event::Command(line) if line.starts_with("RCPT") && !open.load(Ordering::SeqCst) => say("550 5.1.1 no"),
            other => ok(other),
        }
    })
    .await;
    let home = Home::start(Wishes::default()).await;
    home.domain("d.example.test", vec![server(fake.address)]).await;
    let id = home.post("", &["a@d.example.test"], BODY).await;
    home.logged(&[&id.to_string(), "failed, kept for the admin"]).await;
    open.store(true, Ordering::SeqCst);
    assert!(home.queue().order(QueueOperation::Release, id).await.unwrap());
    assert_eq!(fake.next().await.body, BODY);
    home.removed(id).await;
}

#[tokio::test]
async fn a_message_whose_lifetime_is_over_is_reported_with_what_was_said_last() {
    let fake = Fake::start(|event| match event {
        Event::EndOfData => say("451 4.3.0 disk full"),
        other => ok(other),
    })
    .await;
    let others = Fake::start(ok).await;
    let mut wishes = Wishes::default().outbound(&others);
    wishes.config.lifetime = Duration::from_millis(400);
    let home = Home::start(wishes).await;
    home.domain("d.example.test", vec![server(fake.address)]).await;
    home.post_authenticated("s@sender.example.test", &["a@d.example.test"], BODY).await;
    let text = String::from_utf8(others.next().await.body).unwrap();
    assert!(
        text.contains("Status: 4.3.0\r\n") && text.contains("Diagnostic-Code: smtp; 451 4.3.0 disk full\r\n"),
        "{text}"
    );
}

#[tokio::test]
async fn a_message_for_a_dead_server_is_reported_when_its_lifetime_is_over() {
    let away = Away::new();
    let others = Fake::start(ok).await;
    let mut wishes = Wishes::default().outbound(&others);
    wishes.config.lifetime = Duration::from_millis(400);
    let home = Home::start(wishes).await;
    home.domain("d.example.test", vec![server(away.address())]).await;
    let id = home.post_authenticated("s@sender.example.test", &["a@d.example.test"], BODY).await;
    let text = String::from_utf8(others.next().await.body).unwrap();
    assert!(text.contains("Status: 4.4.1\r\n") && text.contains("Connection refused"), "{text}");
    home.removed(id).await;
}

#[tokio::test]
async fn a_bounce_is_tried_for_its_own_shorter_lifetime() {
    let others = Fake::start(|event| match event {
        Event::EndOfData => say("451 4.3.0 disk full"),
        other => ok(other),
    })
    .await;
    let mut wishes = Wishes::default().outbound(&others);
    wishes.config.bounce_lifetime = Duration::from_millis(300);
    let home = Home::start(wishes).await;
    let bounce = |envelope: &mut Envelope| envelope.kind = MessageKind::Bounce;
    let id = home.post_as("", &["s@sender.example.test"], BODY, bounce).await;
    home.logged(&[&id.to_string(), "undeliverable bounce dropped"]).await;
    home.removed(id).await;
}
