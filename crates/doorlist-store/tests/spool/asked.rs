//! What was asked for, told by both engines: sums by day and name, counts by the hour, names that find no room, days that go.

use crate::fixture::{postgres, sqlite};
use doorlist_core::domain::DomainId;
use doorlist_core::preview::{AskedOutcome, AskingSource, MessageCounts};
use doorlist_core::time::Timestamp;
use doorlist_core::verdict::ContentVerdict;
use doorlist_store::mail_log::{AskedNote, MailLogConfig, NAMES_PER_DOMAIN_DAY, NAMES_WITHOUT_MESSAGE, NULL_SENDER};
use doorlist_store::{MailLog, StoreUrl};
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);
const DOMAIN: DomainId = DomainId(3);

fn noon() -> Timestamp {
    let now = Timestamp::from_millis(jiff::Timestamp::now().as_millisecond());
    Timestamp::from_secs(now.as_secs() / 86_400 * 86_400 + 43_200)
}

fn note(recipient: &str, outcome: AskedOutcome, time: Timestamp) -> AskedNote {
    AskedNote {
        time,
        domain: DOMAIN,
        recipient: Some(recipient.into()),
        source: AskingSource::Ordinary,
        outcome,
        verdict: None,
        sender: "a@One.Test".into(),
    }
}

