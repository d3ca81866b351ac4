//! The mail log, told by both engines: entries are found again by each of their fields, newest first, across days.

use crate::fixture::{postgres, sqlite};
use doorlist_core::domain::DomainId;
use doorlist_core::queue_id::QueueId;
use doorlist_core::time::Timestamp;
use doorlist_store::mail_log::{MailAction, MailEntry, MailFilter, MailLogConfig, RefusedRecipient};
use doorlist_store::{MailLog, StoreUrl};
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);

fn now() -> Timestamp {
    Timestamp::from_millis(jiff::Timestamp::now().as_millisecond())
}

fn entry(number: u64, time: Timestamp) -> MailEntry {
    MailEntry {
        time,
        action: if number.is_multiple_of(2) { MailAction::Accepted } else { MailAction::Sent },
        queue_id: Some(QueueId::from_u64(number / 2)),
        sender: format!("Sender{}@outside.example", number % 5).into(),
        recipient: format!("erika{}@example.test", number % 7).into(),
        domain: Some(DomainId(number as u32 % 3)),
        client: Some([192, 0, 2, number as u8].into()),
        reason: "listed".into(),
        reply: "250 2.0.0 Ok: 'quoted' \u{0} ü".into(),
        message_id: Some(format!("<{}@outside.example>", number / 2).into()),
        size: 4096,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_finds_what_was_logged() {
    let state = tempfile::tempdir().unwrap();
    story(&sqlite(state.path())).await;
    let days = std::fs::read_dir(state.path().join("mail")).unwrap();
    let days = days.filter(|entry| entry.as_ref().unwrap().file_name().to_str().unwrap().ends_with(".db"));
    assert_eq!(days.count(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_finds_what_was_logged() {
    story(&postgres("mail_log")).await;
}

async fn story(url: &StoreUrl) {
    let log = MailLog::open(url, MailLogConfig::default()).await.unwrap();
    let start = now() - 3 * DAY;
    let entries: Vec<MailEntry> = (0..300u64).map(|n| entry(n, start + n as u32 * (3 * DAY / 300))).collect();
    for entry in &entries {
        log.record(entry.clone());
    }
    let all = found(&log, MailFilter { limit: 1000, ..MailFilter::default() }).await;
    assert_eq!(all.len(), 300, "a search sees what was recorded before it");
    assert!(all.iter().zip(entries.iter().rev()).all(|(found, wanted)| found.recipient == wanted.recipient));
    assert_eq!(all[0].reply.replace('\u{FFFD}', "\0"), *entries[299].reply);
    let middle = start + 3 * DAY / 2;
    let filters = [
        (MailFilter { sender: Some("sender3@OUTSIDE.example".into()), ..MailFilter::default() }, 60),
        (MailFilter { recipient: Some("Erika6@example.test".into()), ..MailFilter::default() }, 42),
        (MailFilter { domain: Some(DomainId(2)), ..MailFilter::default() }, 100),
        (MailFilter { since: Some(middle), limit: 1000, ..MailFilter::default() }, 150),
        (MailFilter { until: Some(middle), limit: 1000, ..MailFilter::default() }, 150),
        (MailFilter { action: Some(MailAction::Sent), limit: 70, ..MailFilter::default() }, 70),
        (MailFilter { queue_id: Some(QueueId::from_u64(7)), ..MailFilter::default() }, 2),
        (MailFilter { message_id: Some("<149@outside.example>".into()), ..MailFilter::default() }, 2),
        (MailFilter { recipient: Some("%".into()), ..MailFilter::default() }, 0),
        (MailFilter { sender: Some("' OR true --".into()), ..MailFilter::default() }, 0),
    ];
    for (filter, count) in filters {
        let found = found(&log, filter.clone()).await;
        assert_eq!(found.len(), count, "{filter:?}");
        assert!(found.is_sorted_by(|newer, older| newer.time >= older.time), "{filter:?}");
    }
    drop(log);
    let log = MailLog::open(url, MailLogConfig::default()).await.unwrap();
    let again = found(&log, MailFilter { limit: 1000, ..MailFilter::default() }).await;
    assert_eq!((again.len(), log.dropped()), (300, 0), "after a restart");
}

async fn found(log: &MailLog, filter: MailFilter) -> Vec<MailEntry> {
    log.search(&filter).await.unwrap().into_iter().map(|logged| logged.entry).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_refusals_becomes_counts_and_never_crowds_out_mail() {
    let state = tempfile::tempdir().unwrap();
    for url in [sqlite(state.path()), postgres("flood")] {
        let config = MailLogConfig { refusals_per_domain_hour_max: 100, ..MailLogConfig::default() };
        let log = MailLog::open(&url, config).await.unwrap();
        let refused = RefusedRecipient {
            time: Timestamp::from_secs(now().as_secs() / 3600 * 3600),
            action: MailAction::Refused,
            sender: "a@b.example",
            recipient: "guess@example.test",
            domain: Some(DomainId(1)),
            client: Some([192, 0, 2, 1].into()),
            reason: "unlisted",
            reply: "550 5.1.1",
        };
        for number in 0..200_000u32 {
            log.record_refusal(&refused);
            if number % 1_000 == 0 {
                log.record(entry(u64::from(number), now()));
            }
        }
        let everything = log.search(&MailFilter { limit: 100_000, ..MailFilter::default() }).await.unwrap();
        let mail = everything.iter().filter(|logged| logged.entry.queue_id.is_some()).count();
        let refusals: u64 = everything.iter().filter(|l| l.entry.queue_id.is_none()).map(|l| u64::from(l.times)).sum();
        let singly = everything.iter().filter(|l| l.entry.queue_id.is_none() && l.times == 1).count();
        assert_eq!(mail, 200, "none of the messages was dropped");
        assert_eq!(refusals + log.dropped(), 200_000, "every refusal is written, counted or known to be dropped");
        assert!((100..=103).contains(&singly), "{singly}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn old_days_go_as_a_whole() {
    let state = tempfile::tempdir().unwrap();
    for url in [sqlite(state.path()), postgres("old_days")] {
        let config = MailLogConfig { days: 2, ..MailLogConfig::default() };
        let log = MailLog::open(&url, config).await.unwrap();
        for days in 0..6u32 {
            log.record(entry(u64::from(days), now() - days * DAY));
        }
        log.flush().await;
        drop(log);
        // Days end at the start of a log, too.
        let log = MailLog::open(&url, config).await.unwrap();
        log.flush().await;
        let kept = || async { log.search(&MailFilter::default()).await.unwrap().len() };
        for _ in 0..100 {
            if kept().await == 3 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(kept().await, 3, "today and two days before");
    }
}
