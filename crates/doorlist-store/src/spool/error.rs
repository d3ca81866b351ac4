//! What can go wrong with the spool, told apart by what the sender must hear and by what was kept.

use doorlist_core::queue_id::QueueId;

/// A failure of the spool. In none of these cases may a sender hear 250.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SpoolError {
    /// No room: the transaction was rolled back, the spool goes on as soon as there is room again.
    #[error("no space for the message ({0}); nothing of it was kept")]
    Full(String),
    /// A commit or an fsync failed. What the disk has now is unknown; nothing more is accepted by this process.
    #[error("the spool is not reliable since a commit failed ({0}); no mail is accepted until a restart")]
    Bad(String),
    /// The database does not answer. Nothing was sent to it, or it said no.
    #[error("cannot use the database of the spool: {0}; nothing of the message was kept")]
    Away(String),
    /// The connection was lost during the commit: the row is neither surely there nor surely absent. It is looked up
    /// and removed before anything else is written.
    #[error("the connection to the database was lost during the commit ({0}); if the message was kept, it is removed")]
    Unknown(String),
    /// More messages wait for a commit than may.
    #[error("more than {0} messages wait for a commit; this one was not kept")]
    Busy(usize),
    /// A body file could not be written or read.
    #[error("{what}: {why}; nothing of the message was kept")]
    Io {
        /// The operation and its file.
        what: String,
        why: String,
    },
    /// A stored message does not match its checksum. It was left where it is.
    #[error("cannot read message {id} ({why}); it was not changed")]
    Corrupt { id: QueueId, why: String },
    /// There is no such message, or not any more.
    #[error("message {0} is not in the queue")]
    NotFound(QueueId),
}

impl SpoolError {
    /// Why nothing can be stored, said to whoever has no message.
    pub(crate) fn why(&self) -> String {
        match self {
            SpoolError::Full(why) | SpoolError::Away(why) | SpoolError::Unknown(why) => why.clone(),
            SpoolError::Bad(why) => format!("a write to the spool failed ({why}); no mail is accepted until a restart"),
            other => other.to_string(),
        }
    }
}
