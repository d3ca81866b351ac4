//! Commits side by side: a commit that does not end holds up nobody but its own messages.

use crate::fixture::{accept, ids, open, progress, read, sqlite, text};
use doorlist_store::spool::Settlement;
use sqlx::{Connection, SqliteConnection};
use std::fs;

// One thread, so that everything that can run has run after a few turns.
#[tokio::test]
async fn a_commit_that_hangs_holds_up_nobody_else() {
    let state = tempfile::tempdir().unwrap();
    let spool = open(&sqlite(state.path())).await;
    let early = accept(&spool, &text(0, 5_000)).await.id;
    let file = format!("sqlite:{}", state.path().join("spool/gen-0001.db").display());
    let mut lock = SqliteConnection::connect(&file).await.unwrap();
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut lock).await.unwrap();
    // This commit waits for our lock, and the next message does not wait for this commit.
    let held_up = tokio::spawn({
        let spool = spool.clone();
        async move { accept(&spool, &text(1, 5_000)).await.id }
    });
    turns().await;
    let mut others = Vec::new();
    for seed in 2..6 {
        others.push(accept(&spool, &text(seed, 5_000)).await.id);
    }
    spool.settle(others[0], Settlement::Progress(progress(3)));
    spool.settle(early, Settlement::Progress(progress(4)));
    assert!(!held_up.is_finished(), "nothing is said to be kept that is not");
    // A flush waits for the file that is locked, too.
    let flushed = tokio::spawn({
        let spool = spool.clone();
        async move { spool.flush().await }
    });
    turns().await;
    assert!(!flushed.is_finished());
    sqlx::raw_sql("ROLLBACK").execute(&mut lock).await.unwrap();
    lock.close().await.unwrap();
    let held_up = held_up.await.unwrap();
    flushed.await.unwrap().unwrap();
    spool.close().await;
    let spool = open(&sqlite(state.path())).await;
    let mut all = [[early, held_up].as_slice(), &others].concat();
    all.sort_unstable();
    assert_eq!(ids(&spool).await, all);
    assert_eq!(read(&spool, held_up).await, text(1, 5_000));
    assert_eq!(spool.get(others[0]).await.unwrap().unwrap().progress, Some(progress(3)));
    assert_eq!(spool.get(early).await.unwrap().unwrap().progress, Some(progress(4)));
    spool.close().await;
}

async fn turns() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_file_that_a_crash_left_unfinished_goes() {
    let state = tempfile::tempdir().unwrap();
    let spool = open(&sqlite(state.path())).await;
    let id = accept(&spool, &text(7, 5_000)).await.id;
    spool.close().await;
    let folder = state.path().join("spool");
    for name in ["new-0002.db", "new-0002.db-journal", "new-0003.db", "new-0003.db-wal", "new-0003.db-shm"] {
        fs::write(folder.join(name), "").unwrap();
    }
    let spool = open(&sqlite(state.path())).await;
    assert_eq!(spool.start_report().set_aside, Vec::<String>::new());
    assert_eq!(ids(&spool).await, [id]);
    let names = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(names.filter(|name| name.starts_with("new-")).count(), 0);
    spool.close().await;
}
