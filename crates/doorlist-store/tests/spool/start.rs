//! What a start finds (D09): damaged rows and files, foreign names, links. Each is set aside with a report, and the
//! other messages go on.

use crate::fixture::{accept, config, ids, open, progress, read, sqlite, text};
use doorlist_core::queue_id::QueueId;
use doorlist_store::StoreError;
use doorlist_store::spool::{Settlement, Spool, SpoolConfig, SpoolError};
use sqlx::Connection;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;

/// A closed spool with messages: in rows, and the last apart.
async fn filled(state: &Path, count: u64) -> Vec<(QueueId, Vec<u8>)> {
    let spool = open(&sqlite(state)).await;
    let mut stored = Vec::new();
    for seed in 0..count {
        let bytes = text(seed, if seed + 1 == count { 300_000 } else { 5_000 });
        stored.push((accept(&spool, &bytes).await.id, bytes));
    }
    spool.close().await;
    stored
}

async fn all_are_right(spool: &Spool, stored: &[(QueueId, Vec<u8>)]) {
    assert_eq!(ids(spool).await, stored.iter().map(|(id, _)| *id).collect::<Vec<_>>());
    for (id, bytes) in stored {
        assert!(read(spool, *id).await == *bytes, "{id}");
    }
}

async fn sql(state: &Path, sql: &'static str) {
    let url = format!("sqlite:{}", state.join("spool/gen-0001.db").display());
    let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
    sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

fn set_aside(state: &Path) -> usize {
    fs::read_dir(state.join("spool/corrupt")).unwrap().count()
}

#[tokio::test]
async fn d09_foreign_things_are_moved_away_and_never_followed() {
    let (state, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let stored = filled(state.path(), 4).await;
    let treasure = elsewhere.path().join("treasure");
    fs::write(&treasure, "untouched").unwrap();
    let (spool, bodies) = (state.path().join("spool"), state.path().join("spool/bodies"));
    fs::write(spool.join("gen-0007.db"), "").unwrap();
    fs::write(spool.join("gen-0008.db"), "no database at all, but long enough to be read as one").unwrap();
    fs::write(spool.join("gen-0009.db-wal"), "of nothing").unwrap();
    fs::write(spool.join("gen-9.db"), "").unwrap();
    fs::write(spool.join("..x"), "").unwrap();
    fs::write(spool.join(OsStr::from_bytes(b"\xff\xfe")), "").unwrap();
    fs::create_dir(spool.join("folder")).unwrap();
    symlink(&treasure, spool.join("gen-0010.db")).unwrap();
    symlink(&treasure, bodies.join("0000000000001.body")).unwrap();
    fs::create_dir(bodies.join("0000000000002.body")).unwrap();
    fs::write(bodies.join("readme"), "").unwrap();

    let reopened = open(&sqlite(state.path())).await;
    let report = &reopened.start_report().set_aside;
    assert_eq!((report.len(), set_aside(state.path())), (11, 11), "{report:#?}");
    assert!(report.iter().all(|line| line.contains("was moved to")), "{report:#?}");
    assert_eq!(fs::read_to_string(&treasure).unwrap(), "untouched");
    all_are_right(&reopened, &stored).await;
    reopened.close().await;
    let again = open(&sqlite(state.path())).await;
    assert_eq!(again.start_report().set_aside, Vec::<String>::new(), "reported once");
    again.close().await;
}

#[tokio::test]
async fn d09_a_link_instead_of_the_folder_of_bodies_is_not_followed() {
    let (state, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    filled(state.path(), 1).await;
    let bodies = state.path().join("spool/bodies");
    fs::rename(&bodies, elsewhere.path().join("bodies")).unwrap();
    symlink(elsewhere.path().join("bodies"), &bodies).unwrap();
    let reopened = open(&sqlite(state.path())).await;
    let report = &reopened.start_report().set_aside;
    assert_eq!(report.len(), 2, "the link, and the message whose bytes are missing: {report:#?}");
    assert_eq!(fs::read_dir(elsewhere.path().join("bodies")).unwrap().count(), 1);
    reopened.close().await;
}

#[tokio::test]
async fn d09_a_damaged_row_stays_and_the_others_go_on() {
    let state = tempfile::tempdir().unwrap();
    let mut stored = filled(state.path(), 5).await;
    sql(
        state.path(),
        "UPDATE message SET record = replace(record, 'erika', 'monka') WHERE id = (SELECT min(id) FROM message)",
    )
    .await;
    stored.remove(0);
    for _ in 0..2 {
        let reopened = open(&sqlite(state.path())).await;
        assert_eq!(reopened.start_report().set_aside.len(), 1, "as often as it starts");
        assert_eq!(reopened.start_report().messages, 4);
        all_are_right(&reopened, &stored).await;
        reopened.close().await;
    }
}

#[tokio::test]
async fn d09_bytes_that_changed_are_not_sent_on_as_a_whole_message() {
    let state = tempfile::tempdir().unwrap();
    let stored = filled(state.path(), 3).await;
    sql(state.path(), "UPDATE message SET body = randomblob(5000) WHERE id = (SELECT min(id) FROM message)").await;
    let body = state.path().join(format!("spool/bodies/{}", body_file(state.path())));
    let mut bytes = fs::read(&body).unwrap();
    bytes[150_000] ^= 1;
    fs::write(&body, bytes).unwrap();

    let reopened = open(&sqlite(state.path())).await;
    let in_row = reopened.body_of(stored[0].0).await.unwrap_err();
    assert!(matches!(in_row, SpoolError::Corrupt { id, .. } if id == stored[0].0), "{in_row}");
    let mut reader = reopened.body_of(stored[2].0).await.unwrap().reader().await.unwrap();
    let end = loop {
        match reader.chunk().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("a right end"),
            Err(error) => break error,
        }
    };
    assert!(matches!(end, SpoolError::Corrupt { .. }), "{end}");
    assert!(read(&reopened, stored[1].0).await == stored[1].1);
    reopened.close().await;
}

fn body_file(state: &Path) -> String {
    let mut files = fs::read_dir(state.join("spool/bodies")).unwrap();
    files.next().unwrap().unwrap().file_name().into_string().unwrap()
}

#[tokio::test]
async fn d09_a_body_file_that_is_cut_off_is_set_aside() {
    let state = tempfile::tempdir().unwrap();
    let mut stored = filled(state.path(), 3).await;
    let body = state.path().join(format!("spool/bodies/{}", body_file(state.path())));
    fs::OpenOptions::new().write(true).open(&body).unwrap().set_len(1).unwrap();
    stored.pop();
    let reopened = open(&sqlite(state.path())).await;
    let report = &reopened.start_report().set_aside;
    assert_eq!((report.len(), set_aside(state.path())), (2, 1), "the file and its message: {report:#?}");
    all_are_right(&reopened, &stored).await;
    reopened.close().await;
}

#[tokio::test]
async fn a_body_file_without_a_row_is_swept() {
    let state = tempfile::tempdir().unwrap();
    let stored = filled(state.path(), 2).await;
    let orphan = state.path().join("spool/bodies/0123456789ABC.body");
    fs::write(&orphan, "its sender never heard 250").unwrap();
    let reopened = open(&sqlite(state.path())).await;
    assert_eq!(reopened.start_report().set_aside, Vec::<String>::new());
    assert!(!orphan.exists());
    all_are_right(&reopened, &stored).await;
    reopened.close().await;
}

/// Whatever byte of the file is flipped: the start succeeds, and what is read is what was stored.
#[tokio::test]
async fn d09_no_flipped_byte_makes_a_wrong_message_or_stops_the_start() {
    let state = tempfile::tempdir().unwrap();
    let stored = filled(state.path(), 12).await;
    let file = state.path().join("spool/gen-0001.db");
    let (whole, body) = (fs::read(&file).unwrap(), body_file(state.path()));
    let body_bytes = fs::read(state.path().join("spool/bodies").join(&body)).unwrap();
    let mut saved = 0;
    for round in 0..60 {
        let mut bytes = whole.clone();
        // The first pages hold the tables' shape, the others the messages: some of both.
        let at = if round % 3 == 0 { round * 67 } else { whole.len() * round / 60 } + 18;
        bytes[at] ^= 1 << (round % 8);
        fs::remove_dir_all(state.path().join("spool")).unwrap();
        fs::create_dir_all(state.path().join("spool/bodies")).unwrap();
        fs::write(&file, bytes).unwrap();
        fs::write(state.path().join("spool/bodies").join(&body), &body_bytes).unwrap();
        match Spool::open(&sqlite(state.path()), config()).await {
            Ok(reopened) => {
                for (id, bytes) in &stored {
                    if let Ok(body) = reopened.body_of(*id).await {
                        assert!(body.in_memory().is_none_or(|found| found == bytes), "flip at {at}");
                        saved += 1;
                    }
                }
                reopened.close().await;
            }
            Err(error) => assert!(matches!(error, StoreError::TooNew { .. }), "flip at {at}: {error}"),
        }
    }
    assert!(saved > 60 * stored.len() * 8 / 10, "only {saved} messages were saved");
}

#[tokio::test]
async fn d12_a_newer_format_is_refused_and_left_as_it_is() {
    let state = tempfile::tempdir().unwrap();
    filled(state.path(), 2).await;
    sql(state.path(), "PRAGMA user_version = 99").await;
    let refused = Spool::open(&sqlite(state.path()), config()).await.unwrap_err();
    assert!(matches!(refused, StoreError::TooNew { found: 99, .. }), "{refused}");
    sql(state.path(), "PRAGMA user_version = 1").await;
    let reopened = open(&sqlite(state.path())).await;
    assert_eq!(reopened.count(), 2);
    reopened.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn generations_follow_each_other_and_empty_ones_go() {
    let state = tempfile::tempdir().unwrap();
    let config = SpoolConfig { generation_bytes_max: 1 << 20, ..config() };
    let spool = Spool::open(&sqlite(state.path()), config.clone()).await.unwrap();
    let mut stored = Vec::new();
    // Each 16 MiB of log make a checkpoint, after which the file is found to be too large.
    while generations(state.path()) < 3 {
        assert!(stored.len() < 2_000);
        let bytes = text(stored.len() as u64, 200_000);
        stored.push((accept(&spool, &bytes).await.id, bytes));
    }
    let (first, last) = (stored[0].0, stored.last().unwrap().0);
    spool.settle(first, Settlement::Progress(progress(1)));
    spool.settle(last, Settlement::Progress(progress(2)));
    spool.close().await;
    let spool = Spool::open(&sqlite(state.path()), config).await.unwrap();
    assert_eq!(spool.get(first).await.unwrap().unwrap().progress, Some(progress(1)));
    assert_eq!(spool.get(last).await.unwrap().unwrap().progress, Some(progress(2)));
    all_are_right(&spool, &stored).await;
    for (id, _) in &stored {
        spool.settle(*id, Settlement::Done);
    }
    spool.flush().await.unwrap();
    spool.close().await;
    assert!(generations(state.path()) <= 2, "only those that take new messages are left");
    open(&sqlite(state.path())).await.close().await;
    assert_eq!(generations(state.path()), 1, "of empty ones, a start keeps one");
}

fn generations(state: &Path) -> usize {
    let names = fs::read_dir(state.join("spool")).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| name.to_str().is_some_and(|name| name.ends_with(".db"))).count()
}
