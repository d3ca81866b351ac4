//! Fourteen days of decisions on recipients of one domain, as a gateway notes them: how fast they are written, and how fast
//! they are read. `doorlist domain preview big.test` on the same folder is the whole question.
//!
//! `cargo run --release -p doorlist-store --example asked_days -- [FOLDER] [DECISIONS]`
#![allow(clippy::unwrap_used, clippy::expect_used)]

use doorlist_core::change::{Actor, Change, ChangeSet, DomainChange, MailServer, NamedBy, ServerTls, Via};
use doorlist_core::domain::DomainId;
use doorlist_core::preview::{AskedOutcome, AskingSource};
use doorlist_core::time::Timestamp;
use doorlist_core::verdict::ContentVerdict;
use doorlist_store::mail_log::{AskedNote, MailLogConfig};
use doorlist_store::{MailLog, RecipientStore, StoreUrl};
use std::path::PathBuf;
use std::time::{Duration, Instant};

const DAYS: u64 = 14;
/// Notes between two pauses, so that the queue does not run over.
const BATCH: u64 = 10_000;

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().unwrap_or_else(|| "asked_days-data".to_owned()));
    let decisions: u64 = arguments.next().map_or(10_000_000, |text| text.parse().expect("a number of decisions"));
    let url = StoreUrl::Sqlite(folder.clone());
    let is_new = !folder.join("directory.db").exists();
    let recipients = RecipientStore::open(&url).await.unwrap();
    if is_new {
        add_domain(&recipients).await;
    }
    let domain = recipients.snapshot().domain(&"big.test".parse().unwrap()).unwrap().id;
    let log = MailLog::open(&url, MailLogConfig::default()).await.unwrap();
    let now = Timestamp::from_millis(jiff::Timestamp::now().as_millisecond());
    if is_new {
        let began = Instant::now();
        for number in 0..decisions {
            record(&log, domain, number, now - Duration::from_hours(24 * (number * DAYS / decisions)));
            if number % BATCH == 0 {
                log.flush().await;
            }
        }
        log.flush().await;
        println!("wrote {decisions} decisions in {:.1} s, {} dropped", began.elapsed().as_secs_f64(), log.dropped());
    }
    let since = now - Duration::from_hours(24 * DAYS);
    let began = Instant::now();
    let asked = log.asked_recipients(domain, since).await.unwrap();
    println!("read {} recipients in {:.2} s", asked.len(), began.elapsed().as_secs_f64());
    let began = Instant::now();
    let hours = log.asked_hours(None, since).await.unwrap();
    println!("read {} counts in {:.3} s", hours.len(), began.elapsed().as_secs_f64());
}

/// One in four is for the list; one in sixteen for one of 2,000 unlisted recipients whose mail the domain's server takes;
/// the others are guesses, each another name.
fn record(log: &MailLog, domain: DomainId, number: u64, time: Timestamp) {
    let note = |recipient: Option<String>, source, outcome, verdict| {
        let sender = format!("s@sender{}.test", number % 7).into();
        log.record_asked(AskedNote {
            time,
            domain,
            recipient: recipient.map(Into::into),
            source,
            outcome,
            verdict,
            sender,
        });
    };
    let clean = Some(ContentVerdict::Clean);
    match number % 16 {
        0..4 => note(None, AskingSource::Ordinary, AskedOutcome::Listed, clean),
        4 => {
            let real = || Some(format!("real{}@big.test", number / 16 % 2_000));
            note(real(), AskingSource::Ordinary, AskedOutcome::Confirmed, None);
            note(real(), AskingSource::Ordinary, AskedOutcome::Received, clean);
            note(real(), AskingSource::Ordinary, AskedOutcome::Taken, clean);
        }
        rest => {
            let source = if rest < 8 { AskingSource::Guessing } else { AskingSource::Flagged };
            note(Some(format!("guess.{number}@big.test")), source, AskedOutcome::Undecided, None);
        }
    }
}

async fn add_domain(recipients: &RecipientStore) {
    let server = MailServer {
        host: "192.0.2.1".to_owned(),
        port: 25,
        preference: 10,
        tls: ServerTls::Opportunistic,
        xforward: false,
        named_by: NamedBy::Machine,
    };
    let change = DomainChange::Add { customer: "Big".to_owned(), servers: vec![server] };
    let change = Change::Domain { name: "big.test".parse().unwrap(), change };
    let set = ChangeSet { changes: vec![change], summary: "a domain".to_owned() };
    recipients.apply(&set, &Actor { name: "speed".to_owned(), via: Via::System }, None).await.unwrap();
}
