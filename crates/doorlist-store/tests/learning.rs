//! Candidates, by which delivery an address was added, and what counts once: the same on both engines.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use doorlist_core::address::LocalPart;
use doorlist_core::domain::DomainId;
use doorlist_core::learning::{CANDIDATE_FADES_AFTER, CANDIDATES_MAX, CandidateState, Evidence};
use doorlist_core::queue_id::QueueId;
use doorlist_core::time::Timestamp;
use doorlist_store::learning::{CountedDelivery, LearnedAddress};
use doorlist_store::retention::RetentionLimits;
use doorlist_store::{LearningBook, RecipientStore, Retention, StoreUrl};
use doorlist_testbed::postgres::Cluster;
use std::time::Duration;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
const DOMAIN: DomainId = DomainId(1);
const DAY: Duration = Duration::from_hours(24);

#[tokio::test(flavor = "multi_thread")]
async fn what_mail_teaches_is_kept_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    tell(StoreUrl::Sqlite(folder.path().join("state"))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_mail_teaches_is_kept_on_postgresql() {
    let cluster = Cluster::start().unwrap();
    tell(StoreUrl::Postgres(cluster.url("learning").unwrap())).await;
}

fn local(text: &str) -> LocalPart {
    LocalPart::parse(text.as_bytes()).unwrap()
}

fn evidence(id: u64, at: Timestamp) -> Evidence {
    Evidence {
        queue_id: QueueId::from_u64(id),
        at,
        name: "example.test".parse().unwrap(),
        sender: "Ann@Sender.test".into(),
        server: "192.0.2.1:25".into(),
        status: "2.0.0".into(),
        control: None,
    }
}

fn delivery(id: u64, name: &str, at: Timestamp, learns: bool) -> CountedDelivery {
    let key = (QueueId::from_u64(id), 0);
    CountedDelivery { key, domain: DOMAIN, local: local(name), evidence: evidence(id, at), learns }
}

async fn found(book: &LearningBook) -> Vec<(String, CandidateState, u64)> {
    let candidates = book.candidates(DOMAIN, true, 10).await.unwrap();
    candidates.into_iter().map(|one| (one.local.to_string(), one.state, one.messages)).collect()
}

async fn tell(url: StoreUrl) {
    let recipients = RecipientStore::open(&url).await.unwrap();
    let book = LearningBook::of(&recipients);
    let first = [delivery(1, "ann", NOW, true), delivery(2, "größe'--", NOW, false), delivery(1, "ann", NOW, true)];
    book.count(&first, NOW).await.unwrap();
    let (waiting, seen) = (CandidateState::Waiting, CandidateState::Seen);
    let expected = [("ann".to_owned(), waiting, 1), ("größe'--".to_owned(), seen, 1)];
    assert_eq!(found(&book).await, expected);
    // A crash: the same come again, with one more.
    book.count(&[&first[..], &[delivery(3, "ann", NOW + DAY, true)]].concat(), NOW).await.unwrap();
    assert_eq!(found(&book).await[0], ("ann".to_owned(), waiting, 2));
    book.forget_counted(&first.map(|one| one.key)).await.unwrap();

    let mut candidates = book.find(DOMAIN, &[local("ann"), local("nobody")]).await.unwrap();
    assert_eq!((candidates.len(), candidates[0].senders.as_slice()), (1, &["ann@sender.test".into()][..]));
    assert_eq!((candidates[0].first_seen, candidates[0].last_seen), (NOW, NOW + DAY));
    let waits = async || book.waiting(DOMAIN, CandidateState::Waiting, 10).await.unwrap();
    assert_eq!(book.waiting_domains().await.unwrap(), [DOMAIN]);
    assert_eq!(waits().await, candidates[..1]);
    candidates[0].evidence.control = Some(NOW);
    book.decide(DOMAIN, &candidates).await.unwrap();
    assert_eq!(waits().await[0].evidence.control, Some(NOW));

    let learned =
        LearnedAddress { local: local("ann"), learned: NOW, messages: 2, evidence: candidates[0].evidence.clone() };
    book.learned(DOMAIN, std::slice::from_ref(&learned), &[local("ann")]).await.unwrap();
    let later = LearnedAddress { learned: NOW + DAY, ..learned.clone() };
    book.learned(DOMAIN, &[later], &[]).await.unwrap();
    assert_eq!(book.evidence(DOMAIN, &local("ann")).await.unwrap(), Some(learned), "the first evidence stays");
    assert_eq!(book.learned_since(DOMAIN, NOW).await.unwrap(), 1);
    assert_eq!(book.learned_since(DOMAIN, NOW + DAY).await.unwrap(), 0);
    assert_eq!(found(&book).await.len(), 1);

    // Trials.
    book.tell_trial(DOMAIN, NOW, 1).await.unwrap();
    book.tell_trial(DOMAIN, NOW + DAY, 2).await.unwrap();
    let told = book.told_trials().await.unwrap();
    assert_eq!((told.len(), told[0].1.until, told[0].1.stage), (1, Some(NOW + DAY), 2));
    book.forget_trials().await.unwrap();
    assert_eq!(book.told_trials().await.unwrap().len(), 0, "there is no such domain");

    // The number of a domain: who has the least evidence goes.
    let many: Vec<_> = (0..CANDIDATES_MAX + 5).map(|n| delivery(100 + n, &format!("n{n}"), NOW + DAY, false)).collect();
    book.count(&[delivery(9, "größe'--", NOW, false)], NOW).await.unwrap();
    book.count(&many, NOW).await.unwrap();
    let all = book.candidates(DOMAIN, true, 10_000).await.unwrap();
    assert_eq!((all.len() as u64, all[0].local.as_str()), (CANDIDATES_MAX, "größe'--"));

    // Their time.
    let trim = async |now| Retention::of(&recipients).trim(&RetentionLimits::default(), now).await.unwrap();
    assert!(trim(NOW + DAY * 10).await.iter().all(|(table, _)| *table != "candidate"));
    trim(NOW + CANDIDATE_FADES_AFTER + DAY / 2).await;
    assert_eq!(book.candidates(DOMAIN, true, 10_000).await.unwrap().len() as u64, CANDIDATES_MAX - 1);
    let gone = trim(NOW + CANDIDATE_FADES_AFTER + DAY * 400).await;
    assert!(gone.contains(&("learned_address", 1)) && gone.iter().any(|(table, _)| *table == "candidate"), "{gone:?}");
}
