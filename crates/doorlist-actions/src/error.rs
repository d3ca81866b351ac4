//! Why an action was not done, as data: a kind for scripts, a sentence for people. Nothing of it was done then.

use doorlist_store::StoreError;
use doorlist_store::limits::Full;
use doorlist_store::recipients::{ApplyError, Refusal};
use serde::{Deserialize, Deserializer, Serialize};
use std::time::Duration;

/// The class of an [`ActionError`]; each has its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// A rule of the list speaks against it (HTTP's 409).
    Refused,
    /// What it names does not exist.
    NotFound,
    /// The list changed since the plan was made.
    Moved,
    /// It needs a confirmation that was not given.
    Unconfirmed,
    /// The request itself is wrong.
    Usage,
    /// The file cannot be read.
    Data,
    /// This Doorlist cannot do it, or needs a running server for it.
    Unavailable,
    /// Another caller is doing the same; it may succeed in a moment.
    Busy,
    /// The store did not answer; the same may succeed later.
    Store,
}

/// An action that was not done. It travels as kind and message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(into = "SentError")]
pub enum ActionError {
    /// Missing, or not visible to the caller.
    #[error("not found")]
    NotFound,
    /// Visible to the caller, who may not change it.
    #[error("you may look at this, not change it")]
    Forbidden,
    /// The caller's key is limited, and this would make, change or revoke credentials beyond its limits.
    #[error(
        "this key is limited: with it nothing is made, renewed or revoked that is good for more, from elsewhere or for \
         longer than the key itself; nothing was changed. Use a key without these limits"
    )]
    BeyondKey,
    /// A field is wrong, in a sentence for people.
    #[error("{field}: {message}")]
    Invalid {
        /// The field's name; empty: several of them together.
        field: &'static str,
        /// What is wrong and what to do.
        message: String,
    },
    /// It names an object that is missing, or not visible to the caller.
    #[error("there is no {resource} {id}")]
    NoObject {
        /// `domain`, `customer`, as the API names them.
        resource: &'static str,
        /// Its number in the API.
        id: u32,
    },
    /// The request as a whole is wrong.
    #[error("{0}")]
    Bad(String),
    #[error("{message}")]
    Limit {
        /// What is limited, and to how much.
        message: String,
        /// When it may be tried again.
        again: Duration,
    },
    #[error("{message}")]
    Failed {
        kind: ErrorKind,
        /// What happened, and what to do.
        message: String,
    },
}

impl ActionError {
    /// An error of this class, with a sentence for people.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self::Failed { kind, message: message.into() }
    }

    pub(crate) fn invalid(field: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid { field, message: message.into() }
    }

    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Failed { kind, .. } => *kind,
            Self::NotFound => ErrorKind::NotFound,
            _ => ErrorKind::Refused,
        }
    }

    /// 1 failure, 3 negative answer, 4 stopped until confirmed, 64 and above as in `sysexits.h`.
    pub fn exit_code(&self) -> u8 {
        match self.kind() {
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

/// The form in which an error travels.
#[derive(Serialize, Deserialize)]
struct SentError {
    kind: ErrorKind,
    message: String,
}

impl From<ActionError> for SentError {
    fn from(error: ActionError) -> Self {
        Self { kind: error.kind(), message: error.to_string() }
    }
}

impl<'de> Deserialize<'de> for ActionError {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        SentError::deserialize(from).map(|SentError { kind, message }| Self::Failed { kind, message })
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
