//! Databases that take no writes, and what is said of them: real servers that are read-only, locked, stopped, or say that
//! they are full; files that another program has locked.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use doorlist_store::spool::SpoolConfig;
use doorlist_store::{RecipientStore, Spool, StoreUrl, WriteCheck};
use doorlist_testbed::postgres::Cluster;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, PgConnection, SqliteConnection};
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// An answer comes within this time, whatever the database does.
const ANSWER_MAX: Duration = Duration::from_millis(2_500);
/// It is well again after this time.
const RECOVERY_MAX: Duration = Duration::from_secs(30);

async fn check(url: &StoreUrl) -> WriteCheck {
    let recipients = RecipientStore::open(url).await.unwrap();
    WriteCheck::new(recipients, Spool::open(url, SpoolConfig::default()).await.unwrap(), 0)
}

/// Waits until it is said that nothing can be stored, with these words.
async fn fails(check: &WriteCheck, words: &str) {
    let began = Instant::now();
    loop {
        let asked = Instant::now();
        let failure = check.failure().await;
        assert!(asked.elapsed() < ANSWER_MAX, "{:?}", asked.elapsed());
        match failure {
            Some(why) if why.contains(words) => {
                assert!(!why.contains('\n'), "{why}");
                return;
            }
            // On a machine that does much else, the answer may be later than anybody waits for; it is told next time.
            Some(why) => assert!(why.contains("no answer") && began.elapsed() < RECOVERY_MAX, "{why}"),
            // What was written just before counts for a second.
            None => assert!(began.elapsed() < Duration::from_secs(5), "{words}"),
        }
        sleep(Duration::from_millis(50)).await;
    }
}

async fn is_well_again(check: &WriteCheck) {
    let began = Instant::now();
    while let Some(why) = check.failure().await {
        assert!(began.elapsed() < RECOVERY_MAX, "{why}");
        sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_takes_no_writes_is_told_of_with_its_reason() {
    let mut cluster = Cluster::start().unwrap();
    let url = cluster.url("list").unwrap();
    let check = check(&StoreUrl::Postgres(url.clone())).await;
    assert_eq!(check.failure().await, None);
    cluster.sql("list", "ALTER SYSTEM SET default_transaction_read_only = on").unwrap();
    cluster.sql("list", "SELECT pg_reload_conf()").unwrap();
    fails(&check, "cannot execute INSERT in a read-only transaction").await;
    // This is no transaction's business, and may be said in one that only reads.
    cluster.sql("list", "ALTER SYSTEM RESET default_transaction_read_only").unwrap();
    cluster.sql("list", "SELECT pg_reload_conf()").unwrap();
    is_well_again(&check).await;

    let mut other = PgConnection::connect(&url).await.unwrap();
    for locked in ["LOCK TABLE list_state", "LOCK TABLE spool_progress"] {
        let mut tx = other.begin().await.unwrap();
        sqlx::query(locked).execute(&mut *tx).await.unwrap();
        fails(&check, if locked.contains("list") { "lock timeout" } else { "no answer" }).await;
        tx.rollback().await.unwrap();
        is_well_again(&check).await;
    }

    cluster.pause().unwrap();
    for _ in 0..3 {
        fails(&check, "no answer").await;
    }
    cluster.go_on().unwrap();
    is_well_again(&check).await;

    cluster.stop().unwrap();
    fails(&check, "onnect").await;
    cluster.start_again().unwrap();
    is_well_again(&check).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_says_that_it_is_full_is_told_of() {
    const FULL: &str = "
        CREATE FUNCTION is_full() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$";
    let cluster = Cluster::start().unwrap();
    let check = check(&StoreUrl::Postgres(cluster.url("list").unwrap())).await;
    cluster.sql("list", FULL).unwrap();
    for table in ["spool_progress", "write_check"] {
        let trigger = format!("CREATE TRIGGER full_now BEFORE INSERT OR UPDATE ON {table} EXECUTE FUNCTION is_full()");
        cluster.sql("list", &trigger).unwrap();
        fails(&check, if table == "write_check" { "No space left on device" } else { "" }).await;
        cluster.sql("list", &format!("DROP TRIGGER full_now ON {table}")).unwrap();
        is_well_again(&check).await;
    }
}

/// One row each, however often it is asked.
#[tokio::test(flavor = "multi_thread")]
async fn a_check_leaves_one_row_of_its_node() {
    let cluster = Cluster::start().unwrap();
    let check = check(&StoreUrl::Postgres(cluster.url("list").unwrap())).await;
    for _ in 0..3 {
        assert_eq!(check.failure().await, None);
        sleep(Duration::from_millis(1_050)).await;
    }
    let rows = "SELECT (SELECT COUNT(*) FROM write_check), (SELECT COUNT(*) FROM spool_progress), \
                (SELECT COUNT(*) FROM spool_message)";
    assert_eq!(cluster.sql("list", rows).unwrap(), "1|1|0\n");
}

async fn other_program(file: &std::path::Path) -> SqliteConnection {
    SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(file)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_another_program_has_locked_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let check = check(&StoreUrl::Sqlite(folder.path().to_owned())).await;
    assert_eq!(check.failure().await, None);
    for (file, words) in
        [("directory.db", "cannot store a change: database is locked"), ("spool/gen-0001.db", "no answer")]
    {
        let mut other = other_program(&folder.path().join(file)).await;
        sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
        fails(&check, words).await;
        sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
        is_well_again(&check).await;
    }
}
