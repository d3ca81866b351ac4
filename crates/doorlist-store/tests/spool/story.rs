//! One story, told by both engines: mail comes, waits, makes progress, outlives a restart, and goes.

use crate::fixture::{accept, config, envelope, ids, open, postgres, progress, read, sqlite, text};
use doorlist_core::queue_id::QueueId;
use doorlist_core::verdict::{Assessment, Authentication, AuthenticationResult, ContentVerdict, SpfCheck};
use doorlist_store::StoreUrl;
use doorlist_store::spool::{Envelope, IN_ROW_MAX, Settlement, Spool, SpoolConfig, SpoolError, SpoolHealth};

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_tells_the_story() {
    let state = tempfile::tempdir().unwrap();
    story(&sqlite(state.path())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_tells_the_story() {
    story(&postgres("story")).await;
}

async fn story(url: &StoreUrl) {
    let spool = open(url).await;
    assert_eq!((spool.count(), spool.oldest(), spool.health()), (0, None, SpoolHealth::Ok));
    let sizes = [0, 1, 4096, IN_ROW_MAX - 1, IN_ROW_MAX, IN_ROW_MAX + 1, 1_500_000];
    let mut stored = Vec::new();
    for (seed, size) in sizes.into_iter().enumerate() {
        let bytes = text(seed as u64, size);
        let spooled = accept(&spool, &bytes).await;
        assert_eq!(spooled.body.unwrap().len(), size as u64);
        stored.push((spooled.id, bytes));
    }
    everything_is_there(&spool, &stored).await;

    let [done, moved] = [stored.remove(1).0, stored[1].0];
    spool.settle(done, Settlement::Done);
    spool.settle(moved, Settlement::Progress(progress(1)));
    spool.settle(moved, Settlement::Progress(progress(2)));
    assert_eq!(spool.get(done).await.unwrap().map(|pending| pending.id), None, "seen at once");
    assert_eq!(spool.get(moved).await.unwrap().unwrap().progress, Some(progress(2)), "seen at once");
    spool.flush().await.unwrap();
    assert_eq!(spool.get(moved).await.unwrap().unwrap().progress, Some(progress(2)), "seen when it is written");
    assert!(matches!(spool.body_of(done).await, Err(SpoolError::NotFound(id)) if id == done));
    pages_follow_each_other(&spool).await;
    spool.close().await;
    assert!(matches!(refused(&spool).await, SpoolError::Away(_)), "a closed spool takes nothing");
    drop(spool);

    let spool = open(url).await;
    assert_eq!(spool.start_report().set_aside, Vec::<String>::new());
    assert_eq!(spool.start_report().messages, stored.len() as u64);
    everything_is_there(&spool, &stored).await;
    assert_eq!(spool.get(moved).await.unwrap().unwrap().progress, Some(progress(2)));
    spool.settle(moved, Settlement::Progress(progress(3)));
    spool.flush().await.unwrap();
    assert_eq!(spool.get(moved).await.unwrap().unwrap().progress, Some(progress(3)), "goes on behind a restart");
    assert!(spool.next_id() > stored.last().unwrap().0);
    for (id, _) in &stored {
        spool.settle(*id, Settlement::Done);
    }
    spool.close().await;
    drop(spool);

    let spool = open(url).await;
    assert_eq!((spool.count(), spool.start_report().set_aside.len()), (0, 0));
    spool.close().await;
}

async fn everything_is_there(spool: &Spool, stored: &[(QueueId, Vec<u8>)]) {
    let pending = spool.pending(None, 1000).await.unwrap();
    assert_eq!(pending.iter().map(|p| p.id).collect::<Vec<_>>(), stored.iter().map(|(id, _)| *id).collect::<Vec<_>>());
    assert_eq!(spool.oldest(), stored.first().map(|(id, _)| *id));
    for (id, bytes) in stored {
        assert_eq!(
            *spool.get(*id).await.unwrap().unwrap().envelope,
            envelope(&["erika@example.test", "postmaster@example.test"])
        );
        assert!(read(spool, *id).await == *bytes, "message {id} of {} octets", bytes.len());
    }
}

async fn pages_follow_each_other(spool: &Spool) {
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = spool.pending(after, 2).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        seen.extend(page.iter().map(|pending| pending.id));
    }
    assert_eq!(seen, ids(spool).await);
}

async fn refused(spool: &Spool) -> SpoolError {
    let mut body = spool.body(None);
    body.write(b"late").await.unwrap();
    spool.accept(spool.next_id(), envelope(&["erika@example.test"]), body).await.unwrap_err()
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_serves_many_sessions_at_once() {
    let state = tempfile::tempdir().unwrap();
    many_sessions(&sqlite(state.path())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_serves_many_sessions_at_once() {
    many_sessions(&postgres("many_sessions")).await;
}

/// Accepts, settles and reads at once; afterwards exactly what was not settled is there.
async fn many_sessions(url: &StoreUrl) {
    let spool = open(url).await;
    let mut sessions = tokio::task::JoinSet::new();
    for session in 0..20u64 {
        let spool = spool.clone();
        sessions.spawn(async move {
            let mut left = Vec::new();
            for round in 0..20u64 {
                let size = if round % 7 == 3 { 300_000 } else { 3_000 };
                let bytes = text(session << 8 | round, size);
                let id = accept(&spool, &bytes).await.id;
                match round % 3 {
                    0 => left.push((id, bytes, None)),
                    1 => {
                        spool.settle(id, Settlement::Progress(progress(1)));
                        left.push((id, bytes, Some(progress(1))));
                    }
                    _ => spool.settle(id, Settlement::Done),
                }
            }
            left
        });
    }
    let mut left: Vec<_> = sessions.join_all().await.into_iter().flatten().collect();
    left.sort_unstable_by_key(|(id, ..)| *id);
    spool.close().await;
    let spool = open(url).await;
    let pending = spool.pending(None, 1000).await.unwrap();
    assert_eq!(pending.len(), left.len());
    for (pending, (id, bytes, progress)) in pending.iter().zip(&left) {
        assert_eq!((pending.id, &pending.progress), (*id, progress));
        assert!(read(&spool, *id).await == *bytes);
    }
    spool.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_takes_back_what_nobody_waits_for() {
    let state = tempfile::tempdir().unwrap();
    nobody_waits(&sqlite(state.path())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_takes_back_what_nobody_waits_for() {
    nobody_waits(&postgres("nobody_waits")).await;
}

/// A session that is cancelled before its answer says no 250: the message must not stay.
async fn nobody_waits(url: &StoreUrl) {
    let spool = open(url).await;
    for round in 0..50 {
        let mut body = spool.body(None);
        body.write(&text(round, if round % 5 == 0 { 300_000 } else { 2_000 })).await.unwrap();
        let accept = spool.accept(spool.next_id(), envelope(&["erika@example.test"]), body);
        // Cancelled at different points: before the writer saw it, while it commits, when it has answered.
        tokio::select! {
            biased;
            _ = accept => {}
            () = yields(round) => {}
        }
    }
    for id in ids(&spool).await {
        spool.settle(id, Settlement::Done);
    }
    spool.close().await;
    let spool = open(url).await;
    assert_eq!((spool.count(), &spool.start_report().set_aside), (0, &Vec::new()));
    spool.close().await;
}

async fn yields(times: u64) {
    for _ in 0..times * 4 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_memory_everything_lies_apart() {
    let state = tempfile::tempdir().unwrap();
    for url in [sqlite(state.path()), postgres("without_memory")] {
        let spool = Spool::open(&url, SpoolConfig { memory_max: 16 * 1024, ..config() }).await.unwrap();
        let mut bodies = Vec::new();
        for seed in 0..8 {
            let mut body = spool.body(Some(4_096));
            body.write(&text(seed, 4_000)).await.unwrap();
            bodies.push(body);
        }
        let mut accepted = Vec::new();
        for body in bodies {
            let id = spool.next_id();
            accepted.push(spool.accept(id, envelope(&["erika@example.test"]), body).await.unwrap().id);
        }
        for (seed, id) in accepted.iter().enumerate() {
            assert!(read(&spool, *id).await == text(seed as u64, 4_000));
        }
        let apart = std::fs::read_dir(state.path().join("spool/bodies")).unwrap().count();
        assert_eq!(apart, 4, "four messages fit into 16 KiB, four do not");
        spool.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_message_is_read_before_it_is_accepted_and_what_was_found_is_kept() {
    let state = tempfile::tempdir().unwrap();
    for url in [sqlite(state.path()), postgres("complete")] {
        let spool = open(&url).await;
        for (seed, size) in [(1, 0), (2, 4_096), (3, IN_ROW_MAX), (4, 1_500_000)] {
            let bytes = text(seed, size);
            let mut body = spool.body(None);
            body.write(&bytes).await.unwrap();
            let complete = spool.complete(body).await.unwrap();
            let mut reader = complete.contents().reader().await.unwrap();
            let mut found = Vec::new();
            while let Some(chunk) = reader.chunk().await.unwrap() {
                found.extend_from_slice(chunk);
            }
            assert!(found == bytes && complete.contents().len() == size as u64);
            assert_eq!(spool.count(), seed - 1, "nothing is accepted yet");
            let spf = SpfCheck { result: AuthenticationResult::Pass, ..SpfCheck::default() };
            let authentication = Some(Authentication { spf, ..Authentication::default() });
            let assessment = Assessment { verdict: ContentVerdict::Clean, authentication };
            let known = Envelope { assessment: assessment.clone(), ..envelope(&["erika@example.test"]) };
            let id = spool.accept_complete(spool.next_id(), known, complete).await.unwrap().id;
            assert!(read(&spool, id).await == bytes);
            assert_eq!(spool.get(id).await.unwrap().unwrap().envelope.assessment, assessment);
        }
        // One that is not accepted leaves nothing behind.
        let mut body = spool.body(None);
        body.write(&text(5, 1_500_000)).await.unwrap();
        drop(spool.complete(body).await.unwrap());
        assert_eq!(spool.count(), 4);
        spool.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_share_a_database_and_two_processes_do_not_share_a_node() {
    let url = postgres("two_nodes");
    let first = open(&url).await;
    let second = Spool::open(&url, SpoolConfig { node: 6, ..config() }).await.unwrap();
    let one = accept(&first, b"for the first").await.id;
    let two = accept(&second, b"for the second").await.id;
    assert_eq!((ids(&first).await, ids(&second).await), (vec![one], vec![two]));
    assert!(Spool::open(&url, config()).await.is_err(), "node 5 runs already");
    first.close().await;
    assert_eq!(ids(&open(&url).await).await, [one], "closed, it may be opened again");
    second.close().await;
}
