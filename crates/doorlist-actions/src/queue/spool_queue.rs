//! The queue when no server runs: the spool alone. Orders are written there and a server that starts later finds them.
//! Must not deliver anything.

use super::control::{QueueAnswer, QueueControl, QueueEntry, QueueFilter, QueueOrder, QueueRecipient, QueueState};
use crate::error::{ActionError, ErrorKind};
use crate::services::Clock;
use doorlist_core::address::DomainName;
use doorlist_core::domain::DomainId;
use doorlist_core::queue_id::QueueId;
use doorlist_store::mail_log::{MailAction, MailEntry};
use doorlist_store::recipients::Refusal;
use doorlist_store::spool::{Pending, Progress, RecipientState, Settlement, SpoolError};
use doorlist_store::{MailLog, RecipientStore, Spool};

/// Messages that are read at a time.
const SCAN_PAGE: u32 = 1_000;

/// [`QueueControl`] on a spool that nobody delivers from.
#[derive(Clone)]
pub struct SpoolQueue {
    spool: Spool,
    recipients: RecipientStore,
    mail_log: MailLog,
    clock: Clock,
}

impl SpoolQueue {
    /// On this spool; the directory tells which messages are whose.
    pub fn new(spool: Spool, recipients: RecipientStore, mail_log: MailLog, clock: Clock) -> Self {
        Self { spool, recipients, mail_log, clock }
    }

    async fn matching(&self, filter: &QueueFilter) -> Result<Vec<Pending>, ActionError> {
        let domain = filter.domain.as_ref().map(|name| self.domain_id(name)).transpose()?;
        let (mut found, mut after) = (Vec::new(), filter.after);
        loop {
            let page = self.spool.pending(after, SCAN_PAGE).await.map_err(spool_failed)?;
            after = page.last().map(|pending| pending.id);
            let wanted = page.into_iter().filter(|pending| domain.is_none_or(|id| is_for(pending, id)));
            let room = (filter.limit as usize).saturating_sub(found.len());
            found.extend(wanted.take(room));
            if after.is_none() || found.len() >= filter.limit as usize {
                return Ok(found);
            }
        }
    }

    fn domain_id(&self, name: &DomainName) -> Result<DomainId, ActionError> {
        let list = self.recipients.snapshot();
        let domain = list.domain(name).ok_or_else(|| Refusal::UnknownDomain { name: name.clone() })?;
        Ok(domain.id)
    }

    async fn run_order(&self, order: QueueOrder, ids: &[QueueId], by: &str) -> Result<u64, ActionError> {
        let mut done = 0;
        for id in ids {
            let Some(pending) = self.spool.get(*id).await.map_err(spool_failed)? else { continue };
            self.spool.settle(pending.id, self.settlement(order, &pending));
            self.note(order, &pending, by);
            done += 1;
        }
        self.spool.flush().await.map_err(spool_failed)?;
        Ok(done)
    }

    /// Notes in the mail log what a person did with a message.
    fn note(&self, order: QueueOrder, pending: &Pending, by: &str) {
        let action = match order {
            QueueOrder::Retry => return,
            QueueOrder::Hold => MailAction::Held,
            QueueOrder::Release => MailAction::Released,
            QueueOrder::Delete => MailAction::Deleted,
        };
        let envelope = &pending.envelope;
        for recipient in &envelope.recipients {
            self.mail_log.record(MailEntry {
                time: (self.clock)(),
                action,
                queue_id: Some(pending.id),
                sender: envelope.sender.clone(),
                recipient: recipient.path.clone(),
                domain: recipient.domain,
                client: None,
                reason: format!("by {by}").into(),
                reply: "".into(),
                message_id: None,
                size: envelope.size,
            });
        }
    }

    fn settlement(&self, order: QueueOrder, pending: &Pending) -> Settlement {
        let mut progress = pending.progress.clone().unwrap_or_else(|| Progress {
            attempts: 0,
            next_attempt: pending.envelope.received_at,
            hold: false,
            recipients: vec![RecipientState::Pending; pending.envelope.recipients.len()],
        });
        match order {
            QueueOrder::Retry => progress.next_attempt = (self.clock)(),
            QueueOrder::Hold => progress.hold = true,
            QueueOrder::Release => progress.hold = false,
            QueueOrder::Delete => return Settlement::Done,
        }
        Settlement::Progress(progress)
    }
}

impl QueueControl for SpoolQueue {
    fn list<'a>(&'a self, filter: &'a QueueFilter) -> QueueAnswer<'a, Vec<QueueEntry>> {
        Box::pin(async { Ok(self.matching(filter).await?.iter().map(QueueEntry::from).collect()) })
    }

    fn show(&self, id: QueueId) -> QueueAnswer<'_, Option<QueueEntry>> {
        Box::pin(async move { Ok(self.spool.get(id).await.map_err(spool_failed)?.as_ref().map(QueueEntry::from)) })
    }

    fn order<'a>(&'a self, order: QueueOrder, ids: &'a [QueueId], by: &'a str) -> QueueAnswer<'a, u64> {
        Box::pin(self.run_order(order, ids, by))
    }
}

impl From<&Pending> for QueueEntry {
    fn from(pending: &Pending) -> Self {
        let states = pending.progress.as_ref().map(|progress| progress.recipients.as_slice()).unwrap_or_default();
        let recipients = pending.envelope.recipients.iter().enumerate().map(|(at, recipient)| {
            let (state, reply) = state_of(states.get(at));
            QueueRecipient { address: recipient.path.to_string(), state, reply }
        });
        Self {
            id: pending.id,
            sender: pending.envelope.sender.to_string(),
            received_at: pending.envelope.received_at,
            size: pending.envelope.size,
            attempts: pending.progress.as_ref().map_or(0, |progress| progress.attempts),
            next_attempt: pending.progress.as_ref().map(|progress| progress.next_attempt),
            hold: pending.progress.as_ref().is_some_and(|progress| progress.hold),
            recipients: recipients.collect(),
        }
    }
}

fn state_of(state: Option<&RecipientState>) -> (QueueState, Option<String>) {
    match state {
        None | Some(RecipientState::Pending) => (QueueState::Pending, None),
        Some(RecipientState::Deferred { reply }) => (QueueState::Deferred, Some(reply.clone())),
        Some(RecipientState::Delivered) => (QueueState::Delivered, None),
        Some(RecipientState::Failed { reply } | RecipientState::Reported { reply }) => {
            (QueueState::Failed, Some(reply.clone()))
        }
    }
}

fn is_for(pending: &Pending, domain: DomainId) -> bool {
    pending.envelope.recipients.iter().any(|recipient| recipient.domain == Some(domain))
}

fn spool_failed(error: SpoolError) -> ActionError {
    ActionError::new(ErrorKind::Store, error.to_string())
}
