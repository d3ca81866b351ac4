//! What deliveries showed outlives the message and a restart, until somebody has counted it; on both engines.

use crate::fixture::{NOW, accept, open, postgres, sqlite, text};
use doorlist_core::domain::DomainId;
use doorlist_core::queue_id::QueueId;
use doorlist_core::verdict::ContentVerdict;
use doorlist_store::StoreUrl;
use doorlist_store::spool::{DeliveryKey, DeliveryOutcome, Settlement, Spool};

#[tokio::test(flavor = "multi_thread")]
async fn outcomes_wait_on_sqlite() {
    let state = tempfile::tempdir().unwrap();
    story(&sqlite(state.path())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outcomes_wait_on_postgresql() {
    story(&postgres("outcomes")).await;
}

fn outcome(id: QueueId, recipient: u32) -> DeliveryOutcome {
    DeliveryOutcome {
        id,
        recipient,
        domain: DomainId(3),
        address: "größe'--@example.test".parse().unwrap(),
        sender: "ann@sender.test".into(),
        server: "[2001:db8::1]:25".into(),
        status: "2.1.5".into(),
        at: NOW,
        verdict: ContentVerdict::Clean,
    }
}

fn keys(spool: &Spool) -> Vec<DeliveryKey> {
    spool.outcomes(100).iter().map(|outcome| outcome.key()).collect()
}

async fn story(url: &StoreUrl) {
    let spool = open(url).await;
    let id = accept(&spool, &text(1, 100)).await.id;
    spool.teach(outcome(id, 0));
    spool.teach(outcome(id, 1));
    assert_eq!(keys(&spool), [], "not before they are on stable storage");
    spool.settle(id, Settlement::Done);
    spool.teach(outcome(QueueId::from_u64(1), 0));
    spool.flush().await.unwrap();
    spool.taught().await;
    assert_eq!(keys(&spool), [(id, 0), (id, 1)], "and none of a message that is not in the queue");
    assert_eq!(spool.count(), 0, "the message itself is gone");
    spool.close().await;
    drop(spool);

    let spool = open(url).await;
    assert_eq!(spool.start_report().set_aside, Vec::<String>::new());
    assert_eq!(keys(&spool), [(id, 0), (id, 1)]);
    assert_eq!(*spool.outcomes(1)[0], outcome(id, 0));
    spool.counted(&[(id, 0)]);
    assert_eq!(keys(&spool), [(id, 1)], "seen at once");
    spool.flush().await.unwrap();
    spool.close().await;
    drop(spool);

    let spool = open(url).await;
    assert_eq!(keys(&spool), [(id, 1)]);
    // Nobody counted it: it comes again, and again once.
    let again = accept(&spool, &text(2, 100)).await.id;
    spool.teach(outcome(again, 0));
    spool.settle(again, Settlement::Done);
    spool.flush().await.unwrap();
    spool.counted(&[(id, 1), (again, 0), (again, 7)]);
    spool.flush().await.unwrap();
    spool.close().await;
    drop(spool);
    assert_eq!(keys(&open(url).await), []);
}
