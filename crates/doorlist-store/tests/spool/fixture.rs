//! Messages and stores that the tests share.

use doorlist_core::domain::DomainId;
use doorlist_core::list::AddressId;
use doorlist_core::queue_id::QueueId;
use doorlist_core::time::Timestamp;
use doorlist_store::StoreUrl;
use doorlist_store::spool::{
    ClientInfo, Envelope, EnvelopeRecipient, MessageKind, Progress, RecipientState, Spool, SpoolConfig, Spooled,
};
use doorlist_testbed::postgres::Cluster;
use std::path::Path;
use std::sync::OnceLock;

pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_795_000_000);

pub(crate) fn sqlite(state: &Path) -> StoreUrl {
    StoreUrl::Sqlite(state.to_owned())
}

/// A database of its own in the cluster that the tests of this process share.
pub(crate) fn postgres(database: &str) -> StoreUrl {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    StoreUrl::Postgres(CLUSTER.get_or_init(|| Cluster::start().unwrap()).url(database).unwrap())
}

pub(crate) fn config() -> SpoolConfig {
    SpoolConfig { node: 5, ..SpoolConfig::default() }
}

pub(crate) async fn open(url: &StoreUrl) -> Spool {
    Spool::open(url, config()).await.unwrap()
}

pub(crate) fn envelope(recipients: &[&str]) -> Envelope {
    let recipient = |path: &&str| EnvelopeRecipient {
        path: (*path).into(),
        domain: Some(DomainId(3)),
        address: Some(AddressId(70_000)),
        system: path.starts_with("postmaster"),
        unlisted: false,
    };
    Envelope {
        sender: "sender@outside.example".into(),
        recipients: recipients.iter().map(recipient).collect(),
        received_at: NOW,
        client: ClientInfo {
            address: Some("2001:db8::25".parse().unwrap()),
            port: 4711,
            helo: "mx.outside.example".into(),
            tls: Some("TLSv1.3 TLS_AES_256_GCM_SHA384".into()),
        },
        eight_bit: true,
        smtp_utf8: false,
        kind: MessageKind::Inbound,
        message_id: Some("<1@outside.example>".into()),
        size: 0,
        assessment: doorlist_core::verdict::Assessment::default(),
    }
}

/// Bytes that differ from message to message and do not compress.
pub(crate) fn text(seed: u64, octets: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut step = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..octets).map(|_| step()).collect()
}

/// Gives the bytes in pieces, as a session does.
pub(crate) async fn accept(spool: &Spool, bytes: &[u8]) -> Spooled {
    let mut body = spool.body(None);
    for piece in bytes.chunks(10_000) {
        body.write(piece).await.unwrap();
    }
    assert_eq!(body.len(), bytes.len() as u64);
    let id = spool.next_id();
    spool.accept(id, envelope(&["erika@example.test", "postmaster@example.test"]), body).await.unwrap()
}

pub(crate) async fn read(spool: &Spool, id: QueueId) -> Vec<u8> {
    let body = spool.body_of(id).await.unwrap();
    let mut reader = body.reader().await.unwrap();
    let mut bytes = Vec::new();
    while let Some(chunk) = reader.chunk().await.unwrap() {
        bytes.extend_from_slice(chunk);
    }
    assert_eq!(bytes.len() as u64, body.len());
    bytes
}

pub(crate) async fn ids(spool: &Spool) -> Vec<QueueId> {
    spool.pending(None, 100_000).await.unwrap().into_iter().map(|pending| pending.id).collect()
}

pub(crate) fn progress(attempts: u32) -> Progress {
    Progress {
        attempts,
        next_attempt: NOW,
        hold: false,
        recipients: vec![
            RecipientState::Delivered,
            RecipientState::Deferred { reply: "451 4.3.0 \"later\" \u{0}\n".to_owned() },
        ],
    }
}
