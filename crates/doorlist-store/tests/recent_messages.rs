//! Which messages listed addresses got of late, on both engines: each row once, bounded by domain, day, sender and message,
//! and gone after its term.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use doorlist_core::domain::DomainId;
use doorlist_core::learning::{RECENT_MESSAGES_TERM, RecentMessage};
use doorlist_core::list::AddressId;
use doorlist_core::time::Timestamp;
use doorlist_store::recent_messages::{MESSAGES_PER_DAY_MAX, MESSAGES_PER_SENDER_MAX};
use doorlist_store::retention::RetentionLimits;
use doorlist_store::{RecipientStore, Retention, StoreUrl};
use doorlist_testbed::postgres::Cluster;
use std::time::Duration;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
const DAY: Duration = Duration::from_hours(24);
const DOMAIN: DomainId = DomainId(1);

#[tokio::test(flavor = "multi_thread")]
async fn recent_messages_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    tell(StoreUrl::Sqlite(folder.path().join("state"))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn recent_messages_on_postgresql() {
    let cluster = Cluster::start().unwrap();
    tell(StoreUrl::Postgres(cluster.url("recent_messages").unwrap())).await;
}

fn message(number: u32, sender: &str, address: u32) -> RecentMessage {
    RecentMessage::of(&id(number), sender, AddressId(address)).unwrap()
}

fn id(number: u32) -> String {
    format!("<{number}@mail.test>")
}

fn to(domain: DomainId, addresses: &[u32]) -> Vec<(DomainId, AddressId)> {
    addresses.iter().map(|address| (domain, AddressId(*address))).collect()
}

async fn kept(store: &RecipientStore, domain: DomainId, now: Timestamp) -> Vec<RecentMessage> {
    let mut kept = store.recent_messages().of_domain(domain, now).await.unwrap();
    kept.sort();
    kept
}

fn sorted(mut messages: Vec<RecentMessage>) -> Vec<RecentMessage> {
    messages.sort();
    messages
}

async fn tell(url: StoreUrl) {
    let here = RecipientStore::open(&url).await.unwrap();
    let there = RecipientStore::open(&url).await.unwrap();
    let (ann, other) = ("ann@sender.test", DomainId(2));

    // In one transaction, in two, on two nodes, and once more behind a crash.
    here.recent_messages().note(&id(1), ann, to(DOMAIN, &[1, 2]), NOW);
    here.recent_messages().note(&id(2), ann, to(DOMAIN, &[1]), NOW);
    here.recent_messages().write().await.unwrap();
    there.recent_messages().note(&id(2), "Bob@Sender.test", to(DOMAIN, &[2]), NOW + DAY);
    there.recent_messages().note(&id(1), ann, to(DOMAIN, &[2, 1]), NOW + DAY);
    there.recent_messages().note(&id(3), ann, to(other, &[9]), NOW);
    there.recent_messages().note(&id(4), "", to(DOMAIN, &[1]), NOW);
    there.recent_messages().write().await.unwrap();
    let both = [message(1, ann, 1), message(1, ann, 2), message(2, ann, 1), message(2, ann, 2)].to_vec();
    assert_eq!(kept(&here, DOMAIN, NOW).await, sorted(both), "each once, and none of a bounce");
    assert_eq!(kept(&here, other, NOW).await, [message(3, ann, 9)]);

    // One message to a hundred: as many are kept as show that it says nothing.
    here.recent_messages().note(&id(5), ann, to(other, &(100..200).collect::<Vec<_>>()), NOW);
    for address in 200..220 {
        here.recent_messages().note(&id(6), ann, to(other, &[address]), NOW);
        here.recent_messages().write().await.unwrap();
    }
    let many = kept(&there, other, NOW).await;
    let of = |number| many.iter().filter(|one| one.message == message(number, ann, 1).message).count();
    assert_eq!((of(5), of(6), many.len()), (4, 4, 9));

    // Who sends much leaves room, and a day has an end.
    let (third, sender_max) = (DomainId(3), u32::try_from(MESSAGES_PER_SENDER_MAX).unwrap());
    let flood = async |sender: &str, from: u32, at: Timestamp| {
        for number in from..from + sender_max + 50 {
            here.recent_messages().note(&id(number), sender, to(third, &[1]), at);
        }
        here.recent_messages().write().await.unwrap();
        kept(&here, third, NOW).await.len()
    };
    assert_eq!(flood("a@one.test", 10_000, NOW).await, MESSAGES_PER_SENDER_MAX);
    assert_eq!(flood("b@one.test", 20_000, NOW).await, MESSAGES_PER_SENDER_MAX, "another name of the same domain");
    for number in 2..7 {
        flood(&format!("a@s{number}.test"), number * 50_000, NOW).await;
    }
    assert_eq!(kept(&here, third, NOW).await.len(), MESSAGES_PER_DAY_MAX);
    let next_day = MESSAGES_PER_DAY_MAX + MESSAGES_PER_SENDER_MAX;
    assert_eq!(flood("a@one.test", 900_000, NOW + DAY).await, next_day, "the next day has room");

    // Their term.
    let trim = async |at| {
        let gone = Retention::of(&here).trim(&RetentionLimits::default(), at).await.unwrap();
        gone.into_iter().find_map(|(table, rows)| (table == "recent_message").then_some(rows))
    };
    let end = NOW + RECENT_MESSAGES_TERM;
    assert_eq!(trim(end).await, None);
    assert_eq!(kept(&here, DOMAIN, end + DAY).await, [message(2, ann, 2)], "what is over counts no more");
    assert_eq!(trim(end + DAY).await, Some(5_000 + 3 + 9));
    assert_eq!(trim(end + DAY * 2).await, Some(1_000 + 1));
}
