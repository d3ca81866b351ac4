//! The harvest defence, as two nodes share it: the same on both engines.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use doorlist_core::domain::DomainId;
use doorlist_core::harvest::{AttackState, Block, DeliveryDay};
use doorlist_core::network::SourceKey;
use doorlist_core::time::Timestamp;
use doorlist_store::harvest::{DomainStateRow, FlagRow, HarvestEvent, HarvestNotes};
use doorlist_store::retention::RetentionLimits;
use doorlist_store::{HarvestBook, RecipientStore, Retention, StoreUrl};
use doorlist_testbed::postgres::Cluster;
use std::time::Duration;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_hours(1);
const DOMAIN: DomainId = DomainId(7);

#[tokio::test(flavor = "multi_thread")]
async fn the_defence_is_shared_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    tell(StoreUrl::Sqlite(folder.path().join("state"))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_defence_is_shared_on_postgresql() {
    let cluster = Cluster::start().unwrap();
    tell(StoreUrl::Postgres(cluster.url("harvest").unwrap())).await;
}

fn source(text: &str) -> SourceKey {
    text.parse().unwrap()
}

fn flag(text: &str, until: Timestamp, noted: Timestamp) -> FlagRow {
    let source = source(text);
    FlagRow { source, until, flags: 1, unknown: 25, known: 2, domain: Some(DOMAIN), noted }
}

fn state(state: AttackState, noted: Timestamp) -> DomainStateRow {
    DomainStateRow {
        domain: DOMAIN,
        node: 1,
        state,
        since: noted,
        until: noted + HOUR * 4,
        rate: 151,
        known_since: NOW - HOUR,
        sums: vec![3, 0, 7],
        sums_at: noted,
        slow_since: None,
        hours: Vec::new(),
        noted,
    }
}

async fn tell(url: StoreUrl) {
    let recipients = RecipientStore::open(&url).await.unwrap();
    let (here, there) = (HarvestBook::of(&recipients), HarvestBook::of(&recipients));
    flags_and_days(&here, &there).await;
    states_and_blocks(&here, &there).await;
    // Each goes at its time; what goes on stays.
    let retention = Retention::of(&recipients);
    let trim = async |at| retention.trim(&RetentionLimits::default(), at).await.unwrap();
    assert_eq!(trim(NOW + HOUR * 24).await, []);
    assert_eq!(trim(NOW + HOUR * 55).await, [("harvest_flag", 3)]);
    let gone = trim(NOW + HOUR * 24 * 60).await;
    let tables: Vec<&str> = gone.iter().map(|(table, _)| *table).collect();
    assert_eq!(tables, ["harvest_day", "harvest_domain", "harvest_event"], "the block goes on for a year");
}

async fn flags_and_days(here: &HarvestBook, there: &HarvestBook) {
    let mut notes = HarvestNotes::default();
    for row in [
        flag("192.0.2.7", NOW + HOUR, NOW),
        flag("2001:db8:1:2::/64", NOW + HOUR * 2, NOW),
        flag("198.51.100.1", NOW + HOUR, NOW),
    ] {
        notes.flags.insert(row.source, row);
    }
    let day = DeliveryDay::delivery(NOW, 500);
    notes.days.insert((source("192.0.2.9"), day.day), day);
    here.write(&notes, 1, NOW).await.unwrap();
    // An earlier word about a source changes nothing; days add up, whoever writes them.
    let mut notes = HarvestNotes::default();
    notes.flags.insert(source("192.0.2.7"), flag("192.0.2.7", NOW, NOW - HOUR));
    let mut more = DeliveryDay::delivery(NOW, 20);
    more.add(&DeliveryDay::unknown_name(NOW));
    notes.days.insert((source("192.0.2.9"), more.day), more);
    there.write(&notes, 2, NOW + SECOND).await.unwrap();
    let news = there.news(NOW + SECOND, NOW).await.unwrap();
    assert!(news.flags.is_empty(), "{news:?}");
    let all = DeliveryDay { delivered: 2, unknown: 1, entries: (20, 500), ..day };
    assert_eq!(news.days, [(source("192.0.2.9"), all)]);
    let until: Vec<_> = there.flagged(NOW, 10).await.unwrap().into_iter().map(|row| (row.source, row.until)).collect();
    assert_eq!(until[0], (source("2001:db8:1:2::/64"), NOW + HOUR * 2));
    assert_eq!((until.len(), there.flagged_count(NOW).await.unwrap()), (3, 3));
    assert_eq!(there.flagged_count(NOW + HOUR).await.unwrap(), 1);

    // What a person releases in a network is news for each node.
    let network = "192.0.2.0/24".parse().unwrap();
    let released = there.release(&network, "ann", 0, NOW + SECOND * 9).await.unwrap();
    assert_eq!((released.flags, released.blocks), (1, 0));
    let news = here.news(NOW + SECOND * 9, NOW).await.unwrap();
    assert_eq!(news.flags.len(), 1);
    assert_eq!((news.flags[0].source, news.flags[0].until), (source("192.0.2.7"), news.flags[0].noted));
}

async fn states_and_blocks(here: &HarvestBook, there: &HarvestBook) {
    let mut notes = HarvestNotes::default();
    notes.domains.insert(DOMAIN, state(AttackState::Attack, NOW));
    notes.events.push(HarvestEvent {
        at: NOW,
        event: "attack".to_owned(),
        subject: "example.test".to_owned(),
        domain: Some(DOMAIN),
        detail: "was normal".to_owned(),
    });
    here.write(&notes, 1, NOW).await.unwrap();
    let states = there.states(None).await.unwrap();
    assert_eq!(states, [state(AttackState::Attack, NOW)]);
    assert!(there.states(Some(DomainId(8))).await.unwrap().is_empty());
    // An order is read with the row, and outlives what the node writes behind it.
    let until = NOW + HOUR * 9;
    assert!(there.order((DOMAIN, "example.test"), Some(until), ("ann", 0), NOW + SECOND).await.unwrap());
    assert!(!there.order((DomainId(8), "other.test"), None, ("ann", 0), NOW).await.unwrap());
    notes.domains.insert(DOMAIN, state(AttackState::Elevated, NOW + SECOND * 2));
    notes.events.clear();
    here.write(&notes, 1, NOW + SECOND * 2).await.unwrap();
    let news = there.news(NOW + SECOND * 2, NOW).await.unwrap();
    let (row, order) = &news.domains[0];
    assert_eq!((row.state, order.at, order.until), (AttackState::Elevated, NOW + SECOND, Some(until)));
    // The sign of a slow attack is shown in whatever state the domain is, with the hours of its names.
    let slow = DomainStateRow {
        slow_since: Some(NOW - HOUR),
        hours: vec![140, 0, 138],
        ..state(AttackState::Normal, NOW + SECOND * 3)
    };
    notes.domains.insert(DOMAIN, slow.clone());
    here.write(&notes, 1, NOW + SECOND * 3).await.unwrap();
    assert_eq!(there.states(None).await.unwrap(), [slow]);
    notes.domains.insert(DOMAIN, state(AttackState::Normal, NOW + SECOND * 4));
    here.write(&notes, 1, NOW + SECOND * 4).await.unwrap();
    assert!(there.states(None).await.unwrap().is_empty());
    let events = there.events(Some(DOMAIN), 10).await.unwrap();
    let words: Vec<&str> = events.iter().map(|event| event.event.as_str()).collect();
    assert_eq!(words, ["extended", "attack"]);

    let block = |network: &str, until| Block {
        network: network.parse().unwrap(),
        until,
        reason: "it's 'quoted' --".to_owned(),
        by: "ann".to_owned(),
        made: NOW,
    };
    let (short, long) = (block("203.0.113.0/24", NOW + HOUR), block("2001:db8::/32", NOW + HOUR * 24 * 365));
    for block in [&short, &long] {
        assert_eq!(here.block(block, 0).await.unwrap(), Ok(()));
    }
    assert_eq!(there.blocks(NOW).await.unwrap(), [long.clone(), short.clone()]);
    assert_eq!(there.blocks(NOW + HOUR).await.unwrap(), [long]);
    let released = there.release(&"203.0.113.0/24".parse().unwrap(), "ann", 0, NOW).await.unwrap();
    assert_eq!((released.flags, released.blocks), (0, 1));
}
