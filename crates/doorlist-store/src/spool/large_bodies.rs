//! Bodies that are too large for their row: a file each on SQLite, rows of chunks on PostgreSQL. Both are written and
//! made durable before the message's row commits, so that a row never names bytes that are not there.

mod chunks;
mod file;

use super::error::SpoolError;
use super::record::{BodySeal, Checksum};
use doorlist_core::queue_id::QueueId;
use sqlx::PgPool;
use std::path::Path;
use std::sync::Arc;

pub(super) use file::name_of;

/// Where large bodies lie.
#[derive(Clone, Debug)]
pub(super) enum LargeBodies {
    /// A folder with one file for each, named by its queue id.
    Folder(Arc<Path>),
    /// Rows of a database.
    Chunks(PgPool),
}

impl LargeBodies {
    pub(super) async fn create(&self, name: QueueId) -> Result<ApartWriter, SpoolError> {
        let sink = match self {
            LargeBodies::Folder(folder) => Sink::File(file::create(folder, name).await?),
            LargeBodies::Chunks(pool) => Sink::Chunks { pool: pool.clone(), number: 0 },
        };
        let body = ApartBody { name, apart: self.clone(), kept: false };
        Ok(ApartWriter { body, sink })
    }

    /// Reads a body that is kept.
    pub(super) async fn open(&self, seal: BodySeal) -> Result<ApartReader, SpoolError> {
        let name = seal.apart.unwrap_or(QueueId::from_u64(0));
        let source = match self {
            LargeBodies::Folder(folder) => {
                LargeBodySource::File { file: file::open(folder, name).await?, buffer: Vec::new() }
            }
            LargeBodies::Chunks(pool) => LargeBodySource::Chunks { pool: pool.clone(), number: 0, buffer: Vec::new() },
        };
        Ok(ApartReader { name, source, seal, checksum: Some(Checksum::new()), read: 0 })
    }

    /// Removes bodies whose rows are gone. What cannot be removed is swept by the next start.
    pub(super) async fn remove(&self, names: &[QueueId]) {
        match self {
            LargeBodies::Folder(folder) => file::remove(folder, names).await,
            LargeBodies::Chunks(pool) => chunks::remove(pool, names).await,
        }
    }
}

/// A body that is being written. Dropped, it is removed.
#[derive(Debug)]
pub(super) struct ApartWriter {
    body: ApartBody,
    sink: Sink,
}

#[derive(Debug)]
enum Sink {
    File(tokio::fs::File),
    Chunks { pool: PgPool, number: i32 },
}

impl ApartWriter {
    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), SpoolError> {
        match &mut self.sink {
            Sink::File(file) => file::write(file, bytes).await,
            Sink::Chunks { .. } if bytes.is_empty() => Ok(()),
            Sink::Chunks { pool, number } => {
                *number += 1;
                chunks::write(pool, self.body.name, *number, bytes).await
            }
        }
    }

    /// Everything is on stable storage (chunks: as soon as a later commit is).
    pub(super) async fn finish(self) -> Result<ApartBody, SpoolError> {
        if let (Sink::File(file), LargeBodies::Folder(folder)) = (self.sink, &self.body.apart) {
            file::sync(file, Arc::clone(folder)).await?;
        }
        Ok(self.body)
    }
}

/// A whole body whose row is not yet committed. Dropped before it is kept, it is removed.
#[derive(Debug)]
pub(super) struct ApartBody {
    name: QueueId,
    apart: LargeBodies,
    kept: bool,
}

impl ApartBody {
    pub(super) fn name(&self) -> QueueId {
        self.name
    }

    /// Its row is committed.
    pub(super) fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for ApartBody {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        // Outside a runtime (it was shut down) nothing is done: the next start sweeps what has no row.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let (apart, name) = (self.apart.clone(), self.name);
            runtime.spawn(async move { apart.remove(&[name]).await });
        }
    }
}

/// Reads a body and checks it on the way.
#[derive(Debug)]
pub(super) struct ApartReader {
    name: QueueId,
    source: LargeBodySource,
    seal: BodySeal,
    /// Taken at the end.
    checksum: Option<Checksum>,
    read: u64,
}

#[derive(Debug)]
enum LargeBodySource {
    File { file: tokio::fs::File, buffer: Vec<u8> },
    Chunks { pool: PgPool, number: i32, buffer: Vec<u8> },
}

impl ApartReader {
    /// The next octets; `None` at a right end, an error at a wrong one.
    pub(super) async fn chunk(&mut self) -> Result<Option<&[u8]>, SpoolError> {
        let buffer = match &mut self.source {
            LargeBodySource::File { file, buffer } => {
                file::read(file, self.name, buffer).await?;
                buffer
            }
            LargeBodySource::Chunks { pool, number, buffer } => {
                *number += 1;
                *buffer = chunks::read(pool, self.name, *number).await?;
                buffer
            }
        };
        if let (Some(checksum), false) = (&mut self.checksum, buffer.is_empty()) {
            checksum.add(buffer);
            self.read += buffer.len() as u64;
            return Ok(Some(buffer));
        }
        let right = self.checksum.take().is_none_or(|checksum| checksum.value() == self.seal.checksum);
        if right && self.read == self.seal.size {
            return Ok(None);
        }
        Err(SpoolError::Corrupt { id: self.name, why: "its bytes are not those that were stored".to_owned() })
    }
}
