//! What servers said about addresses, as two nodes share it: the same on both engines.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use doorlist_core::address::LocalPart;
use doorlist_core::domain::DomainId;
use doorlist_core::time::Timestamp;
use doorlist_core::verification::{INVALID_FOR, Route, VALID_FOR, VerificationRecord};
use doorlist_store::retention::RetentionLimits;
use doorlist_store::verification::{RouteServer, VerificationNotes, VerifiedName};
use doorlist_store::{RecipientStore, Retention, StoreUrl, VerificationBook};
use doorlist_testbed::postgres::Cluster;
use std::time::Duration;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

#[tokio::test(flavor = "multi_thread")]
async fn notes_are_shared_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    tell(StoreUrl::Sqlite(folder.path().join("state"))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn notes_are_shared_on_postgresql() {
    let cluster = Cluster::start().unwrap();
    tell(StoreUrl::Postgres(cluster.url("notes").unwrap())).await;
}

fn name(number: u32) -> VerifiedName {
    (DomainId(number), "example.test".parse().unwrap())
}

fn local(text: &str) -> LocalPart {
    LocalPart::parse(text.as_bytes()).unwrap()
}

fn note(notes: &mut VerificationNotes, text: &str, exists: bool, at: Timestamp) {
    notes.records.insert((name(1), local(text)), VerificationRecord { exists, at });
}

async fn tell(url: StoreUrl) {
    let recipients = RecipientStore::open(&url).await.unwrap();
    let (here, there) = (VerificationBook::of(&recipients), VerificationBook::of(&recipients));
    let server: RouteServer = ("mail.example.test".into(), 25);
    let mut route = Route::new(NOW);
    route.random_answered(false, NOW);
    let mut notes = VerificationNotes::default();
    note(&mut notes, "ann", true, NOW);
    note(&mut notes, "größe'--", false, NOW);
    notes.routes.insert((name(1), server.clone()), route);
    here.write(&notes, NOW).await.unwrap();

    let asked = [local("ann"), local("bob"), local("größe'--")];
    let mut found = there.records(&name(1), &asked).await.unwrap();
    found.sort_by(|a, b| a.0.as_str().cmp(b.0.as_str()));
    let expected = [
        (local("ann"), VerificationRecord { exists: true, at: NOW }),
        (asked[2].clone(), VerificationRecord { exists: false, at: NOW }),
    ];
    assert_eq!(found, expected);
    assert_eq!(there.routes(&name(1)).await.unwrap(), [(server.clone(), route)]);
    assert!(there.records(&name(2), &asked).await.unwrap().is_empty(), "another domain has nothing of it");
    assert!(there.routes(&name(2)).await.unwrap().is_empty());

    // A later word stays, whoever writes last; of a route the beginning is the earlier one.
    let mut notes = VerificationNotes::default();
    note(&mut notes, "ann", false, NOW - Duration::from_secs(1));
    let mut later = Route::new(NOW + Duration::from_secs(9));
    later.known_answered(true, NOW);
    notes.routes.insert((name(1), server.clone()), later);
    there.write(&notes, NOW).await.unwrap();
    assert_eq!(here.records(&name(1), &asked[..1]).await.unwrap(), expected[..1]);
    let merged = Route { known: later.known, ..route };
    assert_eq!(here.routes(&name(1)).await.unwrap(), [(server.clone(), merged)]);

    // Each goes at its time.
    let retention = Retention::of(&recipients);
    let trim = async |at| retention.trim(&RetentionLimits::default(), at).await.unwrap();
    assert_eq!(trim(NOW + INVALID_FOR).await, []);
    let second = Duration::from_secs(1);
    assert_eq!(trim(NOW + INVALID_FOR + second).await, [("verified_address", 1)]);
    assert_eq!(here.records(&name(1), &asked).await.unwrap(), expected[..1]);
    let gone = trim(NOW + VALID_FOR + second).await;
    assert_eq!(gone, [("verified_address", 1), ("verified_route", 1)]);
}

/// Nodes of one PostgreSQL know of each other, by its clock; a file has one node.
#[tokio::test(flavor = "multi_thread")]
async fn nodes_hear_of_each_other_on_postgresql_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = RecipientStore::open(&StoreUrl::Sqlite(folder.path().join("state"))).await.unwrap();
    assert_eq!(VerificationBook::of(&file).heartbeat(1).await.unwrap(), None);

    let cluster = Cluster::start().unwrap();
    let recipients = RecipientStore::open(&StoreUrl::Postgres(cluster.url("nodes").unwrap())).await.unwrap();
    let book = VerificationBook::of(&recipients);
    let alone = book.heartbeat(1).await.unwrap().unwrap();
    assert_eq!((alone.own, alone.others.as_slice()), (None, [].as_slice()));
    let second = book.heartbeat(2).await.unwrap().unwrap();
    assert_eq!((second.own, second.others), (None, vec![(1, alone.now)]));
    assert!(alone.now <= second.now);
    let again = book.heartbeat(1).await.unwrap().unwrap();
    assert_eq!((again.own, again.others), (Some((alone.now, alone.now)), vec![(2, second.now)]));
    // Who was away for long joins anew.
    cluster.sql("nodes", "UPDATE probe_node SET heard = heard - 61000 WHERE node = 1").unwrap();
    let back = book.heartbeat(1).await.unwrap().unwrap();
    assert_eq!(back.joined(), back.now);
    assert_eq!(book.heartbeat(1).await.unwrap().unwrap().own, Some((back.now, back.now)));
    let tomorrow = back.now + Duration::from_hours(25);
    let removed = Retention::of(&recipients).trim(&RetentionLimits::default(), tomorrow).await.unwrap();
    assert!(format!("{removed:?}").contains("(\"probe_node\", 2)"), "{removed:?}");
}
