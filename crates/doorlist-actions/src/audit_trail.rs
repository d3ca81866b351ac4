//! The audit: what known logins wrote over HTTP, and from where, as a chain of sealed lines on each node. Must not know HTTP.
//!
//! | module | what it is |
//! |---|---|
//! | `chain` | sealing lines, and following the chain |
//! | `head` | where the chain stands, as a word that can be kept elsewhere |
//! | `writer` | lines on their way into the chain, within each tenant's share |
//! | `trimming` | the oldest lines go: after their term, or into a file |

mod chain;
mod head;
mod trimming;
mod writer;

pub use chain::{AuditLink, AuditPartCheck, AuditVerdict};
pub use head::{AuditHead, HeadFinding};
pub use trimming::AuditTerms;
pub use writer::{AuditNews, AuditWriter};

use crate::error::{ActionError, ErrorKind};
use crate::office::Office;
use doorlist_core::time::Timestamp;
use doorlist_store::audit::AUDIT_PAGE_MAX;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// A request that wrote, or tried to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEvent {
    /// When.
    pub time: Timestamp,
    /// From where.
    pub client: IpAddr,
    /// Who. Nobody: a line from before, when requests with wrong credentials had lines, too.
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

/// What the audit says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditNote {
    /// When.
    pub time: Timestamp,
    /// What, as a sentence.
    pub note: String,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum AuditRecord {
    /// A request.
    Request(AuditEvent),
    /// Something about the audit itself.
    Note(AuditNote),
}

impl AuditRecord {
    /// When it was.
    pub fn time(&self) -> Timestamp {
        match self {
            AuditRecord::Request(event) => event.time,
            AuditRecord::Note(note) => note.time,
        }
    }
}

/// A line of the audit, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRow {
    /// Its number.
    pub number: u64,
    /// What happened.
    #[serde(flatten)]
    pub record: AuditRecord,
}

/// What can be asked about the audit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditRequest {
    /// What was written over HTTP, newest first.
    List {
        /// Before this line.
        before: Option<u64>,
        /// At most so many.
        limit: u32,
    },
    /// Where the audit stands, to be kept elsewhere.
    Head,
    /// Whether a line was changed, put in or taken out.
    Verify {
        /// A head that was kept: whether the audit still has what it had then.
        head: Option<String>,
    },
    /// Whether lines of an exported part are as they were written.
    CheckPart(Box<AuditPartCheck>),
}

/// To [`AuditRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditAnswer {
    /// To `List`.
    Lines(Vec<AuditRow>),
    /// To `Head`.
    Head(AuditHead),
    /// To `Verify`.
    Verified(AuditVerdict),
    /// To `CheckPart`: the first line that is not as it was written.
    PartChecked {
        /// Its number.
        broken_at: Option<u64>,
    },
}

impl Office {
    pub(crate) async fn about_audit(&self, what: AuditRequest) -> Result<AuditAnswer, ActionError> {
        match what {
            AuditRequest::List { before, limit } => Ok(AuditAnswer::Lines(self.audit_list(before, limit).await?)),
            AuditRequest::Head => Ok(AuditAnswer::Head(self.audit_head().await?)),
            AuditRequest::Verify { head } => Ok(AuditAnswer::Verified(self.audit_verify(head.as_deref()).await?)),
            AuditRequest::CheckPart(part) => Ok(AuditAnswer::PartChecked { broken_at: self.audit_check_part(&part)? }),
        }
    }

    /// Lines, newest first.
    async fn audit_list(&self, before: Option<u64>, limit: u32) -> Result<Vec<AuditRow>, ActionError> {
        let entries = self.audit.before(self.node_number, before, limit.clamp(1, AUDIT_PAGE_MAX)).await?;
        let row = |entry: doorlist_store::audit::AuditEntry| {
            let record = serde_json::from_str(&entry.entry).map_err(|error| {
                let message = format!("cannot read entry {} of the audit log: {error}", entry.number);
                ActionError::new(ErrorKind::Store, message)
            })?;
            Ok(AuditRow { number: entry.number, record })
        };
        entries.into_iter().map(row).collect()
    }
}
