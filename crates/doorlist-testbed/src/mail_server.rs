//! What tests ask of every mail server.

use std::net::SocketAddr;

use anyhow::Result;

use crate::maildir::Maildir;

/// A server that takes mail for its own domains.
pub trait NextHop {
    fn address(&self) -> SocketAddr;

    /// What it has taken.
    fn maildir(&self) -> Maildir;

    /// From now on these recipients are answered with a 4xx reply, and no others.
    ///
    /// # Errors
    /// Fails if the server cannot be told.
    fn defer(&self, recipients: &[&str]) -> Result<()>;
}

/// A server that keeps what its smart host does not take yet.
pub trait QueueingSender: Send + Sync {
    fn address(&self) -> SocketAddr;

    /// The recipients that wait in its queue, ordered.
    ///
    /// # Errors
    /// Fails if the queue cannot be read.
    fn waiting(&self) -> Result<Vec<String>>;

    /// Makes it try all of them again, now.
    ///
    /// # Errors
    /// Fails if its own command for that fails.
    fn retry(&self) -> Result<()>;
}
