//! The spool: accepted mail on stable storage, until it is delivered or given up.
//!
//! [`Spool::accept`] answers only after a commit that covers the message has reached the disk; a failed one is never
//! retried into a yes. One task hands out what is to be written: what arrives while a commit runs shares the next, and
//! where commits take long several run side by side. This module must not know SMTP, destinations or retry times.

mod body;
mod disk;
mod envelope;
mod error;
mod ids;
mod index;
mod large_bodies;
mod outcome;
mod postgres;
pub mod record;
mod rows;
mod set_aside;
mod shared;
mod sqlite;
mod writer;

pub use body::{BodyReader, BodyWriter, CompleteBody, IN_ROW_MAX, MessageBody};
pub use envelope::{ClientInfo, Envelope, EnvelopeRecipient, MessageKind, Progress, RecipientState, Settlement};
pub use error::SpoolError;
pub use outcome::{DeliveryKey, DeliveryOutcome, OUTCOMES_MAX};

use crate::db::cause;
use crate::{StoreError, StoreUrl};
use body::{Bodies, Ration};
use disk::Room;
use doorlist_core::queue_id::QueueId;
use ids::Ids;
use index::{Accept, Index, IndexEntry};
use rows::{MessageRow, SpoolReader};
use shared::{CommitWaiter, LastHandle, SpoolShared};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use tokio::sync::{Notify, oneshot, watch};
use writer::SpoolEngine;

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
    pub id: QueueId,
    pub envelope: Arc<Envelope>,
    /// Its bytes, where memory allows to keep them; else [`Spool::body_of`] reads them again.
    pub body: Option<MessageBody>,
}

/// A message that waits in the queue.
#[derive(Clone, Debug)]
pub struct Pending {
    pub id: QueueId,
    pub envelope: Arc<Envelope>,
    /// How far its delivery is; `None` before the first attempt ended.
    pub progress: Option<Progress>,
}

/// What the start found that it could not use. Nothing of it was deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StartReport {
    pub messages: u64,
    /// One sentence for each thing that was set aside, with where it is now.
    pub set_aside: Vec<String>,
}

/// The handle that gateway and actions hold; clones share one spool.
#[derive(Clone, Debug)]
pub struct Spool {
    shared: Arc<SpoolShared>,
    _last: Arc<LastHandle>,
}

impl Spool {
    /// Opens the spool, takes up what is in it and sweeps what nobody needs.
    ///
    /// # Errors
    /// When the engine or a folder does not answer, or was written by a newer Doorlist.
    pub async fn open(url: &StoreUrl, config: SpoolConfig) -> Result<Self, StoreError> {
        let opened = match url {
            StoreUrl::Sqlite(state) => sqlite::open(state, &config).await?,
            StoreUrl::Postgres(url) => postgres::open(url, &config).await?,
        };
        let OpenedSpool { index, engines, reader, apart, room, report } = opened;
        let ids = Arc::new(Ids::new(config.node));
        if let Some(newest) = index.newest() {
            ids.skip(newest);
        }
        let bodies = Arc::new(Bodies::new(config.memory_max, apart, Arc::clone(&ids)));
        let (ending, ended) = watch::channel(false);
        let (index, wake, taught) = (Mutex::new(index), Notify::new(), Notify::new());
        let (away, bad) = (AtomicBool::new(false), OnceLock::new());
        let (check, committed) = (Mutex::default(), Mutex::default());
        let shared =
            SpoolShared { report, ids, bodies, index, wake, taught, reader, room, away, check, committed, bad, ended };
        let shared = Arc::new(shared);
        tokio::spawn(writer::run(Arc::clone(&shared), engines, ending));
        let _last = Arc::new(LastHandle(Arc::clone(&shared)));
        Ok(Self { shared, _last })
    }

    /// What the start found that it could not use.
    pub fn start_report(&self) -> &StartReport {
        &self.shared.report
    }

    /// The name of the next message, drawn before it is taken so that its trace header can carry it.
    pub fn next_id(&self) -> QueueId {
        self.shared.ids.next()
    }

    /// Begins to take the bytes of a message.
    pub fn body(&self, declared_size: Option<u64>) -> BodyWriter {
        BodyWriter::new(Arc::clone(&self.shared.bodies), declared_size)
    }

