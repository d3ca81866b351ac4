//! A process that accepts mail until it is killed or refused, for the tests: `spool_child accept|fill FOLDER`. It prints
//! `kept ID` when a message is on stable storage, `settling ID` before it settles one, and `refused WHY`. The bytes of a
//! message follow from its id, so that whoever opens the folder later can tell whether they are right.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use doorlist_core::queue_id::QueueId;
use doorlist_core::time::Timestamp;
use doorlist_store::StoreUrl;
use doorlist_store::spool::{
    ClientInfo, Envelope, EnvelopeRecipient, MessageKind, Settlement, Spool, SpoolConfig, SpoolError, SpoolHealth,
};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// After so many refusals in a row a session ends.
const REFUSALS_MAX: u32 = 20;
/// The test kills the process long before.
const MESSAGES_MAX: u32 = 100_000;

/// Less than this is little room on the small disk: one and a half messages, and the reserve.
const LOW: u64 = 1 << 20;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let folder = PathBuf::from(&arguments[1]);
    match arguments[0].as_str() {
        "accept" => accept_until_killed(&folder).await,
        "fill" => fill(&folder).await,
        other => panic!("{other} is no scenario"),
    }
}

async fn accept_until_killed(folder: &Path) {
    let spool = Spool::open(&StoreUrl::Sqlite(folder.to_owned()), SpoolConfig::default()).await.unwrap();
    let mut sessions = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let spool = spool.clone();
        sessions.spawn(async move {
            let mut refusals = 0;
            for round in 0..MESSAGES_MAX {
                match accept(&spool).await {
                    Ok(id) if round % 3 == 1 => {
                        println!("kept {id}");
                        println!("settling {id}");
                        spool.settle(id, Settlement::Done);
                        refusals = 0;
                    }
                    Ok(id) => {
                        println!("kept {id}");
                        refusals = 0;
                    }
                    Err(error) => {
                        println!("refused {error:?}");
                        refusals += 1;
                    }
                }
                if refusals > REFUSALS_MAX {
                    break;
                }
            }
        });
    }
    sessions.join_all().await;
}

/// On a small disk: it fills up, says so, keeps what it took, and goes on as soon as there is room.
async fn fill(folder: &Path) {
    let ballast = folder.join("ballast");
    std::fs::write(&ballast, vec![1u8; 3 << 20]).unwrap();
    let config =
        SpoolConfig { message_bytes_max: 256 << 10, disk_reserve: LOW - (384 << 10), ..SpoolConfig::default() };
    let spool = Spool::open(&StoreUrl::Sqlite(folder.to_owned()), config).await.unwrap();
    assert_eq!(spool.health(), SpoolHealth::Ok);
    let (mut kept, mut was_low) = (Vec::new(), false);
    let refused = loop {
        match accept(&spool).await {
            Ok(id) => kept.push(id),
            Err(error) => break error,
        }
        let free = nix::sys::statvfs::statvfs(folder).unwrap();
        if free.blocks_available() * free.fragment_size() < LOW {
            wait_for(&spool, SpoolHealth::Low).await;
            was_low = true;
        }
    };
    assert!(matches!(refused, SpoolError::Full(_)), "{refused:?}");
    assert_eq!(spool.health(), SpoolHealth::Low);
    println!("filled by {} messages; health was low before: {was_low}", kept.len());
    for id in kept.drain(..kept.len() / 2) {
        spool.settle(id, Settlement::Done);
    }
    std::fs::remove_file(&ballast).unwrap();
    wait_for(&spool, SpoolHealth::Ok).await;
    kept.push(accept(&spool).await.unwrap());
    spool.flush().await.unwrap();
    let pending: Vec<QueueId> = spool.pending(None, u32::MAX).await.unwrap().into_iter().map(|p| p.id).collect();
    assert_eq!(pending, kept);
    for id in kept {
        assert!(spool.body_of(id).await.unwrap().in_memory().is_none_or(|bytes| bytes == text(id)));
    }
    println!("recovered");
}

async fn wait_for(spool: &Spool, health: SpoolHealth) {
    let end = Instant::now() + Duration::from_secs(30);
    while spool.health() != health {
        assert!(Instant::now() < end, "it is never {health:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn accept(spool: &Spool) -> Result<QueueId, SpoolError> {
    let id = spool.next_id();
    let bytes = text(id);
    let mut body = spool.body(None);
    body.write(&bytes).await?;
    let recipient = EnvelopeRecipient {
        path: "erika@example.test".into(),
        domain: None,
        address: None,
        system: false,
        unlisted: false,
    };
    let envelope = Envelope {
        sender: "sender@outside.example".into(),
        recipients: vec![recipient],
        received_at: Timestamp::from_millis(id.time().as_millis()),
        client: ClientInfo::default(),
        eight_bit: false,
        smtp_utf8: false,
        kind: MessageKind::Inbound,
        message_id: None,
        size: bytes.len() as u64,
        assessment: doorlist_core::verdict::Assessment::default(),
    };
    Ok(spool.accept(id, envelope, body).await?.id)
}

/// One in sixteen is too large for its row.
fn text(id: QueueId) -> Vec<u8> {
    let octets = if id.as_u64() % 16 == 7 { 300_000 } else { 1_000 + id.as_u64() % 8_000 };
    id.to_string().into_bytes().into_iter().cycle().take(usize::try_from(octets).unwrap()).collect()
}
