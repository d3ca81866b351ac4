//! The story of plans, told on SQLite and on PostgreSQL: what a source says is compared, staged, applied, undone; claims
//! of several sources meet; what goes missing stays for a while.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "story/hand.rs"]
#[allow(dead_code)]
mod hand;
#[path = "plans/health.rs"]
mod health;
#[path = "plans/list.rs"]
mod list;
#[path = "plans/parts.rs"]
mod parts;
#[path = "plans/soft_period.rs"]
mod soft_period;
#[path = "plans/sources.rs"]
mod sources;
#[path = "plans/undo.rs"]
mod undo;

use doorlist_store::{RecipientStore, StoreUrl};
use doorlist_testbed::postgres::Cluster;

#[tokio::test(flavor = "multi_thread")]
async fn plans_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    tell(StoreUrl::Sqlite(folder.path().join("state"))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn plans_on_postgresql() {
    let cluster = Cluster::start().unwrap();
    tell(StoreUrl::Postgres(cluster.url("plans").unwrap())).await;
}

async fn tell(url: StoreUrl) {
    let here = RecipientStore::open(&url).await.unwrap();
    let there = RecipientStore::open(&url).await.unwrap();
    let following = tokio::spawn({
        let there = there.clone();
        async move { there.follow().await }
    });
    sources::a_file_is_planned_then_applied(&here).await;
    sources::stronger_sources_say_what_an_address_is(&here).await;
    sources::equal_sources_that_disagree_are_a_conflict(&here).await;
    sources::a_veto_survives_every_source(&here).await;
    sources::a_mirror_withdraws_only_its_own(&here).await;
    sources::what_goes_missing_stays_for_seven_days(&here).await;
    sources::a_renamed_entry_is_one_change(&here).await;
    sources::some_entries_alone(&here).await;
    sources::a_plan_waits_moves_and_is_thrown_away(&here).await;
    health::a_source_says_since_when_it_fails(&here).await;
    health::newer_words_overtake_a_plan_that_waits(&here).await;
    parts::parts_are_kept_and_forgotten(&here).await;
    undo::an_import_goes_back_exactly(&here).await;
    undo::what_came_later_stays(&here).await;
    undo::an_alias_that_a_claim_names_stays(&here).await;
    undo::removals_by_hand_come_back(&here).await;
    undo::a_domain_comes_back_with_its_list(&here).await;
    undo::a_name_that_leads_elsewhere_by_now_stays_there(&here).await;
    undo::a_list_does_not_come_back_to_another_domain_of_that_name(&here).await;
    soft_period::an_empty_list_refuses_nobody_for_good(&here, &there).await;
    list::catches_up(&there, &here).await;
    following.abort();
    let again = RecipientStore::open(&url).await.unwrap();
    for recipients in [&there, &again] {
        list::shows_the_store(recipients).await;
    }
}
