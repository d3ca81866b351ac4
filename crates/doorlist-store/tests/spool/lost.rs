//! PostgreSQL goes away in the middle of commits: what was answered with yes is there, what was answered with no is not,
//! and the spool goes on by itself.

use crate::fixture::{envelope, ids, open, postgres, text};
use doorlist_core::queue_id::QueueId;
use doorlist_store::StoreUrl;
use doorlist_store::spool::{Spool, SpoolError, SpoolHealth};
use sqlx::{Connection, PgConnection};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How often every connection of the spool is cut.
const CUTS: u32 = 25;
/// It must be well again after this time.
const RECOVERY_MAX: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_is_neither_a_yes_nor_a_lasting_no() {
    let url = postgres("lost");
    let spool = open(&url).await;
    let ended = Arc::new(AtomicBool::new(false));
    let mut sessions = tokio::task::JoinSet::new();
    for session in 0..8u64 {
        let (spool, ended) = (spool.clone(), Arc::clone(&ended));
        sessions.spawn(async move { accept_until(&spool, session, &ended).await });
    }
    let StoreUrl::Postgres(server) = &url else { unreachable!() };
    let mut other = PgConnection::connect(server).await.unwrap();
    for cut in 0..CUTS {
        sqlx::query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE application_name = 'doorlist spool' AND datname = current_database()",
        )
        .execute(&mut other)
        .await
        .unwrap();
        // Cuts at different points of the sessions' work.
        tokio::time::sleep(Duration::from_millis(u64::from(cut * 7 % 40))).await;
    }
    ended.store(true, Ordering::Relaxed);
    let (mut yes, mut no) = (BTreeSet::new(), Vec::new());
    for (kept, refused) in sessions.join_all().await {
        yes.extend(kept);
        no.extend(refused);
    }
    assert!(no.iter().all(|error| matches!(error, SpoolError::Away(_) | SpoolError::Unknown(_))), "{no:?}");
    assert!(!no.is_empty(), "no cut hit a commit");
    let begun = Instant::now();
    while spool.health() != SpoolHealth::Ok {
        assert!(begun.elapsed() < RECOVERY_MAX);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    spool.close().await;
    let there: BTreeSet<QueueId> = ids(&open(&url).await).await.into_iter().collect();
    assert_eq!(there, yes);
}

async fn accept_until(spool: &Spool, session: u64, ended: &AtomicBool) -> (Vec<QueueId>, Vec<SpoolError>) {
    let (mut kept, mut refused) = (Vec::new(), Vec::new());
    while !ended.load(Ordering::Relaxed) {
        let mut body = spool.body(None);
        body.write(&text(session, 2_000)).await.unwrap();
        match spool.accept(spool.next_id(), envelope(&["erika@example.test"]), body).await {
            Ok(spooled) => kept.push(spooled.id),
            Err(error) => refused.push(error),
        }
    }
    (kept, refused)
}