async fn open(url: &StoreUrl) -> MailLog {
    MailLog::open(url, MailLogConfig::default()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_asked_for_is_summed_up() {
    let state = tempfile::tempdir().unwrap();
    for url in [sqlite(state.path()), postgres("asked")] {
        let log = open(&url).await;
        story(&log).await;
        drop(log);
        // The same to another handle, as to another node or after a restart.
        sums(&open(&url).await).await;
    }
}

async fn story(log: &MailLog) {
    let (real, old) = ("o'neil+größe@example.test", "old@example.test");
    let clean = |outcome, time| AskedNote { verdict: Some(ContentVerdict::Clean), ..note(real, outcome, time) };
    // Three days, each in several batches.
    for days in 0..3u32 {
        for time in [noon() - days * DAY, noon() - days * DAY + Duration::from_secs(60)] {
            log.record_asked(note(real, AskedOutcome::Confirmed, time));
            log.record_asked(clean(AskedOutcome::Received, time));
            log.record_asked(AskedNote { sender: "b@two.test".into(), ..clean(AskedOutcome::Taken, time) });
            log.record_asked(AskedNote { recipient: None, ..clean(AskedOutcome::Listed, time) });
            log.flush().await;
        }
    }
    log.record_asked(note(old, AskedOutcome::Undecided, noon() - 5 * DAY));
    for sender in ["", "x@\u{0} y"] {
        let of = AskedNote { sender: sender.into(), ..note("bounce@example.test", AskedOutcome::Absent, noon()) };
        log.record_asked(AskedNote { source: AskingSource::Flagged, ..of.clone() });
        log.record_asked(AskedNote { source: AskingSource::Guessing, ..of.clone() });
        log.record_asked(AskedNote { domain: DomainId(4), ..of });
    }
    sums(log).await;
    assert_eq!(log.dropped(), 0);
}

async fn sums(log: &MailLog) {
    let since = noon() - 2 * DAY;
    let asked = log.asked_recipients(DOMAIN, since).await.unwrap();
    let mut names: Vec<_> = asked.keys().map(|name| &**name).collect();
    names.sort_unstable();
    assert_eq!(names, ["bounce@example.test", "o'neil+größe@example.test"]);
    let real = &asked["o'neil+größe@example.test"];
    let six = MessageCounts { clean: 6, ..MessageCounts::default() };
    let history = real.history;
    assert_eq!((history.times(), history.confirmed, history.received, history.taken), (6, 6, six, six));
    assert_eq!(history.last, noon() + Duration::from_secs(60));
    assert_eq!(real.sender_domains().collect::<Vec<_>>(), ["one.test", "two.test"]);
    let bounce = &asked["bounce@example.test"];
    assert_eq!((bounce.history.guessed, bounce.history.asked, bounce.history.absent), (4, 0, 4));
    assert_eq!(bounce.sender_domains().collect::<Vec<_>>(), [NULL_SENDER, "y"]);
    assert!(!bounce.is_of_bounces());
    let all = log.asked_recipients(DOMAIN, since - 10 * DAY).await.unwrap();
    assert_eq!(all.len(), 3, "the older one, too");
    assert!(log.asked_recipients(DomainId(5), since).await.unwrap().is_empty());

    let hours = log.asked_hours(Some(DOMAIN), since).await.unwrap();
    let count = |outcome| hours.iter().filter(|hour| hour.outcome == outcome).map(|hour| hour.times).sum::<u64>();
    let counts = [AskedOutcome::Listed, AskedOutcome::Received, AskedOutcome::Taken, AskedOutcome::Absent].map(count);
    assert_eq!(counts, [6, 6, 6, 4]);
    assert!(hours.iter().all(|hour| hour.domain == DOMAIN && noon().since(hour.hour) <= 2 * DAY));
    let listed = hours.iter().find(|hour| hour.outcome == AskedOutcome::Listed).unwrap();
    assert_eq!((listed.verdict, listed.times), (Some(ContentVerdict::Clean), 2));
    let of_all = log.asked_hours(None, since).await.unwrap();
    assert_eq!(of_all.iter().filter(|hour| hour.domain == DomainId(4)).map(|hour| hour.times).sum::<u64>(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_keeps_so_many_names_and_counts_the_others() {
    let state = tempfile::tempdir().unwrap();
    for url in [sqlite(state.path()), postgres("asked_flood")] {
        let log = open(&url).await;
        let total = NAMES_PER_DOMAIN_DAY + 3_000;
        for number in 0..total {
            log.record_asked(note(&format!("guess{number}@example.test"), AskedOutcome::Undecided, noon()));
            if number % 5_000 == 0 {
                // Or it would be this thread that makes the queue run over.
                log.flush().await;
            }
        }
        // Who is there is counted further, and another day and another domain have room of their own.
        log.record_asked(note("guess0@example.test", AskedOutcome::Undecided, noon()));
        log.record_asked(note("new@example.test", AskedOutcome::Undecided, noon()));
        log.record_asked(note("new@example.test", AskedOutcome::Undecided, noon() - DAY));
        log.record_asked(AskedNote { domain: DomainId(4), ..note("new@other.test", AskedOutcome::Undecided, noon()) });
        let asked = log.asked_recipients(DOMAIN, noon() - Duration::from_secs(1)).await.unwrap();
        assert_eq!((asked.len() as u64, log.dropped()), (NAMES_WITHOUT_MESSAGE, 0));
        assert_eq!(asked["guess0@example.test"].history.times(), 2);
        assert!(!asked.contains_key("new@example.test"));
        let hours = log.asked_hours(Some(DOMAIN), noon()).await.unwrap();
        assert_eq!(hours.iter().map(|hour| hour.times).sum::<u64>(), total + 2, "nothing is lost of the count");
        // Who gets a message has room behind a flood of guesses.
        let clean =
            |outcome| AskedNote { verdict: Some(ContentVerdict::Clean), ..note("real@example.test", outcome, noon()) };
        log.record_asked(note("real@example.test", AskedOutcome::Confirmed, noon()));
        log.record_asked(clean(AskedOutcome::Received));
        log.record_asked(clean(AskedOutcome::Taken));
        let asked = log.asked_recipients(DOMAIN, noon()).await.unwrap();
        assert_eq!(asked["real@example.test"].history.taken.clean, 1);
        let before = log.asked_recipients(DOMAIN, noon() - DAY).await.unwrap();
        assert!(before.contains_key("new@example.test"));
        assert_eq!(log.asked_recipients(DomainId(4), noon()).await.unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_asked_for_goes_with_its_day() {
    let state = tempfile::tempdir().unwrap();
    for url in [sqlite(state.path()), postgres("asked_days")] {
        let config = MailLogConfig { days: 2, ..MailLogConfig::default() };
        let log = MailLog::open(&url, config).await.unwrap();
        for days in 0..6u32 {
            log.record_asked(note("ann@example.test", AskedOutcome::Undecided, noon() - days * DAY));
        }
        log.flush().await;
        drop(log);
        let log = MailLog::open(&url, config).await.unwrap();
        let kept = async || {
            let asked = log.asked_recipients(DOMAIN, noon() - 9 * DAY).await.unwrap();
            asked["ann@example.test"].history.times()
        };
        for _ in 0..100 {
            if kept().await == 3 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(kept().await, 3, "today and two days before");
    }
}
