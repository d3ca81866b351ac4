//! Reading what is in the queue, on either engine, and telling what can be used from what cannot.

use super::Pending;
use super::envelope::Progress;
use super::index::IndexEntry;
use super::postgres;
use super::record::{Record, parse_progress};
use super::sqlite::Generations;
use doorlist_core::queue_id::QueueId;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A message's row without its bytes, and its progress.
#[derive(Debug)]
pub(super) struct MessageRow {
    pub(super) id: QueueId,
    pub(super) text: Vec<u8>,
    pub(super) seal: i64,
    pub(super) revision: u32,
    pub(super) state: Option<Vec<u8>>,
}

impl MessageRow {
    /// The message, if seal and texts are right.
    pub(super) fn open(&self) -> Result<(Record, Option<Progress>), String> {
        let record = Record::open(self.id, &self.text, self.seal)?;
        let state = self.state.as_deref();
        let progress = state.map(|state| parse_progress(state, record.envelope.recipients.len())).transpose()?;
        Ok((record, progress))
    }

    pub(super) fn pending(&self) -> Result<Pending, String> {
        let (record, progress) = self.open()?;
        Ok(Pending { id: self.id, envelope: Arc::new(record.envelope), progress })
    }
}

#[derive(Clone, Debug)]
pub(super) enum SpoolReader {
    Sqlite(Arc<Generations>),
    Postgres(postgres::PostgresSpoolReader),
}

impl SpoolReader {
    /// The rows of messages that the index named; others may be among them.
    pub(super) async fn rows(&self, wanted: &[(QueueId, IndexEntry)]) -> Result<Vec<MessageRow>, sqlx::Error> {
        let mut spans = BTreeMap::<u32, (QueueId, QueueId)>::new();
        for (id, entry) in wanted {
            spans.entry(entry.generation).and_modify(|(_, last)| *last = *id).or_insert((*id, *id));
        }
        let mut rows = Vec::with_capacity(wanted.len());
        for (generation, (first, last)) in spans {
            rows.append(&mut match self {
                SpoolReader::Sqlite(generations) => generations.rows(generation, first, last).await?,
                SpoolReader::Postgres(reader) => reader.rows(first, last).await?,
            });
        }
        rows.sort_unstable_by_key(|row| row.id);
        Ok(rows)
    }

    /// The bytes in a message's row.
    pub(super) async fn body(&self, id: QueueId, entry: IndexEntry) -> Result<Option<Vec<u8>>, sqlx::Error> {
        match self {
            SpoolReader::Sqlite(generations) => generations.body(entry.generation, id).await,
            SpoolReader::Postgres(reader) => reader.body(id).await,
        }
    }
}
