//! The bytes of a message: gathered while DATA runs, read again when it is delivered. Up to [`IN_ROW_MAX`] they wait in
//! memory under one budget for all sessions; a larger one, or one that finds the budget spent, is streamed to a place
//! of its own. This module must not know envelopes, nor when a message is committed.

use super::error::SpoolError;
use super::ids::Ids;
use super::large_bodies::{ApartBody, ApartReader, ApartWriter, LargeBodies};
use super::record::{BodySeal, Checksum};
use doorlist_core::queue_id::QueueId;
use std::fmt;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Up to this size a message waits in memory and is written with its row.
pub const IN_ROW_MAX: usize = 256 * 1024;
/// The budget is counted in units of this size.
const UNIT: usize = 1024;
/// Taken from the budget for a message whose size is not known.
const FIRST_GUESS: usize = 8 * 1024;
/// Gathered before it is written to a place apart, when the budget has room for it.
const WRITE_SIZE: usize = IN_ROW_MAX;
/// The same when it has not: so much a session needs at least.
const WRITE_SIZE_MIN: usize = 32 * 1024;

/// Where bytes may be: one budget of memory, and one place for what is larger.
#[derive(Debug)]
pub(super) struct Bodies {
    budget: Arc<Semaphore>,
    units: usize,
    apart: LargeBodies,
    ids: Arc<Ids>,
}

impl Bodies {
    pub(super) fn new(memory_max: usize, apart: LargeBodies, ids: Arc<Ids>) -> Self {
        let units = (memory_max / UNIT).min(Semaphore::MAX_PERMITS);
        Self { budget: Arc::new(Semaphore::new(units)), units, apart, ids }
    }

    pub(super) fn apart(&self) -> &LargeBodies {
        &self.apart
    }

    fn take(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let units = u32::try_from(bytes.div_ceil(UNIT)).ok()?;
        Arc::clone(&self.budget).try_acquire_many_owned(units).ok()
    }

    /// Whether what is stored may stay in memory until it is delivered: half of the budget is for what comes in.
    fn has_room_to_keep(&self) -> bool {
        self.budget.available_permits() > self.units / 2
    }
}

/// Bytes in memory with their share of the budget.
pub(super) struct Ration {
    bytes: Vec<u8>,
    /// Goes back when the last clone is dropped. Bytes that were read for a delivery have none: their number is
    /// bounded by the number of deliveries.
    _share: Option<OwnedSemaphorePermit>,
}

impl Ration {
    /// Bytes that were read from the store.
    pub(super) fn read(bytes: Vec<u8>) -> Arc<Self> {
        Arc::new(Self { bytes, _share: None })
    }
}

impl fmt::Debug for Ration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} octets", self.bytes.len())
    }
}

/// A whole body that no commit covers yet. Dropped, it leaves nothing behind.
#[derive(Debug)]
pub(super) enum HeldBody {
    Row(Arc<Ration>),
    LargeBodies(ApartBody),
}

impl HeldBody {
    /// The bytes that go into the row.
    pub(super) fn row_bytes(&self) -> Option<&[u8]> {
        match self {
            HeldBody::Row(ration) => Some(&ration.bytes),
            HeldBody::LargeBodies(_) => None,
        }
    }

    /// The name of the place apart.
    pub(super) fn apart(&self) -> Option<QueueId> {
        match self {
            HeldBody::Row(_) => None,
            HeldBody::LargeBodies(body) => Some(body.name()),
        }
    }

    /// The commit covers it: it stays. Returns it for delivery, unless memory is short.
    pub(super) fn keep(self, seal: BodySeal, bodies: &Bodies) -> Option<MessageBody> {
        match self {
            HeldBody::Row(ration) => bodies.has_room_to_keep().then(|| MessageBody::in_row(ration)),
            HeldBody::LargeBodies(body) => {
                body.keep();
                Some(MessageBody::apart(bodies.apart.clone(), seal))
            }
        }
    }
}

/// All bytes of a message that is coming in. They can be read; [`super::Spool::accept_complete`] puts them on stable
/// storage. Dropped before that, they leave nothing behind.
#[derive(Debug)]
pub struct CompleteBody {
    pub(super) held: HeldBody,
    pub(super) seal: BodySeal,
    pub(super) contents: MessageBody,
}

impl CompleteBody {
    /// The bytes, for reading. Whoever keeps a clone holds their share of the memory for incoming mail.
    pub fn contents(&self) -> &MessageBody {
        &self.contents
    }
}

/// The bytes of a stored message. Clones share them.
#[derive(Clone, Debug)]
pub struct MessageBody(BodyLocation);

#[derive(Clone, Debug)]
enum BodyLocation {
    Memory(Arc<Ration>),
    LargeBodies(LargeBodies, BodySeal),
}

impl MessageBody {
    pub(super) fn in_row(ration: Arc<Ration>) -> Self {
        Self(BodyLocation::Memory(ration))
    }

    pub(super) fn apart(apart: LargeBodies, seal: BodySeal) -> Self {
        Self(BodyLocation::LargeBodies(apart, seal))
    }

