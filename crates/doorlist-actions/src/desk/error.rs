//! Why the desk did not do what it was asked. Nothing of it was done.

use crate::error::{ActionError, ErrorKind};
use doorlist_store::StoreError;
use doorlist_store::limits::Full;
use std::time::Duration;

/// An answer that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeskError {
    /// It is not there, or not for these eyes.
    #[error("not found")]
    NotFound,
    /// The caller can see it, and may not do this.
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
        /// Which; empty: several of them together.
        field: &'static str,
        /// What is wrong and what to do.
        message: String,
    },
    /// It names an object that is not there, or not for these eyes.
    #[error("there is no {noun} {id}")]
    NoObject {
        /// What kind.
        noun: &'static str,
        /// Its number.
        id: u32,
    },
    /// The request as a whole is wrong.
    #[error("{0}")]
    Bad(String),
    /// Too often.
    #[error("{message}")]
    Limit {
        /// What there is a limit of.
        message: String,
        /// Try again then.
        again: Duration,
    },
    /// The action failed.
    #[error("{0}")]
    Failed(ActionError),
}

impl DeskError {
    pub(super) fn invalid(field: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid { field, message: message.into() }
    }
}

impl From<ActionError> for DeskError {
    fn from(error: ActionError) -> Self {
        match error.kind {
            ErrorKind::Refused | ErrorKind::Usage | ErrorKind::Data | ErrorKind::Unconfirmed => {
                Self::Invalid { field: "", message: error.message }
            }
            ErrorKind::NotFound | ErrorKind::Moved | ErrorKind::Unavailable | ErrorKind::Busy | ErrorKind::Store => {
                Self::Failed(error)
            }
        }
    }
}

impl From<Full> for DeskError {
    fn from(full: Full) -> Self {
        Self::invalid("", full.to_string())
    }
}

impl From<StoreError> for DeskError {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}
