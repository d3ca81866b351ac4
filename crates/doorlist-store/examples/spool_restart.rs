//! Measures a restart with a full queue: `cargo run --release -p doorlist-store --example spool_restart -- [messages]
//! [octets]`. Fills a spool in a temporary folder under the working directory, closes it, opens it again and lists it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use doorlist_core::time::Timestamp;
use doorlist_store::StoreUrl;
use doorlist_store::spool::{ClientInfo, Envelope, EnvelopeRecipient, MessageKind, Spool, SpoolConfig};
use std::time::Instant;

/// Sessions that fill the spool at once.
const SESSIONS: usize = 200;
/// Messages listed at once.
const PAGE: u32 = 1_000;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse().expect("a number"));
    let (messages, octets) = (arguments.next().unwrap_or(1_000_000), arguments.next().unwrap_or(4_096));
    let folder = tempfile::tempdir_in(".").unwrap();
    let url = StoreUrl::Sqlite(folder.path().to_owned());
    let spool = Spool::open(&url, SpoolConfig::default()).await.unwrap();
    let begun = Instant::now();
    let mut sessions = tokio::task::JoinSet::new();
    for _ in 0..SESSIONS {
        let spool = spool.clone();
        sessions.spawn(async move {
            for _ in 0..messages / SESSIONS {
                accept(&spool, octets).await;
            }
        });
    }
    sessions.join_all().await;
    println!("{} messages of {octets} octets accepted in {:.1} s", spool.count(), begun.elapsed().as_secs_f64());
    spool.close().await;
    drop(spool);

    let (begun, before) = (Instant::now(), resident_kib());
    let spool = Spool::open(&url, SpoolConfig::default()).await.unwrap();
    println!("opened {} messages in {:.1} s", spool.count(), begun.elapsed().as_secs_f64());
    println!("memory: {} KiB more than before", resident_kib().saturating_sub(before));
    let (begun, mut after, mut listed) = (Instant::now(), None, 0);
    loop {
        let page = spool.pending(after, PAGE).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        listed += page.len();
    }
    println!("listed {listed} in pages of {PAGE} in {:.1} s", begun.elapsed().as_secs_f64());
    spool.close().await;
}

async fn accept(spool: &Spool, octets: usize) {
    let mut body = spool.body(Some(octets as u64));
    body.write(&vec![b'x'; octets]).await.unwrap();
    let id = spool.next_id();
    let recipient = EnvelopeRecipient {
        path: "erika@example.test".into(),
        domain: None,
        address: None,
        system: false,
        unlisted: false,
    };
    let envelope = Envelope {
        sender: "newsletter@sender.example".into(),
        recipients: vec![recipient],
        received_at: Timestamp::from_millis(id.time().as_millis()),
        client: ClientInfo { helo: "mx.sender.example".into(), ..ClientInfo::default() },
        eight_bit: true,
        smtp_utf8: false,
        kind: MessageKind::Inbound,
        message_id: Some("<20261123.1@sender.example>".into()),
        size: octets as u64,
        assessment: doorlist_core::verdict::Assessment::default(),
    };
    spool.accept(id, envelope, body).await.unwrap();
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
