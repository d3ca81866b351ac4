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

use crate::action::{Action, Reach};
use crate::actions::Actions;
use crate::error::{ActionError, ErrorKind};
use doorlist_core::time::Timestamp;
use doorlist_store::audit::{AUDIT_PAGE_MAX, AuditEntry};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// A request that wrote, or tried to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEvent {
    pub time: Timestamp,
    pub client: IpAddr,
    /// Who. Nobody: a line from before, when requests with wrong credentials had lines, too.
    pub login: Option<String>,
    /// The first characters of the key.
    pub key: Option<String>,
    pub method: String,
    pub path: String,
    /// HTTP status of the answer.
    pub status: u16,
}

/// What the audit says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditNote {
    pub time: Timestamp,
    /// What, as a sentence.
    pub note: String,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum AuditRecord {
    Request(AuditEvent),
    /// Something about the audit itself.
    Note(AuditNote),
}

impl AuditRecord {
    pub fn time(&self) -> Timestamp {
        match self {
            AuditRecord::Request(event) => event.time,
            AuditRecord::Note(note) => note.time,
        }
    }
}

/// Where a line of the audit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditPlace {
    /// Number of the node that wrote it; each has a chain of its own.
    pub node: u16,
    pub number: u64,
}

/// A line of the audit, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRow {
    #[serde(flatten)]
    pub place: AuditPlace,
    #[serde(flatten)]
    pub record: AuditRecord,
}

/// Lists what was written over HTTP on all nodes, newest first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AuditList {
    /// Only older ones than this.
    pub before: Option<AuditPlace>,
    /// Lines of the page, at most [`AUDIT_PAGE_MAX`].
    pub limit: u32,
}

impl Action for AuditList {
    type Answer = Vec<AuditRow>;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    async fn run(self, actions: &Actions) -> Result<Vec<AuditRow>, ActionError> {
        let limit = self.limit.clamp(1, AUDIT_PAGE_MAX);
        let before = self.before.map(|place| (place.node, place.number));
        actions.services.audit.of_all_nodes(before, limit).await?.into_iter().map(row).collect()
    }
}

/// Tells where the audit stands, to be kept elsewhere.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AuditHeadShow;

impl Action for AuditHeadShow {
    type Answer = AuditHead;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    async fn run(self, actions: &Actions) -> Result<AuditHead, ActionError> {
        actions.services.audit_head().await
    }
}

/// Checks whether a line was changed, put in or taken out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AuditVerify {
    /// A head that was kept: whether the audit still has what it had then.
    pub head: Option<String>,
}

impl Action for AuditVerify {
    type Answer = AuditVerdict;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    fn is_heavy(&self) -> bool {
        true
    }

    async fn run(self, actions: &Actions) -> Result<AuditVerdict, ActionError> {
        actions.services.audit_verify(self.head.as_deref()).await
    }
}

/// Checks whether lines of an exported part are as they were written.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AuditCheckPart {
    /// The lines, and where they stood.
    pub part: Box<AuditPartCheck>,
}

/// What a check of an exported part found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditPartChecked {
    /// The number of the first line that is not as it was written.
    pub broken_at: Option<u64>,
}

impl Action for AuditCheckPart {
    type Answer = AuditPartChecked;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    fn is_heavy(&self) -> bool {
        true
    }

    async fn run(self, actions: &Actions) -> Result<AuditPartChecked, ActionError> {
        Ok(AuditPartChecked { broken_at: actions.services.audit_check_part(&self.part)? })
    }
}

fn row((node, entry): (u16, AuditEntry)) -> Result<AuditRow, ActionError> {
    let record = serde_json::from_str(&entry.entry).map_err(|error| {
        let message = format!("cannot read entry {} of node {node} of the audit log: {error}", entry.number);
        ActionError::new(ErrorKind::Store, message)
    })?;
    Ok(AuditRow { place: AuditPlace { node, number: entry.number }, record })
}
