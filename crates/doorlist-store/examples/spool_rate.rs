//! Measures the spool on this machine: `cargo run --release -p doorlist-store --example spool_rate -- [URL]
//! [sessions] [octets] [seconds]`. Each session accepts a message, waits until it is on stable storage, and settles it.
//! Without a URL (or with `sqlite:`) the files lie in a temporary folder under the working directory.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use doorlist_core::time::Timestamp;
use doorlist_store::spool::{ClientInfo, Envelope, EnvelopeRecipient, MessageKind, Settlement, Spool, SpoolConfig};
use doorlist_store::{MailLog, StoreUrl, mail_log};
use nix::sys::resource::{UsageWho, getrusage};
use std::path::Path;
use std::time::{Duration, Instant};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().unwrap_or_default();
    let mut number = |default: usize| arguments.next().map_or(default, |text| text.parse().expect("a number"));
    let (sessions, octets, seconds) = (number(20), number(4096), number(5));
    let folder = tempfile::tempdir_in(".").unwrap();
    let url = StoreUrl::parse(&url, folder.path()).unwrap();
    let spool = Spool::open(&url, SpoolConfig::default()).await.unwrap();
    let log = MailLog::open(&url, mail_log::MailLogConfig::default()).await.unwrap();
    let logged = std::env::var_os("WITH_MAIL_LOG").is_some();
    let end = Instant::now() + Duration::from_secs(seconds as u64);
    let (start, cpu) = (Instant::now(), cpu_seconds());
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..sessions {
        let (spool, log) = (spool.clone(), logged.then(|| log.clone()));
        running.spawn(async move { session(&spool, log.as_ref(), octets, end).await });
    }
    let mut waits: Vec<Duration> = running.join_all().await.into_iter().flatten().collect();
    spool.flush().await.unwrap();
    log.flush().await;
    let (time, cpu) = (start.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    waits.sort_unstable();
    let at = |share: f64| waits[((waits.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    let count = waits.len() as f64;
    println!(
        "{sessions} sessions of {octets} octets: {:.0}/s, {:.3} CPU s per 1,000; accept p50 {:.2} ms, p99 {:.2} ms, \
         p99.9 {:.2} ms, most {:.1} ms; files {} MiB; {} log entries dropped",
        count / time,
        cpu / count * 1e3,
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0),
        size(folder.path()) >> 20,
        log.dropped(),
    );
    spool.close().await;
}

async fn session(spool: &Spool, log: Option<&MailLog>, octets: usize, end: Instant) -> Vec<Duration> {
    let text = b"All work and no play makes a dull message.\r\n".repeat(octets / 44 + 1);
    let mut waits = Vec::new();
    while Instant::now() < end {
        let begun = Instant::now();
        let mut body = spool.body(None);
        body.write(&text[..octets]).await.unwrap();
        let id = spool.next_id();
        let spooled = spool.accept(id, envelope(octets), body).await.unwrap();
        waits.push(begun.elapsed());
        if let Some(log) = log {
            for action in [mail_log::MailAction::Accepted, mail_log::MailAction::Sent] {
                log.record(entry(action, &spooled));
            }
        }
        spool.settle(spooled.id, Settlement::Done);
    }
    waits
}

fn envelope(octets: usize) -> Envelope {
    let recipient = EnvelopeRecipient {
        path: "erika@example.test".into(),
        domain: None,
        address: None,
        system: false,
        unlisted: false,
    };
    Envelope {
        sender: "newsletter@sender.example".into(),
        recipients: vec![recipient],
        received_at: Timestamp::from_millis(jiff::Timestamp::now().as_millisecond()),
        client: ClientInfo {
            address: Some([192, 0, 2, 1].into()),
            port: 40_000,
            helo: "mx.sender.example".into(),
            tls: None,
        },
        eight_bit: true,
        smtp_utf8: false,
        kind: MessageKind::Inbound,
        message_id: Some("<20261123.1@sender.example>".into()),
        size: octets as u64,
        assessment: doorlist_core::verdict::Assessment::default(),
    }
}

fn entry(action: mail_log::MailAction, spooled: &doorlist_store::spool::Spooled) -> mail_log::MailEntry {
    mail_log::MailEntry {
        time: spooled.envelope.received_at,
        action,
        queue_id: Some(spooled.id),
        sender: spooled.envelope.sender.clone(),
        recipient: spooled.envelope.recipients[0].path.clone(),
        domain: None,
        client: spooled.envelope.client.address,
        reason: "listed".into(),
        reply: "250 2.0.0 Ok".into(),
        message_id: spooled.envelope.message_id.clone(),
        size: spooled.envelope.size,
    }
}

fn cpu_seconds() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_SELF).unwrap();
    [usage.user_time(), usage.system_time()].iter().map(|t| t.tv_sec() as f64 + t.tv_usec() as f64 / 1e6).sum()
}

fn size(folder: &Path) -> u64 {
    let sizes = std::fs::read_dir(folder).unwrap().map(|entry| {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() { size(&entry.path()) } else { entry.metadata().unwrap().len() }
    });
    sizes.sum()
}
