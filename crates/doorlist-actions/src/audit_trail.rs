//! The audit: what was written over HTTP, by whom and from where, as a chain of sealed lines. A line that was changed or
//! taken out breaks the chain from there on. Must not know HTTP.

use crate::error::{ActionError, ErrorKind};
use crate::office::Office;
use doorlist_core::time::Timestamp;
use doorlist_store::audit::{AUDIT_PAGE_MAX, AuditEntry};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// A request that wrote, or would have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEvent {
    /// When.
    pub time: Timestamp,
    /// From where.
    pub client: IpAddr,
    /// Who; nobody: the credentials were wrong.
    pub login: Option<String>,
    /// The first characters of the key.
    pub key: Option<String>,
    /// HTTP method.
    pub method: String,
    /// Path, without parameters.
    pub path: String,
    /// HTTP status of the answer.
    pub status: u16,
}

/// A line of the audit, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRow {
    /// Its number.
    pub number: u64,
    /// What happened.
    #[serde(flatten)]
    pub event: AuditEvent,
}

/// What a look at the whole chain found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditVerdict {
    /// Lines.
    pub lines: u64,
    /// The newest line whose seal does not fit what is before it.
    pub broken_at: Option<u64>,
}

impl Office {
    /// Adds lines to this node's chain.
    ///
    /// # Errors
    /// When the store fails; then none of them is there.
    pub async fn audit_append(&self, events: &[AuditEvent]) -> Result<(), ActionError> {
        let last = self.audit.last(self.node_number).await?;
        let (mut number, mut hash) = last.map_or((0, String::new()), |last| (last.number, last.hash));
        let mut entries = Vec::with_capacity(events.len());
        for event in events {
            number += 1;
            let entry = serde_json::to_string(event).map_err(|e| ActionError::new(ErrorKind::Store, e.to_string()))?;
            hash = self.seal_line(&hash, number, &entry);
            entries.push(AuditEntry { number, time: event.time, entry, hash: hash.clone() });
        }
        Ok(self.audit.append(self.node_number, &entries).await?)
    }

    fn seal_line(&self, before: &str, number: u64, entry: &str) -> String {
        self.vault.hash(&format!("audit\n{before}\n{number}\n{entry}"))
    }

    /// Lines, newest first.
    pub(crate) async fn audit_list(&self, before: Option<u64>, limit: u32) -> Result<Vec<AuditRow>, ActionError> {
        let entries = self.audit.before(self.node_number, before, limit.clamp(1, AUDIT_PAGE_MAX)).await?;
        let row = |entry: AuditEntry| {
            let event = serde_json::from_str(&entry.entry).map_err(|error| {
                let message = format!("line {} of the audit cannot be read: {error}", entry.number);
                ActionError::new(ErrorKind::Store, message)
            })?;
            Ok(AuditRow { number: entry.number, event })
        };
        entries.into_iter().map(row).collect()
    }

    /// Follows the chain from its end to its beginning.
    pub(crate) async fn audit_verify(&self) -> Result<AuditVerdict, ActionError> {
        let (mut lines, mut before, mut broken_at) = (0, None, None);
        let mut later: Option<AuditEntry> = None;
        loop {
            let page = self.audit.before(self.node_number, before, AUDIT_PAGE_MAX).await?;
            before = page.last().map(|entry| entry.number);
            let is_last = page.is_empty();
            for entry in page.into_iter().map(Some).chain(is_last.then_some(None)) {
                if let Some(later) = later.take() {
                    lines += 1;
                    let hash = entry.as_ref().map_or("", |entry| entry.hash.as_str());
                    let follows = entry.as_ref().map_or(0, |entry| entry.number) + 1 == later.number;
                    let fits = follows && self.seal_line(hash, later.number, &later.entry) == later.hash;
                    broken_at = broken_at.or((!fits).then_some(later.number));
                }
                later = entry;
            }
            if is_last {
                return Ok(AuditVerdict { lines, broken_at });
            }
        }
    }
}
