//! The stored form of a message beside its bytes: one JSON text that a person can read in the database, sealed with a
//! checksum that also covers the message's name. This module must not know which engine keeps it.

use super::envelope::{Envelope, Progress};
use doorlist_core::queue_id::QueueId;
use serde::{Deserialize, Serialize};

/// The checksum of stored mail: CRC-32C finds every burst of flipped bits up to 32, and is no protection against intent.
const CRC: crc::Crc<u32, crc::Table<16>> = crc::Crc::<u32, crc::Table<16>>::new(&crc::CRC_32_ISCSI);

/// A checksum that grows with the bytes.
#[derive(Clone)]
pub(super) struct Checksum(crc::Digest<'static, u32, crc::Table<16>>);

impl Checksum {
    pub(super) fn new() -> Self {
        static SHARED: crc::Crc<u32, crc::Table<16>> = CRC;
        Self(SHARED.digest())
    }

    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(super) fn value(self) -> u32 {
        self.0.finalize()
    }

    /// Of bytes that are all there.
    pub(super) fn of(bytes: &[u8]) -> u32 {
        let mut checksum = Self::new();
        checksum.add(bytes);
        checksum.value()
    }
}

impl std::fmt::Debug for Checksum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Checksum")
    }
}

/// What a row says of a message's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BodySeal {
    /// Its size in octets.
    pub size: u64,
    /// The CRC-32C of these octets.
    pub checksum: u32,
    /// The name under which they lie outside the row; `None`: they are in the row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apart: Option<QueueId>,
}

impl BodySeal {
    /// Whether these are the bytes that were stored.
    pub(super) fn covers(&self, bytes: &[u8]) -> bool {
        self.size == bytes.len() as u64 && self.checksum == Checksum::of(bytes)
    }
}

/// A message's row, read.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Record {
    /// What was said before DATA.
    pub envelope: Envelope,
    /// What the bytes must be.
    pub body: BodySeal,
}

/// The same, borrowed, for writing.
#[derive(Serialize)]
struct RecordText<'a> {
    envelope: &'a Envelope,
    body: &'a BodySeal,
}

/// The text of a row. Fails only for what could not be read back.
pub(super) fn encode(envelope: &Envelope, body: &BodySeal) -> Result<String, String> {
    check(envelope)?;
    serde_json::to_string(&RecordText { envelope, body }).map_err(|error| error.to_string())
}

/// The seal of a row: under another name, the same text has another.
pub(super) fn seal(id: QueueId, text: &[u8]) -> u32 {
    let mut checksum = Checksum::new();
    checksum.add(&id.as_u64().to_be_bytes());
    checksum.add(text);
    checksum.value()
}

impl Record {
    /// Reads a row's text, whoever wrote it.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let record: Self = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        check(&record.envelope)?;
        Ok(record)
    }

    /// Reads a row's text if its seal is whole.
    pub(super) fn open(id: QueueId, text: &[u8], found: i64) -> Result<Self, String> {
        if i64::from(seal(id, text)) != found {
            return Err("its checksum is wrong".to_owned());
        }
        Self::parse(text)
    }
}

/// What holds for every envelope: whoever relays it may rely on that.
fn check(envelope: &Envelope) -> Result<(), String> {
    if envelope.recipients.is_empty() {
        return Err("it has no recipient".to_owned());
    }
    let paths = envelope.recipients.iter().map(|recipient| &recipient.path);
    match paths.chain([&envelope.sender]).find(|path| path.bytes().any(|byte| byte.is_ascii_control())) {
        Some(_) => Err("an address has a control character".to_owned()),
        None => Ok(()),
    }
}

/// The text of a progress row. Numbers, words and texts always have a JSON form.
pub(super) fn encode_progress(progress: &Progress) -> String {
    serde_json::to_string(progress).unwrap_or_default()
}

/// Reads a progress row; it must have one state for each recipient.
///
/// # Errors
/// Says what is wrong with it.
pub fn parse_progress(text: &[u8], recipients: usize) -> Result<Progress, String> {
    let progress: Progress = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    if progress.recipients.len() == recipients {
        Ok(progress)
    } else {
        Err(format!("{} states for {recipients} recipients", progress.recipients.len()))
    }
}

#[cfg(test)]
mod tests;
