//! What goes, when, on both engines, with times that the test sets.
#![allow(clippy::unwrap_used, reason = "a test")]

use super::{Retention, RetentionLimits};
use crate::db::{Db, Read};
use crate::recipients::{ApplyError, RecipientStore, Refusal, UNDO_MAX};
use doorlist_core::change::{Actor, Change, ChangeSet, DomainChange, Source, Structure, Via};
use doorlist_core::time::Timestamp;
use doorlist_testbed::postgres::Cluster;
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);
/// Later than the clock of the machine, which some rows are written with.
const NOW: Timestamp = Timestamp::from_secs(4_000_000_000);

struct TestStore {
    db: Db,
    here: RecipientStore,
}

impl TestStore {
    async fn of(db: Db) -> Self {
        Self { here: RecipientStore::load(db.clone()).await.unwrap(), db }
    }

    async fn run(&self, script: String) {
        let mut tx = self.db.begin().await.unwrap();
        tx.execute_script(script).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn count(&self, sql: &'static str) -> i64 {
        (&self.db).row(sql, &[]).await.unwrap().unwrap().int(0).unwrap()
    }

    async fn trim(&self, terms: &RetentionLimits) {
        Retention::of(&self.here).trim(terms, NOW).await.unwrap();
    }

    async fn apply(&self, changes: Vec<Change>) -> u64 {
        let set = ChangeSet { changes, summary: "a test".to_owned() };
        self.here.apply(&set, &ann(), None).await.unwrap().change_id.unwrap()
    }

    /// A domain of this customer's, with one change of so many addresses.
    async fn fill(&self, domain: &str, customer: &str, addresses: u32) -> u64 {
        let change = DomainChange::Add { customer: customer.to_owned(), servers: vec![] };
        self.apply(vec![Change::Domain { name: domain.parse().unwrap(), change }]).await;
        let claim = |number| Change::Claim {
            address: format!("user{number}@{domain}").parse().unwrap(),
            structure: Structure::Mailbox,
            source: Source::Hand,
        };
        self.apply((0..addresses).map(claim).collect()).await
    }
}

fn ann() -> Actor {
    Actor { name: "ann".to_owned(), via: Via::Command }
}

fn days_ago(days: u32) -> i64 {
    (NOW - DAY * days).as_millis()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_over_goes_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let db = async |name: &str| Db::open_sqlite(&folder.path().join(name)).await.unwrap();
    terms(TestStore::of(db("terms.db").await).await).await;
    changes(TestStore::of(db("changes.db").await).await).await;
    too_many_rows(TestStore::of(db("rows.db").await).await).await;
    too_many_changes(TestStore::of(db("number.db").await).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_over_goes_on_postgresql() {
    let cluster = Cluster::start().unwrap();
    let db = async |name: &str| Db::open_postgres(&cluster.url(name).unwrap()).await.unwrap();
    terms(TestStore::of(db("terms").await).await).await;
    changes(TestStore::of(db("changes").await).await).await;
    too_many_rows(TestStore::of(db("rows").await).await).await;
    too_many_changes(TestStore::of(db("number").await).await).await;
}

/// Of each kind one that is over and one that is not.
async fn terms(store: TestStore) {
    let (old, young, month, week) = (days_ago(401), days_ago(399), days_ago(31), days_ago(7));
    let run = |id: u32, began: i64, outcome: &str| {
        format!("({id}, 'staff', 'example.test', {began}, {began}, '{outcome}', 0, 0, '{{}}')")
    };
    let runs = [run(1, old, "failed"), run(2, old, "applied"), run(3, young, "applied"), run(4, young, "failed")];
    let plan = |id: u32, state: &str, made: i64| {
        format!("({id}, 'example.test', 'staff', '{state}', 0, {made}, 'ann', 'command', '', '{{}}', '{{}}')")
    };
    let plans =
        [plan(1, "applied", month), plan(2, "discarded", month), plan(3, "waiting", month), plan(4, "applied", week)];
    store.run(format!(
        "INSERT INTO source_run (id, source, domain_name, began, ended, outcome, lost, size, report) VALUES {};
         INSERT INTO plan (id, domain_name, source, state, base, made, actor, via, summary, outcome, report) VALUES {};
         INSERT INTO upload_link (token_hash, domain_name, source, made, actor, expires, used) VALUES
             ('used', 'example.test', 'staff', 0, 'ann', {future}, {month}), ('over', 'example.test', 'staff', 0, 'ann', {month}, NULL),
             ('open', 'example.test', 'staff', 0, 'ann', {future}, NULL), ('just', 'example.test', 'staff', 0, 'ann', {week}, {week});
         INSERT INTO login (id, username, email, active, created) VALUES (1, 'ann', 'ann@example.test', TRUE, 0);
         INSERT INTO api_key (id, hash, prefix, login_id, name, limits, created, created_by, expires) VALUES
             (1, 'a', 'a', 1, 'a', '{{}}', 0, 'test', {month}), (2, 'b', 'b', 1, 'b', '{{}}', 0, 'test', {week}),
             (3, 'c', 'c', 1, 'c', '{{}}', 0, 'test', NULL);
         INSERT INTO customer (id, reseller_id, name) VALUES (7, 1, 'Maple');
         INSERT INTO domain_claim (name, customer_id, token, made) VALUES ('a.test', 7, 't', {month}), ('b.test', 7, 't', {week});
         INSERT INTO lease (name, holder, until) VALUES ('gone', 'x', {week}), ('held', 'x', {future});",
        runs.join(", "),
        plans.join(", "),
        future = days_ago(0) + 1,
    ))
    .await;
    store.trim(&RetentionLimits::default()).await;
    for (sql, left) in [
        ("SELECT COUNT(*) FROM source_run WHERE id IN (3, 4)", 2),
        ("SELECT COUNT(*) FROM source_run", 2),
        ("SELECT COUNT(*) FROM plan WHERE id IN (3, 4)", 2),
        ("SELECT COUNT(*) FROM plan", 2),
        ("SELECT COUNT(*) FROM upload_link WHERE token_hash IN ('open', 'just')", 2),
        ("SELECT COUNT(*) FROM upload_link", 2),
        ("SELECT COUNT(*) FROM api_key WHERE id IN (2, 3)", 2),
        ("SELECT COUNT(*) FROM api_key", 2),
        ("SELECT COUNT(*) FROM domain_claim", 1),
        ("SELECT COUNT(*) FROM lease WHERE name = 'held'", 1),
        ("SELECT COUNT(*) FROM lease", 1),
    ] {
        assert_eq!(store.count(sql).await, left, "{sql}");
    }
    // Of one source so many stay.
    store.trim(&RetentionLimits { runs_per_source_max: 1, ..RetentionLimits::default() }).await;
    assert_eq!(store.count("SELECT MIN(id) FROM source_run").await, 4, "the newest stays");
}

/// Whole changes go after their term, and not a day before.
async fn changes(store: TestStore) {
    let first = store.fill("example.test", "Maple", 5).await;
    let last = store.fill("other.test", "Maple", 5).await;
    store.run(format!("UPDATE change SET time = {} WHERE id <= {first}", days_ago(401))).await;
    store.run(format!("UPDATE change SET time = {} WHERE id > {first}", days_ago(399))).await;
    store.trim(&RetentionLimits::default()).await;
    let left: Vec<_> = store.here.changes(None, None, 10).await.unwrap().iter().map(|entry| entry.id).collect();
    assert_eq!(left, [last, last - 1]);
    assert_eq!(store.count("SELECT COUNT(*) FROM change_row").await, 6, "five addresses and a domain");
    assert_eq!(store.count("SELECT COUNT(*) FROM change_domain").await, 2);
    assert_eq!(store.here.snapshot().addresses(), 10, "the list stays as it is");
    // The next change has the next number.
    assert_eq!(store.fill("third.test", "Maple", 1).await, last + 2);
}

/// A customer's flood takes its own undo away, not another's.
async fn too_many_rows(store: TestStore) {
    let of_maple = store.fill("maple.test", "Maple", 5).await;
    let flood = store.fill("birch.test", "Birch", 50).await;
    store.run(format!("UPDATE change SET time = {}", days_ago(1))).await;
    let other = RecipientStore::load(store.db.clone()).await.unwrap();
    let terms = RetentionLimits { change_rows_max: 40, ..RetentionLimits::default() };
    store.trim(&terms).await;
    assert_eq!(store.count("SELECT COUNT(*) FROM change_row WHERE domain_name = 'maple.test'").await, 6);
    assert!(store.count("SELECT COUNT(*) FROM change_row").await <= 40);
    let at = NOW - DAY;
    store.here.plan_undo_at(of_maple, &ann(), None, at).await.unwrap();
    let gone = store.here.plan_undo_at(flood, &ann(), None, at).await;
    assert!(matches!(gone, Err(ApplyError::Refused(Refusal::RowsGone { .. }))), "{gone:?}");
    assert!(store.here.change(flood).await.unwrap().unwrap().rows_gone);
    // What cannot be undone any more goes before everything else.
    let young = store.fill("birch.example.test", "Birch", 40).await;
    store.run(format!("UPDATE change SET time = {}", days_ago(1))).await;
    store.run(format!("UPDATE change SET time = {} WHERE id <= {of_maple}", (NOW - UNDO_MAX).as_millis() - 1)).await;
    store.trim(&RetentionLimits { change_rows_max: 45, ..RetentionLimits::default() }).await;
    assert_eq!(store.count("SELECT COUNT(*) FROM change_row WHERE domain_name = 'maple.test'").await, 0);
    assert_eq!(store.count("SELECT COUNT(*) FROM change_row WHERE domain_name = 'birch.example.test'").await, 41);
    // Another process that was away reads the list as it is.
    let following = tokio::spawn({
        let other = other.clone();
        async move { other.follow().await }
    });
    tokio::time::timeout(Duration::from_secs(20), async {
        while other.snapshot().version() < young {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    following.abort();
    assert_eq!(other.snapshot().addresses(), 95);
}

/// Whole changes that are too many: who has most gives way, first what nobody can undo any more, and whoever did not follow
/// reads the list anew.
async fn too_many_changes(store: TestStore) {
    let of_maple = store.fill("maple.test", "Maple", 1).await;
    let other = RecipientStore::load(store.db.clone()).await.unwrap();
    store.fill("birch.test", "Birch", 1).await;
    for number in 0..20 {
        let name = format!("more{number}@birch.test").parse().unwrap();
        store.apply(vec![Change::Claim { address: name, structure: Structure::Mailbox, source: Source::Hand }]).await;
    }
    let of_birch = "SELECT COUNT(DISTINCT change_id) FROM change_domain WHERE domain_id = 2";
    let all = "SELECT COUNT(*) FROM change";
    let at_most =
        async |changes_max: u64| store.trim(&RetentionLimits { changes_max, ..RetentionLimits::default() }).await;
    // Younger than an hour.
    store.run(format!("UPDATE change SET time = {}", days_ago(0))).await;
    at_most(10).await;
    assert_eq!((store.count(all).await, store.count(of_birch).await), (24, 22));
    // Of those that can be undone, and beyond that: of both, but Birch has most.
    store.run(format!("UPDATE change SET time = {}", days_ago(1))).await;
    at_most(20).await;
    assert_eq!((store.count(all).await, store.count(of_birch).await), (20, 18));
    assert_eq!(store.count("SELECT COUNT(*) FROM change_row").await, 20, "its rows go with it");
    store.run(format!("UPDATE change SET time = {} WHERE id <= {}", days_ago(31), of_maple + 7)).await;
    at_most(15).await;
    assert_eq!((store.count(all).await, store.count(of_birch).await), (15, 15));
    store.run(format!("UPDATE change SET time = {}", days_ago(1))).await;
    at_most(0).await;
    assert_eq!((store.count(all).await, store.count("SELECT COUNT(*) FROM change_domain").await), (0, 0));
    let following = tokio::spawn({
        let other = other.clone();
        async move { other.follow().await }
    });
    let version = store.here.snapshot().version();
    tokio::time::timeout(Duration::from_secs(20), async {
        while other.snapshot().version() < version {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    following.abort();
    assert_eq!(other.snapshot().addresses(), 22, "one that was away has all of it");
    assert_eq!(store.fill("third.test", "Maple", 1).await, version + 2, "numbers are not given again");
    // The oldest of all where nobody has more than a share of what may be.
    for number in 0..11 {
        store.fill(&format!("c{number}.test"), &format!("C{number}"), 1).await;
    }
    store.run(format!("UPDATE change SET time = {}", days_ago(1))).await;
    at_most(23).await;
    assert_eq!(store.count("SELECT MIN(id) FROM change").await, version as i64 + 2);
}
