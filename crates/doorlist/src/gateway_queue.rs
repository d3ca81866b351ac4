//! Connects the queue of the running gateway with the actions.

use doorlist_actions::{ActionError, ErrorKind, QueueAnswer, QueueControl, QueueEntry, QueueFilter, QueueOrder};
use doorlist_core::address::DomainName;
use doorlist_core::domain::DomainId;
use doorlist_core::queue_id::QueueId;
use doorlist_gateway::relay::{self, QueueHandle, Queued};
use doorlist_store::RecipientStore;
use doorlist_store::recipients::Refusal;
use doorlist_store::spool::{Pending, Progress, SpoolError};

/// The queue of the relay, with domain names from the store.
pub(crate) struct GatewayQueue {
    pub queue: QueueHandle,
    pub recipients: RecipientStore,
}

impl GatewayQueue {
    fn domain_id(&self, name: &DomainName) -> Result<DomainId, ActionError> {
        let list = self.recipients.snapshot();
        let domain = list.domain(name).ok_or_else(|| Refusal::UnknownDomain { name: name.clone() })?;
        Ok(domain.id)
    }
}

impl QueueControl for GatewayQueue {
    fn list<'a>(&'a self, filter: &'a QueueFilter) -> QueueAnswer<'a, Vec<QueueEntry>> {
        Box::pin(async move {
            let domain = filter.domain.as_ref().map(|name| self.domain_id(name)).transpose()?;
            let limit = usize::try_from(filter.limit).unwrap_or(usize::MAX);
            let found = self.queue.list(domain, filter.after, limit).await.map_err(away)?;
            Ok(found.into_iter().map(entry).collect())
        })
    }

    fn show(&self, id: QueueId) -> QueueAnswer<'_, Option<QueueEntry>> {
        Box::pin(async move { Ok(self.queue.show(id).await.map_err(away)?.map(entry)) })
    }

    fn order<'a>(&'a self, order: QueueOrder, ids: &'a [QueueId], by: &'a str) -> QueueAnswer<'a, u64> {
        let order = match order {
            QueueOrder::Retry => relay::QueueOperation::Retry,
            QueueOrder::Hold => relay::QueueOperation::Hold,
            QueueOrder::Release => relay::QueueOperation::Release,
            QueueOrder::Delete => relay::QueueOperation::Delete,
        };
        Box::pin(async move {
            let (queue, mut done) = (self.queue.asked_by(by), 0);
            for id in ids {
                done += u64::from(queue.order(order, *id).await.map_err(away)?);
            }
            Ok(done)
        })
    }
}

/// Converts a message of the relay.
fn entry(queued: Queued) -> QueueEntry {
    let Queued { id, envelope, recipients, attempts, hold, next_attempt, under_way: _ } = queued;
    let known = next_attempt.unwrap_or(envelope.received_at);
    let progress = Progress { attempts, next_attempt: known, hold, recipients };
    QueueEntry { next_attempt, ..QueueEntry::from(&Pending { id, envelope, progress: Some(progress) }) }
}

fn away(error: SpoolError) -> ActionError {
    ActionError::new(ErrorKind::Store, error.to_string())
}
