//! One story of a list, told on SQLite and on PostgreSQL: domains, aliases, an import, claims and vetoes, modes, a second
//! handle that follows, the change log, a restart. Whatever differs between the engines shows here.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "story/chapters.rs"]
mod chapters;
#[path = "story/hand.rs"]
mod hand;

use doorlist_store::{RecipientStore, StoreUrl};
use doorlist_testbed::postgres::Cluster;
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread")]
async fn the_story_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    tell(StoreUrl::Sqlite(folder.path().join("state"))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_story_on_postgresql() {
    let cluster = Cluster::start().unwrap();
    tell(StoreUrl::Postgres(cluster.url("story").unwrap())).await;
}

async fn tell(url: StoreUrl) {
    let here = RecipientStore::open(&url).await.unwrap();
    let there = RecipientStore::open(&url).await.unwrap();
    let following = tokio::spawn({
        let there = there.clone();
        async move { there.follow().await }
    });
    chapters::domains_are_added(&here).await;
    chapters::accounts_and_aliases(&here).await;
    chapters::an_import(&here).await;
    chapters::claims_and_vetoes(&here).await;
    chapters::aliases_that_cannot_be(&here).await;
    chapters::accounts_go_with_their_aliases(&here).await;
    chapters::modes_and_switches(&here).await;
    chapters::a_plan_grows_old(&here).await;
    catches_up(&there, &here).await;
    chapters::both_show_the_same(&here, &there).await;
    chapters::both_write_at_once(&here, &there).await;
    catches_up(&there, &here).await;
    chapters::a_domain_goes(&there).await;
    chapters::pages_of_a_long_list(&there).await;
    following.abort();

    let again = RecipientStore::open(&url).await.unwrap();
    assert_eq!(again.snapshot().version(), there.snapshot().version());
    chapters::both_show_the_same(&again, &there).await;
    chapters::the_log_tells_everything(&again).await;
}

/// Waits until a handle that follows has taken up what the other wrote; within a second, as promised.
async fn catches_up(behind: &RecipientStore, ahead: &RecipientStore) {
    let begun = Instant::now();
    let version = ahead.snapshot().version();
    while behind.snapshot().version() < version {
        assert!(begun.elapsed() < Duration::from_secs(5), "a follower is behind for more than five seconds");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(begun.elapsed() < Duration::from_millis(1500), "took {:?}", begun.elapsed());
}
