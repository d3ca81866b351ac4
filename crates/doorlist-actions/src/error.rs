//! Why an action was not done, as data: a kind for scripts, a sentence for people. Driver errors stay in the store.

use doorlist_store::StoreError;
use doorlist_store::directory::{ApplyError, Refusal};
use doorlist_store::limits::Full;
use serde::{Deserialize, Serialize};

/// What kind of trouble it was; each has its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// A rule of the list speaks against it (HTTP's 409).
    Refused,
    /// What it names is not there.
    NotFound,
    /// The list moved since the plan was made.
    Moved,
    /// It needs a confirmation that was not given.
    Unconfirmed,
    /// The request itself is wrong.
    Usage,
    /// The file is not one that can be read.
    Data,
    /// This Doorlist cannot do it, or needs a running server for it.
    Unavailable,
    /// The same is being done for somebody else; it may succeed in a moment.
    Busy,
    /// The store did not answer; the same may succeed later.
    Store,
}

/// An action that was not done. Nothing of it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct ActionError {
    /// For scripts.
    pub kind: ErrorKind,
    /// For people: what happened, and what to do.
    pub message: String,
}

impl ActionError {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// 1 failure, 3 negative answer, 4 stopped until confirmed, 64 and above as in `sysexits.h`.
    pub fn exit_code(&self) -> u8 {
        match self.kind {
            ErrorKind::Refused | ErrorKind::Moved => 1,
            ErrorKind::NotFound => 3,
            ErrorKind::Unconfirmed => 4,
            ErrorKind::Usage => 64,
            ErrorKind::Data => 65,
            ErrorKind::Unavailable => 69,
            ErrorKind::Busy | ErrorKind::Store => 75,
        }
    }
}

impl From<Refusal> for ActionError {
    fn from(refusal: Refusal) -> Self {
        let kind = match refusal {
            Refusal::UnknownDomain { .. }
            | Refusal::NotListed { .. }
            | Refusal::NoSuchDomainAlias { .. }
            | Refusal::NoSuchPlan { .. }
            | Refusal::NoSuchChange { .. } => ErrorKind::NotFound,
            Refusal::BadServer { .. } => ErrorKind::Usage,
            _ => ErrorKind::Refused,
        };
        Self::new(kind, refusal.to_string())
    }
}

impl From<Full> for ActionError {
    fn from(full: Full) -> Self {
        Self::new(ErrorKind::Refused, full.to_string())
    }
}

impl From<StoreError> for ActionError {
    fn from(error: StoreError) -> Self {
        Self::new(ErrorKind::Store, error.to_string())
    }
}

impl From<ApplyError> for ActionError {
    fn from(error: ApplyError) -> Self {
        match error {
            ApplyError::Refused(refusal) => refusal.into(),
            ApplyError::Store(error) => error.into(),
            ApplyError::Moved { .. } => Self::new(ErrorKind::Moved, error.to_string()),
        }
    }
}
