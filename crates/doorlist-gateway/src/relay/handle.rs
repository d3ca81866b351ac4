//! Queue operations for administrators: show, retry, hold, release, delete. Permissions are checked by the caller.

use super::queue::{Arrival, QueuedState, is_final, revived, untouched};
use super::{Connector, Delivered, RelayShared};
use crate::clock;
use crate::config::RelayConfig;
use doorlist_core::domain::DomainId;
use doorlist_core::queue_id::QueueId;
use doorlist_core::time::Timestamp;
use doorlist_store::mail_log::MailAction;
use doorlist_store::spool::{Envelope, Pending, Progress, RecipientState, Settlement, SpoolError};
use std::sync::Arc;

/// Messages read from the spool at once.
const PAGE: u32 = 1_000;

/// A message in the queue.
#[derive(Clone, Debug)]
pub struct Queued {
    pub id: QueueId,
    pub envelope: Arc<Envelope>,
    pub recipients: Vec<RecipientState>,
    pub attempts: u32,
    /// Held by an administrator.
    pub hold: bool,
    /// Whether it is being delivered.
    pub under_way: bool,
    /// Time of the next attempt; `None` for now, or if it is not retried.
    pub next_attempt: Option<Timestamp>,
}

/// An operation on a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueOperation {
    /// Retry now; a failed message starts again.
    Retry,
    /// Do not deliver until released.
    Hold,
    Release,
    /// Delete without a bounce.
    Delete,
}

/// The ways to servers, as mail takes them.
#[derive(Clone)]
pub(crate) struct RelayHandle {
    pub(super) shared: Arc<RelayShared>,
}

impl RelayHandle {
    pub(crate) fn connector(&self) -> &Connector {
        &self.shared.connector
    }

    /// The settings as they are now.
    pub(crate) fn config(&self) -> Arc<RelayConfig> {
        self.shared.config.load_full()
    }

    /// From now on, tells who listens of each recipient whose message a server took. There is one listener.
    pub(crate) fn tell_of_deliveries(&self, listener: Delivered) {
        let _ = self.shared.delivered.set(listener);
    }
}

/// The queue. Clones share it.
#[derive(Clone)]
pub struct QueueHandle {
    pub(super) shared: Arc<RelayShared>,
    /// Who asks, for the mail log: `by ann`.
    pub(super) asked: Arc<str>,
}

impl QueueHandle {
    /// The same queue, for a person of this name.
    #[must_use]
    pub fn asked_by(&self, name: &str) -> Self {
        Self { shared: Arc::clone(&self.shared), asked: format!("by {name}").into() }
    }

    /// Messages after `after`, oldest first, with a recipient in `domain` if given.
    pub async fn list(
        &self,
        domain: Option<DomainId>,
        mut after: Option<QueueId>,
        limit: usize,
    ) -> Result<Vec<Queued>, SpoolError> {
        let mut found = Vec::new();
        while found.len() < limit {
            let page = self.shared.spool.pending(after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            let wanted = page.into_iter().filter(|pending| is_in(&pending.envelope, domain));
            found.extend(wanted.take(limit - found.len()).map(|pending| self.queued(pending)));
        }
        Ok(found)
    }

    pub async fn show(&self, id: QueueId) -> Result<Option<Queued>, SpoolError> {
        Ok(self.shared.spool.get(id).await?.map(|pending| self.queued(pending)))
    }

    /// Applies an operation to one message. False if it does not exist.
    pub async fn order(&self, order: QueueOperation, id: QueueId) -> Result<bool, SpoolError> {
        match self.shared.spool.get(id).await? {
            Some(pending) => Ok(self.carry_out(order, pending)),
            None => Ok(false),
        }
    }

    fn queued(&self, pending: Pending) -> Queued {
        let now = clock::now();
        let seen = self.shared.lock_queue().look(pending.id, now);
        let (progress, under_way, next_attempt) = match seen {
            Some(QueuedState { progress, under_way, next_attempt }) => (Some(progress), under_way, next_attempt),
            None => (pending.progress, false, None),
        };
        let progress = progress.unwrap_or_else(|| untouched(&pending.envelope, now));
        let Progress { attempts, hold, recipients, .. } = progress;
        Queued { id: pending.id, envelope: pending.envelope, recipients, attempts, hold, under_way, next_attempt }
    }

    fn carry_out(&self, order: QueueOperation, pending: Pending) -> bool {
        let id = pending.id;
        let in_memory = self.shared.with_queue(|queue, at| match order {
            QueueOperation::Retry => queue.retry(id, at),
            QueueOperation::Hold => queue.hold(id, at),
            QueueOperation::Release => queue.release(id, at),
            QueueOperation::Delete => queue.delete(id),
        });
        let action = match order {
            QueueOperation::Retry => None,
            QueueOperation::Hold => Some(MailAction::Held),
            QueueOperation::Release => Some(MailAction::Released),
            QueueOperation::Delete => Some(MailAction::Deleted),
        };
        if let Some(action) = action {
            for index in 0..pending.envelope.recipients.len() {
                self.shared.record(action, id, &pending.envelope, index, &self.asked, "");
            }
        }
        if !in_memory {
            self.in_the_spool(order, pending);
        }
        true
    }

    /// The same for a message that is not in memory.
    fn in_the_spool(&self, order: QueueOperation, pending: Pending) {
        let Pending { id, envelope, progress } = pending;
        let progress = progress.unwrap_or_else(|| untouched(&envelope, clock::now()));
        match order {
            QueueOperation::Delete => self.shared.spool.settle(id, Settlement::Done),
            QueueOperation::Hold if progress.recipients.iter().all(is_final) => {}
            QueueOperation::Hold => {
                let held = Progress { hold: true, ..progress };
                self.shared.spool.settle(id, Settlement::Progress(held));
            }
            QueueOperation::Retry | QueueOperation::Release => {
                let progress = revived(progress, clock::now());
                self.shared.spool.settle(id, Settlement::Progress(progress.clone()));
                let arrival = Arrival { id, envelope, progress: Some(progress), body: None };
                self.shared.with_queue(|queue, at| queue.admit(arrival, at));
            }
        }
    }
}

fn is_in(envelope: &Envelope, domain: Option<DomainId>) -> bool {
    domain.is_none() || envelope.recipients.iter().any(|recipient| recipient.domain == domain)
}
