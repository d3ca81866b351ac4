//! A day of a Doorlist: every action, asked and answered in the form in which it travels over the control socket.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod audit;
mod contacts;
mod day;
mod imports;
mod keys;
mod learning;
mod memberships;
mod named_by;
mod preview;
mod push_parts;
mod races;
mod random_previews;
mod senders;
mod source_health;
mod sources;
mod stories;
mod surfaces;
mod tenancy;
mod tenants;
mod trials;
mod undo;

use day::{Day, NOW, addresses, local, name, server};

use doorlist_actions::{
    AccountAdd, AccountList, AccountRemove, AccountShow, AliasAdd, AliasRemove, ChangePage, ChangesList, ChangesShow,
    DomainAdd, DomainAliasAdd, DomainAliasRemove, DomainList, DomainMode, DomainPatch, DomainRemove, DomainSet,
    DomainShow, ErrorKind, MailLogSearch, ModeWish, QueueFilter, QueueList, QueueMatch, QueueMove, QueueOrder,
    QueueSelection, QueueShow, QueueState, Response,
};
use doorlist_core::domain::Mode;
use doorlist_core::queue_id::QueueId;
use doorlist_store::mail_log::{MailAction, MailFilter};
use doorlist_store::recipients::AccountFilter;
use doorlist_store::spool::{ClientInfo, Envelope, EnvelopeRecipient, MessageKind};

#[tokio::test]
async fn a_domain_is_added_and_its_server_is_told_what_to_do() {
    let day = Day::begin().await;
    let add = || DomainAdd { name: name("Example.TEST"), servers: vec![server()], customer: None };
    let Response::DomainAdded(added) = day.ask(add()).await.unwrap() else { panic!() };
    let text = serde_json::to_string(&added.setup).unwrap();
    for word in ["mail.example.test:25", "SPF", "greylisting", "block lists", "rate limits", "MX"] {
        assert!(text.contains(word), "the setup does not speak of {word}");
    }
    day.refused(add(), ErrorKind::Refused, 1, "already a domain").await;
    day.refused(
        DomainAdd { name: name("other.test"), servers: Vec::new(), customer: None },
        ErrorKind::Usage,
        64,
        "mail server",
    )
    .await;
    day.refused(DomainShow { name: name("other.test") }, ErrorKind::NotFound, 3, "not a domain").await;
    assert_eq!(day.check("ann@example.test").await, (4, "undecided"));
    assert_eq!(day.check("ann@other.test").await, (3, "relay-denied"));
    let Response::Domains(domains) = day.ask(DomainList).await.unwrap() else { panic!() };
    assert_eq!((domains.len(), domains[0].customer.as_str()), (1, "example.test"));
}

#[tokio::test]
async fn an_empty_list_is_enforced_only_by_who_types_its_name() {
    let day = Day::with_a_domain().await;
    let enforce =
        |now, confirmed| DomainMode { name: name("example.test"), mode: ModeWish::Enforce, days: None, now, confirmed };
    day.refused(enforce(false, None), ErrorKind::Unconfirmed, 4, "empty").await;
    day.refused(enforce(false, Some(name("other.test"))), ErrorKind::Unconfirmed, 4, "confirm with the domain's name")
        .await;
    day.done(enforce(false, Some(name("example.test")))).await;
    let Response::Domain(details) = day.ask(DomainShow { name: name("example.test") }).await.unwrap() else { panic!() };
    assert_eq!(details.summary.mode, Mode::Enforce { soft_until: None, empty: true });
    assert_eq!(day.check("ann@example.test").await, (4, "unlisted-soft"));
    day.done(AccountAdd { addresses: addresses(&["ann@example.test"]), list: false }).await;
    day.done(enforce(true, None)).await;
    assert_eq!(day.check("bob@example.test").await, (3, "unlisted"));
    assert_eq!(day.check("ann@example.test").await, (0, "listed"));
    let mode = |mode| DomainMode { name: name("example.test"), mode, days: None, now: false, confirmed: None };
    let learn = |days| DomainMode { days, ..mode(ModeWish::Learn) };
    day.refused(learn(Some(0)), ErrorKind::Usage, 64, "for 1 to 366 days").await;
    day.done(learn(Some(14))).await;
    let Response::Domain(details) = day.ask(DomainShow { name: name("example.test") }).await.unwrap() else { panic!() };
    assert!(matches!(details.summary.mode, Mode::Learn { until: Some(_) }));
    assert_eq!(day.check("bob@example.test").await, (4, "undecided"));
    day.done(mode(ModeWish::Monitor)).await;
    assert_eq!(day.check("bob@example.test").await, (4, "undecided"), "and back");
}