    /// Puts a message on stable storage. `Ok` means that it is there; only then may the sender hear 250. Dropped before
    /// it answers, the message goes again: nobody has said 250 for it.
    ///
    /// # Errors
    /// The sender must hear 452 when there is no room, else 451.
    pub async fn accept(&self, id: QueueId, envelope: Envelope, body: BodyWriter) -> Result<Spooled, SpoolError> {
        let body = self.complete(body).await?;
        self.accept_complete(id, envelope, body).await
    }

    /// Ends the bytes of a message, so that they can be read before it is accepted.
    ///
    /// # Errors
    /// As [`Spool::accept`].
    pub async fn complete(&self, body: BodyWriter) -> Result<CompleteBody, SpoolError> {
        self.shared.refuse_if_bad()?;
        body.finish().await.inspect_err(|error| self.shared.mark(error))
    }

    /// The second half of [`Spool::accept`].
    ///
    /// # Errors
    /// As [`Spool::accept`].
    pub async fn accept_complete(
        &self,
        id: QueueId,
        envelope: Envelope,
        body: CompleteBody,
    ) -> Result<Spooled, SpoolError> {
        let shared = &self.shared;
        shared.refuse_if_bad()?;
        let CompleteBody { held, seal: body_seal, contents } = body;
        drop(contents);
        let text = record::encode(&envelope, &body_seal).map_err(|why| SpoolError::Corrupt { id, why })?;
        let (answer, answered) = oneshot::channel();
        let seal = record::seal(id, text.as_bytes());
        shared.index().wait(Accept { id, text, seal, body: held, body_seal, answer })?;
        shared.wake.notify_one();
        let waiting = CommitWaiter::new(shared, id);
        let body = answered.await;
        waiting.answered();
        let body = body.unwrap_or_else(|_| Err(SpoolError::Away("the spool was closed".to_owned())))?;
        Ok(Spooled { id, envelope: Arc::new(envelope), body })
    }

    /// Notes what became of a message. It is written soon, with the next message or after a moment without
    /// one; [`Spool::flush`] waits.
    pub fn settle(&self, id: QueueId, outcome: Settlement) {
        if self.shared.index().settle(id, outcome) {
            self.shared.wake.notify_one();
        }
    }

    /// Returns when everything settled so far is on stable storage.
    ///
    /// # Errors
    /// When it could not be written; it is tried again.
    pub async fn flush(&self) -> Result<(), SpoolError> {
        let (told, written) = oneshot::channel();
        self.shared.index().flush(told);
        self.shared.wake.notify_one();
        written.await.unwrap_or_else(|_| Err(SpoolError::Away("the spool was closed".to_owned())))
    }

    /// Writes what is to be written and closes the files. Nothing can be accepted or settled afterwards.
    pub async fn close(&self) {
        self.shared.index().close();
        self.shared.wake.notify_one();
        // The sender is gone only after it said that it ended, or with the runtime.
        drop(self.shared.ended().wait_for(|ended| *ended).await);
    }

    /// The bytes of a message.
    ///
    /// # Errors
    /// When it is not in the queue, or not what was stored.
    pub async fn body_of(&self, id: QueueId) -> Result<MessageBody, SpoolError> {
        let entry = self.shared.index().entry(id).ok_or(SpoolError::NotFound(id))?;
        let row = self.rows(&[(id, entry)]).await?.pop().ok_or(SpoolError::NotFound(id))?;
        let (record, _) = row.open().map_err(|why| SpoolError::Corrupt { id, why })?;
        if record.body.apart.is_some() {
            return Ok(MessageBody::apart(self.shared.bodies.apart().clone(), record.body));
        }
        let bytes = self.shared.reader.body(id, entry).await.map_err(|error| SpoolError::Away(cause(&error)))?;
        let bytes = bytes.filter(|bytes| record.body.covers(bytes));
        let bytes =
            bytes.ok_or_else(|| SpoolError::Corrupt { id, why: "its bytes are not those stored".to_owned() })?;
        Ok(MessageBody::in_row(Ration::read(bytes)))
    }

    /// Messages behind `after` in the order of their names, which is that of their arrival; an empty list is the end. One
    /// that was accepted just now may be listed here and returned by [`Spool::accept`] too: whoever delivers must look
    /// whether it has it. Rows that cannot be read are left out; [`Spool::get`] says why.
    pub async fn pending(&self, after: Option<QueueId>, limit: u32) -> Result<Vec<Pending>, SpoolError> {
        let mut after = after;
        loop {
            let page = self.shared.index().page(after, limit as usize);
            let Some((last, _)) = page.last() else { return Ok(Vec::new()) };
            after = Some(*last);
            let found = self.read(&page).await?;
            if !found.is_empty() {
                return Ok(found);
            }
        }
    }

