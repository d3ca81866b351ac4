//! When listed addresses got mail last, on both engines: by the day, one write a day, found again when they are listed no
//! more, and gone after their term.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[allow(dead_code)]
#[path = "story/hand.rs"]
mod hand;

use doorlist_core::address::LocalPart;
use doorlist_core::change::{Change, Source, Structure};
use doorlist_core::domain::DomainId;
use doorlist_core::list::AddressId;
use doorlist_core::time::Timestamp;
use doorlist_store::recipients::{AccountFilter, AddressMail, WithoutMail};
use doorlist_store::retention::RetentionLimits;
use doorlist_store::{RecipientStore, Retention, StoreUrl};
use doorlist_testbed::postgres::Cluster;
use hand::{address, apply, mailbox};
use std::time::Duration;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
const DAY: Duration = Duration::from_hours(24);

#[tokio::test(flavor = "multi_thread")]
async fn last_days_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    tell(StoreUrl::Sqlite(folder.path().join("state"))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn last_days_on_postgresql() {
    let cluster = Cluster::start().unwrap();
    tell(StoreUrl::Postgres(cluster.url("last_mail").unwrap())).await;
}

fn local(text: &str) -> LocalPart {
    LocalPart::parse(text.as_bytes()).unwrap()
}

fn found(store: &RecipientStore, text: &str) -> (DomainId, AddressId) {
    let (list, address) = (store.snapshot(), address(text));
    let domain = list.domain(address.domain()).unwrap();
    (domain.id, list.lookup(domain, &address).address_id().unwrap())
}

/// Ann's last mail is of `NOW`, bob's of the day behind it; an alias counts for its account.
async fn accounts_without_mail(store: &RecipientStore) {
    let without = async |without_mail: Option<WithoutMail>, after: Option<&str>, limit: u32, now: Timestamp| {
        let domain = address("a@example.test").domain().clone();
        let after = after.map(local);
        let filter = AccountFilter { domain, search: None, auto_added: false, without_mail, after, limit };
        store.accounts(&filter, now).await.unwrap()
    };
    let names = async |without_mail, after, limit, now| {
        let found = without(Some(without_mail), after, limit, now).await;
        found.iter().map(|one| one.entry.address.local().to_string()).collect::<Vec<_>>().join(" ")
    };
    let ever = WithoutMail::Ever;
    assert_eq!(names(ever, None, 10, NOW).await, "cora dora");
    assert_eq!(names(ever, None, 1, NOW).await, "cora");
    assert_eq!(names(ever, Some("cora"), 10, NOW).await, "dora");
    let alias = Change::Claim {
        address: address("d@example.test"),
        structure: Structure::AliasOf(local("dora")),
        source: Source::Hand,
    };
    apply(store, vec![alias, Change::Veto { address: address("eve@example.test") }]).await;
    let (_, alias) = found(store, "d@example.test");
    store.last_mail().note(alias, NOW, false);
    assert_eq!(names(ever, None, 10, NOW).await, "cora", "nor who was removed by a person");

    // They are listed since this test began, by the clock of the machine.
    let listed = store.account(&address("cora@example.test")).await.unwrap().unwrap().entry.record.claims[0].since;
    let (soon, later) = (listed + 5 * DAY, std::cmp::max(listed, NOW) + 30 * DAY);
    assert_eq!(names(WithoutMail::ForDays(6), None, 10, soon).await, "", "listed for too short a time");
    assert_eq!(names(WithoutMail::ForDays(10), None, 10, later).await, "ann bob cora dora");
    let all = without(None, None, 10, NOW).await;
    let ann =
        AddressMail { first_accepted: Some(day(NOW - DAY)), last_accepted: day(NOW), last_clean: Some(day(NOW - DAY)) };
    assert_eq!((all.len(), all[0].mail), (5, Some(ann)), "the removed one is among all");
    assert!(all[2].mail.is_none());
}

/// The first moment of the day.
fn day(at: Timestamp) -> Timestamp {
    Timestamp::from_secs(at.as_secs() / 86_400 * 86_400)
}

async fn tell(url: StoreUrl) {
    let here = RecipientStore::open(&url).await.unwrap();
    let there = RecipientStore::open(&url).await.unwrap();
    let set = vec![
        hand::added("example.test", "Maple"),
        mailbox("ann@example.test"),
        mailbox("bob@example.test"),
        mailbox("cora@example.test"),
        mailbox("dora@example.test"),
    ];
    apply(&here, set).await;
    let (domain, ann) = found(&here, "ann@example.test");
    let (_, bob) = found(&here, "bob@example.test");
    let (_, cora) = found(&here, "cora@example.test");
    let last = |store: &RecipientStore, text: &str| {
        let (store, local) = (store.clone(), local(text));
        async move { store.last_mail().of_address(domain, &local).await.unwrap().map(|it| (it.accepted, it.clean)) }
    };

    here.last_mail().note(ann, NOW - 3 * DAY, true);
    here.last_mail().note(ann, NOW, false);
    here.last_mail().note(ann, NOW - DAY, false);
    here.last_mail().note(bob, NOW, false);
    here.last_mail().note(AddressId(99), NOW, true);
    assert_eq!(last(&here, "ann").await, Some((day(NOW), Some(day(NOW - 3 * DAY)))));
    assert_eq!(last(&there, "bob").await, Some((day(NOW), None)));
    assert_eq!(last(&there, "dora").await, None);
    // Another node knows less of one, and more of the other.
    there.last_mail().note(ann, NOW - DAY, true);
    there.last_mail().note(bob, NOW + DAY, true);
    assert_eq!(last(&there, "ann").await, Some((day(NOW), Some(day(NOW - DAY)))));
    assert_eq!(last(&here, "bob").await, Some((day(NOW + DAY), Some(day(NOW + DAY)))));

    let never = async |after: Option<&str>, limit| {
        let never = here.last_mail().never_mailed(domain, after.map(local).as_ref(), limit).await.unwrap();
        never.iter().map(|local| local.to_string()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(never(None, 10).await, "cora dora");
    assert_eq!((never(None, 1).await, never(Some("cora"), 10).await), ("cora".to_owned(), "dora".to_owned()));

    accounts_without_mail(&here).await;

    here.last_mail().note(cora, NOW - 20 * DAY, true);
    here.last_mail().write().await.unwrap();
    let off = |text: &str| Change::Withdraw { address: address(text), source: Source::Hand };
    apply(&here, vec![off("ann@example.test"), off("cora@example.test")]).await;
    apply(&here, vec![Change::Veto { address: address("bob@example.test") }]).await;
    let gone = here.last_mail().no_longer_listed(domain, NOW - 14 * DAY, 10).await.unwrap();
    let gone: Vec<_> = gone.iter().map(|it| (it.local.to_string(), it.accepted)).collect();
    assert_eq!(gone, [("ann".to_owned(), day(NOW))], "not who was removed by a person, nor whose mail is long ago");

    let retention = Retention::of(&here);
    let trim = async |at| {
        let gone = retention.trim(&RetentionLimits::default(), at).await.unwrap();
        gone.into_iter().find_map(|(table, rows)| (table == "address_mail").then_some(rows))
    };
    assert_eq!((trim(NOW + 379 * DAY).await, trim(NOW + 381 * DAY).await), (None, Some(1)));
    assert_eq!((trim(NOW + 450 * DAY).await, last(&here, "bob").await), (Some(3), None));
}