#[tokio::test]
async fn switches_and_other_names_of_a_domain() {
    let day = Day::with_a_domain().await;
    let (domain, alias) = (name("example.test"), name("example.invalid"));
    day.done(DomainAliasAdd { name: domain.clone(), alias: alias.clone() }).await;
    assert_eq!(day.check("postmaster@example.invalid").await, (0, "system"));
    day.refused(DomainAliasRemove { alias: domain.clone() }, ErrorKind::Refused, 1, "is a domain, not an alias").await;
    day.done(DomainAliasRemove { alias: alias.clone() }).await;
    assert_eq!(day.check("postmaster@example.invalid").await, (3, "relay-denied"));
    let set = async |patch| day.done(DomainSet { name: domain.clone(), patch }).await;
    set(DomainPatch { active: Some(false), ..DomainPatch::default() }).await;
    assert_eq!(day.check("postmaster@example.test").await, (3, "domain-inactive"));
    set(DomainPatch { active: Some(true), hold: Some(true), ..DomainPatch::default() }).await;
    assert!(day.services.recipients.routes().values().all(|route| route.hold));
    day.done(DomainRemove { name: domain.clone() }).await;
    assert_eq!(day.check("postmaster@example.test").await, (3, "relay-denied"));
    day.refused(DomainRemove { name: domain }, ErrorKind::NotFound, 3, "not a domain").await;
}

#[tokio::test]
async fn accounts_and_aliases_by_hand() {
    let day = Day::with_a_domain().await;
    let add = |texts: &[&str], list| AccountAdd { addresses: addresses(texts), list };
    assert_eq!(day.done(add(&["ann@example.test", "bob@example.test"], false)).await.added, 2);
    assert_eq!(day.done(add(&["team@example.test"], true)).await.added, 1);
    let alias = |account: &str, of: &str| AliasAdd { account: account.parse().unwrap(), locals: vec![local(of)] };
    day.done(alias("ann@example.test", "A.Lee")).await;
    day.refused(alias("a.lee@example.test", "al"), ErrorKind::Refused, 1, "itself an alias of ann@example.test").await;
    day.refused(alias("ann@example.test", "bob"), ErrorKind::Refused, 1, "it is an account").await;
    day.refused(alias("nobody@example.test", "x"), ErrorKind::Refused, 1, "this account does not exist").await;

    let show = |text: &str| AccountShow { address: text.parse().unwrap() };
    let Response::Account(account) = day.ask(show("ann@example.test")).await.unwrap() else { panic!() };
    assert_eq!(account.details.aliases, [local("a.lee")]);
    day.refused(show("nobody@example.test"), ErrorKind::NotFound, 3, "not on the list").await;
    let filter = AccountFilter {
        domain: name("example.test"),
        search: Some("lee".to_owned()),
        auto_added: false,
        without_mail: None,
        after: None,
        limit: 10,
    };
    let Response::Accounts(found) = day.ask(AccountList { filter }).await.unwrap() else { panic!() };
    assert_eq!(found, [account.details]);

    let remove = |texts: &[&str]| AccountRemove { addresses: addresses(texts) };
    day.refused(remove(&["a.lee@example.test"]), ErrorKind::Refused, 1, "`alias remove`").await;
    let one_unlisted = remove(&["bob@example.test", "nobody@example.test"]);
    day.refused(one_unlisted, ErrorKind::NotFound, 3, "nobody@example.test").await;
    assert_eq!(day.check("bob@example.test").await, (0, "listed"), "nothing was removed");
    day.refused(AliasRemove { addresses: addresses(&["ann@example.test"]) }, ErrorKind::Refused, 1, "`account remove`")
        .await;
    day.done(AliasRemove { addresses: addresses(&["a.lee@example.test"]) }).await;
    assert_eq!(day.check("a.lee@example.test").await, (3, "vetoed"));
    day.done(remove(&["ann@example.test"])).await;
    day.refused(remove(&["ann@example.test"]), ErrorKind::NotFound, 3, "removed by a person already").await;
    day.refused(remove(&[]), ErrorKind::Usage, 64, "1 to").await;
}

