//! The bytes of a message: gathered while DATA runs, read again when it is delivered. Up to [`IN_ROW_MAX`] they wait in
//! memory under one budget for all sessions; a larger one, or one that finds the budget spent, is streamed to a place
//! of its own. This module must not know envelopes, nor when a message is committed.

use super::error::SpoolError;
use std::sync::Arc;

/// Up to this size a message waits in memory and is written with its row.
pub const IN_ROW_MAX: usize = 256 * 1024;

/// The bytes of a stored message. Clones share them.
#[derive(Clone, Debug)]
pub struct MessageBody {
    bytes: Arc<Vec<u8>>,
}

impl MessageBody {
    /// Octets.
    pub fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The whole message, when it is in memory; else it is read through [`MessageBody::reader`].
    pub fn in_memory(&self) -> Option<&[u8]> {
        Some(&self.bytes)
    }

    /// Reads it from the front, wherever it is.
    pub async fn reader(&self) -> Result<BodyReader, SpoolError> {
        Ok(BodyReader { left: Some(self.clone()), current: None })
    }
}

/// Reads a message in chunks.
#[derive(Debug)]
pub struct BodyReader {
    left: Option<MessageBody>,
    current: Option<MessageBody>,
}

impl BodyReader {
    /// The next octets; `None` at the end. An error instead of the end means that the message is not what was stored:
    /// whoever sends it on must break off before the final dot.
    pub async fn chunk(&mut self) -> Result<Option<&[u8]>, SpoolError> {
        self.current = self.left.take();
        Ok(self.current.as_ref().and_then(MessageBody::in_memory))
    }
}

/// Takes the bytes of a message that is coming in. Dropped before it is accepted, it leaves nothing behind.
#[derive(Debug, Default)]
pub struct BodyWriter {
    bytes: Vec<u8>,
}

impl BodyWriter {
    /// Adds octets.
    pub async fn write(&mut self, chunk: &[u8]) -> Result<(), SpoolError> {
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }

    /// Octets so far.
    pub fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Whether nothing came yet.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(super) fn finish(self) -> MessageBody {
        MessageBody { bytes: Arc::new(self.bytes) }
    }
}