    /// Those of these messages, in ascending order, that are still in the queue; else as [`Spool::pending`].
    pub async fn pending_among(&self, ids: &[QueueId]) -> Result<Vec<Pending>, SpoolError> {
        let runs = self.shared.index().runs(ids);
        let mut found = Vec::with_capacity(ids.len());
        for run in runs {
            let read = self.read(&run).await?;
            found.extend(read.into_iter().filter(|pending| ids.binary_search(&pending.id).is_ok()));
        }
        Ok(found)
    }

    ///
    /// # Errors
    /// When the engine does not answer, or the row cannot be read.
    pub async fn get(&self, id: QueueId) -> Result<Option<Pending>, SpoolError> {
        loop {
            let Some(entry) = self.shared.index().entry(id) else { return Ok(None) };
            let Some(row) = self.rows(&[(id, entry)]).await?.pop() else { return Ok(None) };
            match self.judge(&row) {
                JudgedRow::Current(pending) => {
                    return pending.map(Some).map_err(|why| SpoolError::Corrupt { id, why });
                }
                JudgedRow::Gone => return Ok(None),
                // Its progress was written between the two looks: the next one sees it.
                JudgedRow::Stale => {}
            }
        }
    }

    /// Messages in the queue.
    pub fn count(&self) -> u64 {
        self.shared.index().len()
    }

    /// The message that waits longest.
    pub fn oldest(&self) -> Option<QueueId> {
        self.shared.index().oldest()
    }

    /// Whether the spool takes mail. Cheap: asked at every MAIL.
    pub fn health(&self) -> SpoolHealth {
        self.shared.health()
    }

    /// Makes a write of its own on stable storage, in the way of every message: one row, which is overwritten. One at a
    /// time.
    ///
    /// # Errors
    /// Why nothing can be written.
    pub(crate) async fn check_write(&self) -> Result<(), SpoolError> {
        let (answer, answered) = oneshot::channel();
        self.shared.ask_check(answer);
        answered.await.unwrap_or_else(|_| Err(SpoolError::Away("the spool was closed".to_owned())))
    }

    /// Whether something was written so short a time ago.
    pub(crate) fn committed_within(&self, time: Duration) -> bool {
        self.shared.committed_within(time)
    }

    /// What can be read of a page, as new as it is known.
    async fn read(&self, page: &[(QueueId, IndexEntry)]) -> Result<Vec<Pending>, SpoolError> {
        let rows = self.rows(page).await?;
        let mut found = Vec::with_capacity(rows.len());
        for row in rows {
            match self.judge(&row) {
                JudgedRow::Current(Ok(pending)) => found.push(pending),
                JudgedRow::Current(Err(_)) | JudgedRow::Gone => {}
                // Settled while the rows were read; one that cannot be read now is left out like the others.
                JudgedRow::Stale => found.extend(self.get(row.id).await.ok().flatten()),
            }
        }
        Ok(found)
    }

    async fn rows(&self, page: &[(QueueId, IndexEntry)]) -> Result<Vec<MessageRow>, SpoolError> {
        self.shared.reader.rows(page).await.map_err(|error| SpoolError::Away(cause(&error)))
    }

    /// Compares a row with what is known in memory, which may be newer.
    fn judge(&self, row: &MessageRow) -> JudgedRow {
        let index = self.shared.index();
        let Some(entry) = index.entry(row.id) else { return JudgedRow::Gone };
        let unwritten = index.unwritten(row.id);
        drop(index);
        match unwritten {
            Some(progress) => JudgedRow::Current(
                row.pending().map(|pending| Pending { progress: Some(Progress::clone(&progress)), ..pending }),
            ),
            None if row.revision == entry.revision => JudgedRow::Current(row.pending()),
            None => JudgedRow::Stale,
        }
    }
}

/// What a row that was read is worth.
enum JudgedRow {
    Current(Result<Pending, String>),
    /// The message is done.
    Gone,
    /// Newer progress was written since.
    Stale,
}

/// What an engine hands over at start.
struct OpenedSpool {
    index: Index,
    /// One at least: the first settles in files that take no messages any more.
    engines: Vec<SpoolEngine>,
    reader: SpoolReader,
    apart: large_bodies::LargeBodies,
    room: Room,
    report: StartReport,
}
