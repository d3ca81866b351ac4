//! Where a mail server may be, by who named it; and what of a server's words reaches whom.

use crate::fake::{Answer, Event, Fake, ok};
use crate::home::{Home, Wishes, server};
use doorlist_core::change::{DomainChange, MailServer, NamedBy};
use doorlist_store::mail_log::MailFilter;

const BODY: &[u8] = b"Subject: here\r\n\r\nbody\r\n";

fn named(by: NamedBy, fake: &Fake) -> MailServer {
    MailServer { named_by: by, ..server(fake.address) }
}

/// One and the same server, named by a tenant, by the operator from elsewhere, and by a command on the machine.
#[tokio::test]
async fn who_named_a_server_decides_whether_it_is_connected_to() {
    let fake = Fake::start(ok).await;
    let home = Home::start(Wishes::default()).await;
    let tenants = [named(NamedBy::Tenant, &fake)];
    let by_name = MailServer { host: "mail.tenant.test".to_owned(), ..named(NamedBy::Tenant, &fake) };
    let mapped = MailServer { host: "::ffff:127.0.0.1".to_owned(), ..named(NamedBy::Tenant, &fake) };
    let operators = [named(NamedBy::Operator, &fake)];
    let cases = [
        ("tenant.test", tenants.to_vec()),
        ("by-name.test", vec![by_name]),
        ("mapped.test", vec![mapped]),
        ("operator.test", operators.to_vec()),
    ];
    for (name, servers) in cases {
        home.domain(name, servers).await;
        let id = home.post("s@sender.example.test", &[&format!("a@{name}")], BODY).await;
        let line = home.logged(&[&id.to_string(), "status=deferred"]).await;
        assert!(line.contains("dsn=4.4.4") && line.contains("relay.allow_networks"), "{line}");
        assert!(!line.contains("127.0.0.1]"), "it does not say where the name leads: {line}");
    }
    assert_eq!(fake.connections(), 0, "nothing was sent there, not even a handshake");

    home.domain("machine.test", vec![named(NamedBy::Machine, &fake)]).await;
    let id = home.post("s@sender.example.test", &["a@machine.test"], BODY).await;
    home.removed(id).await;
    assert_eq!(fake.next().await.rcpt.len(), 1);
    assert_eq!(home.queue().show(id).await.unwrap().map(|queued| queued.attempts), None);
    assert!(!fake.has_more().await, "an open connection of another domain is no way in");

    // A command on the machine names the same server for a tenant's domain, and what waited goes.
    home.change("tenant.test", DomainChange::Servers(vec![named(NamedBy::Machine, &fake)])).await;
    assert_eq!(fake.next().await.rcpt.len(), 1);
}

#[tokio::test]
async fn the_operator_allows_networks_for_all() {
    let fake = Fake::start(ok).await;
    let mut wishes = Wishes::default();
    wishes.config.allow_networks = vec!["127.0.0.1".parse().unwrap()];
    let home = Home::start(wishes).await;
    home.domain("tenant.test", vec![named(NamedBy::Tenant, &fake)]).await;
    let id = home.post("s@sender.example.test", &["a@tenant.test"], BODY).await;
    home.removed(id).await;
    assert_eq!(fake.next().await.rcpt.len(), 1);
}

/// Another service than SMTP answers with what is nobody's business.
#[tokio::test]
async fn what_is_no_smtp_reply_is_shown_to_the_operator_alone() {
    const SECRET: &str = "HTTP/1.1 400 session-of-somebody";
    let at_once = Fake::start(|_| Answer::Say(format!("{SECRET}\r\n"))).await;
    let later = Fake::start(|event| match event {
        Event::Command(line) if line.starts_with("MAIL") => Answer::Say(format!("{SECRET}\r\n")),
        event => ok(event),
    })
    .await;
    let home = Home::start(Wishes::default()).await;
    for (name, fake) in [("at-once.test", &at_once), ("later.test", &later)] {
        home.domain(name, vec![named(NamedBy::Machine, fake)]).await;
        let id = home.post("s@sender.example.test", &[&format!("a@{name}")], BODY).await;
        let line = home.logged(&[&id.to_string(), "status=deferred"]).await;
        assert!(line.contains("no SMTP reply") && !line.contains("somebody"), "{line}");
        let queued = home.queue().show(id).await.unwrap().unwrap();
        assert!(!format!("{queued:?}").contains("somebody"), "{queued:?}");
        home.mail_log.flush().await;
        let entries = home.mail_log.search(&MailFilter { queue_id: Some(id), ..MailFilter::default() }).await.unwrap();
        assert!(!entries.is_empty() && !format!("{entries:?}").contains("somebody"), "{entries:?}");
        home.logged(&["said=", "somebody"]).await;
    }
}