    pub fn len(&self) -> u64 {
        match &self.0 {
            BodyLocation::Memory(ration) => ration.bytes.len() as u64,
            BodyLocation::LargeBodies(_, seal) => seal.size,
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The whole message, when it is in memory; else it is read through [`MessageBody::reader`].
    pub fn in_memory(&self) -> Option<&[u8]> {
        match &self.0 {
            BodyLocation::Memory(ration) => Some(&ration.bytes),
            BodyLocation::LargeBodies(..) => None,
        }
    }

    /// Reads it from the front, wherever it is.
    ///
    /// # Errors
    /// When it is not there, or has another size than was stored.
    pub async fn reader(&self) -> Result<BodyReader, SpoolError> {
        Ok(BodyReader(match &self.0 {
            BodyLocation::Memory(ration) => BodySource::Memory(Arc::clone(ration), false),
            BodyLocation::LargeBodies(apart, seal) => BodySource::LargeBodies(Box::new(apart.open(*seal).await?)),
        }))
    }
}

/// Reads a message in chunks.
#[derive(Debug)]
pub struct BodyReader(BodySource);

#[derive(Debug)]
enum BodySource {
    /// The bytes, and whether they were given.
    Memory(Arc<Ration>, bool),
    LargeBodies(Box<ApartReader>),
}

impl BodyReader {
    /// The next octets; `None` at the end.
    ///
    /// # Errors
    /// Instead of the end: the message is not what was stored. Whoever sends it on must break off before the final dot.
    pub async fn chunk(&mut self) -> Result<Option<&[u8]>, SpoolError> {
        match &mut self.0 {
            BodySource::Memory(_, true) => Ok(None),
            BodySource::Memory(ration, given) => {
                *given = true;
                Ok(Some(&ration.bytes))
            }
            BodySource::LargeBodies(reader) => reader.chunk().await,
        }
    }
}

/// Takes the bytes of a message that is coming in. Dropped before it is accepted, it leaves nothing behind.
#[derive(Debug)]
pub struct BodyWriter {
    bodies: Arc<Bodies>,
    share: Option<OwnedSemaphorePermit>,
    /// What is not yet in a place apart.
    buffer: Vec<u8>,
    /// How much of it the budget covers, or when it is written out.
    room: usize,
    written: Option<(ApartWriter, Checksum, u64)>,
}

impl BodyWriter {
    pub(super) fn new(bodies: Arc<Bodies>, declared: Option<u64>) -> Self {
        let wanted = declared.map_or(FIRST_GUESS, |size| usize::try_from(size).unwrap_or(usize::MAX));
        let share = if wanted <= IN_ROW_MAX { bodies.take(wanted.max(UNIT)) } else { None };
        let room = share.as_ref().map_or(0, |share| share.num_permits() * UNIT);
        Self { bodies, share, buffer: Vec::with_capacity(room), room, written: None }
    }

    pub fn len(&self) -> u64 {
        self.buffer.len() as u64 + self.written.as_ref().map_or(0, |(.., length)| *length)
    }

    /// Whether nothing came yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds octets.
    ///
    /// # Errors
    /// When they cannot be written to a place apart; the message is lost and the sender keeps it.
    pub async fn write(&mut self, mut bytes: &[u8]) -> Result<(), SpoolError> {
        while self.buffer.len() + bytes.len() > self.room {
            if self.written.is_none() && self.grow(self.buffer.len() + bytes.len()) {
                break;
            }
            if self.written.is_none() {
                self.spill().await?;
            }
            let (now, later) = bytes.split_at(bytes.len().min(self.room.saturating_sub(self.buffer.len())));
            self.buffer.extend_from_slice(now);
            bytes = later;
            if self.buffer.len() >= self.room {
                self.write_out().await?;
            }
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    /// Asks the budget for more room in memory.
    fn grow(&mut self, needed: usize) -> bool {
        if needed > IN_ROW_MAX {
            return false;
        }
        let wanted = needed.next_power_of_two().max(FIRST_GUESS);
        let Some(more) = self.bodies.take(wanted - self.room.min(wanted)) else { return false };
        match &mut self.share {
            Some(share) => share.merge(more),
            None => self.share = Some(more),
        }
        self.room = wanted;
        self.buffer.reserve_exact(wanted - self.buffer.len());
        true
    }

    /// Goes on in a place apart. What was gathered stays the buffer; from now on it is written when it is full.
    async fn spill(&mut self) -> Result<(), SpoolError> {
        let more = self.bodies.take(WRITE_SIZE.saturating_sub(self.room));
        self.room = if more.is_some() { WRITE_SIZE } else { self.room.max(WRITE_SIZE_MIN) };
        match (&mut self.share, more) {
            (Some(share), Some(more)) => share.merge(more),
            (None, more) => self.share = more,
            (Some(_), None) => {}
        }
        self.buffer.reserve_exact(self.room - self.buffer.len());
        let writer = self.bodies.apart.create(self.bodies.ids.next()).await?;
        self.written = Some((writer, Checksum::new(), 0));
        Ok(())
    }

    async fn write_out(&mut self) -> Result<(), SpoolError> {
        if let Some((writer, checksum, length)) = &mut self.written {
            checksum.add(&self.buffer);
            *length += self.buffer.len() as u64;
            writer.write(&self.buffer).await?;
            self.buffer.clear();
        }
        Ok(())
    }

    /// The whole body, on stable storage if it is apart.
    pub(super) async fn finish(mut self) -> Result<CompleteBody, SpoolError> {
        self.write_out().await?;
        match self.written {
            None => {
                let (size, checksum) = (self.buffer.len() as u64, Checksum::of(&self.buffer));
                let ration = Arc::new(Ration { bytes: self.buffer, _share: self.share });
                let (seal, contents) = (BodySeal { size, checksum, apart: None }, MessageBody::in_row(ration.clone()));
                Ok(CompleteBody { held: HeldBody::Row(ration), seal, contents })
            }
            Some((writer, checksum, size)) => {
                let body = writer.finish().await?;
                let seal = BodySeal { size, checksum: checksum.value(), apart: Some(body.name()) };
                let contents = MessageBody::apart(self.bodies.apart.clone(), seal);
                Ok(CompleteBody { held: HeldBody::LargeBodies(body), seal, contents })
            }
        }
    }
}