#[tokio::test]
async fn the_change_log_is_read_back() {
    let day = Day::with_a_domain().await;
    day.done(AccountAdd { addresses: addresses(&["ann@example.test"]), list: false }).await;
    let list = ChangesList { domain: Some(name("example.test")), before: None, limit: 10 };
    let Response::Changes(changes) = day.ask(list).await.unwrap() else { panic!() };
    let summaries: Vec<_> = changes.iter().map(|entry| entry.summary.as_str()).collect();
    assert_eq!(summaries, ["account added: ann@example.test", "domain example.test added for customer example.test"]);
    let show = |id| ChangesShow { id, after: None, limit: 10 };
    let Response::Change(ChangePage { entry, rows, next }) = day.ask(show(changes[0].id)).await.unwrap() else {
        panic!()
    };
    assert_eq!((&entry, rows.len(), next), (&changes[0], 1, None));
    day.refused(show(99), ErrorKind::NotFound, 3, "change 99 does not exist").await;
}

#[tokio::test]
async fn the_queue_without_a_server_is_the_spool() {
    let day = Day::with_a_domain().await;
    let id = waiting_message(&day).await;
    let list =
        |domain| QueueList { filter: QueueFilter { domain, after: None, limit: 10 }, matching: QueueMatch::default() };
    let Response::Queue(all) = day.ask(list(None)).await.unwrap() else { panic!() };
    assert_eq!((all.len(), all[0].id, all[0].recipients[0].state), (1, id, QueueState::Pending));
    let Response::Queue(of_domain) = day.ask(list(Some(name("example.test")))).await.unwrap() else { panic!() };
    assert_eq!(of_domain, all);
    let order = |order| QueueMove { order, selection: QueueSelection::Message(id) };
    for (asked, held) in [(QueueOrder::Hold, true), (QueueOrder::Retry, true), (QueueOrder::Release, false)] {
        match asked {
            QueueOrder::Retry => day.refused(order(asked), ErrorKind::Usage, 64, "1 message is on hold").await,
            _ => assert_eq!(day.ask(order(asked)).await.unwrap(), Response::QueueDone(1)),
        }
        let Response::QueueMessage(entry) = day.ask(QueueShow { id }).await.unwrap() else { panic!() };
        assert_eq!(entry.hold, held, "{asked:?}");
    }
    let selection = QueueSelection::Matching { domain: Some(name("example.test")), matching: QueueMatch::default() };
    let by_domain = QueueMove { order: QueueOrder::Delete, selection };
    assert_eq!(day.ask(by_domain).await.unwrap(), Response::QueueDone(1));
    day.refused(QueueShow { id }, ErrorKind::NotFound, 3, "not in the queue").await;
    day.refused(order(QueueOrder::Retry), ErrorKind::NotFound, 3, "not in the queue").await;
    day.refused(list(Some(name("other.test"))), ErrorKind::NotFound, 3, "not a domain").await;
    let search = MailLogSearch { filter: MailFilter::default(), domain: Some(name("example.test")) };
    let Response::Log(entries) = day.ask(search).await.unwrap() else { panic!() };
    let who = |action| (action, "by root".to_owned());
    let noted: Vec<_> = entries.into_iter().map(|logged| (logged.entry.action, logged.entry.reason.into())).collect();
    assert_eq!(noted, [who(MailAction::Deleted), who(MailAction::Released), who(MailAction::Held)]);
}

async fn waiting_message(day: &Day) -> QueueId {
    let domain = day.services.recipients.snapshot().domain(&name("example.test")).unwrap().id;
    let id = day.spool.next_id();
    let mut body = day.spool.body(None);
    body.write(b"Subject: a letter\r\n\r\n").await.unwrap();
    let envelope = Envelope {
        sender: "dan@other.test".into(),
        recipients: vec![EnvelopeRecipient {
            path: "ann@example.test".into(),
            domain: Some(domain),
            address: None,
            system: false,
            unlisted: false,
        }],
        received_at: NOW,
        client: ClientInfo::default(),
        eight_bit: false,
        smtp_utf8: false,
        kind: MessageKind::Inbound,
        message_id: None,
        size: 21,
        assessment: doorlist_core::verdict::Assessment::default(),
    };
    day.spool.accept(id, envelope, body).await.unwrap();
    id
}
