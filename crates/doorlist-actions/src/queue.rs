//! Messages that wait for delivery: listed, shown, retried, held, released, deleted.

mod control;
mod spool_queue;
mod summary;

pub use control::{
    QueueAnswer, QueueControl, QueueEntry, QueueFilter, QueueMatch, QueueOrder, QueueRecipient, QueueSelection,
    QueueState,
};
pub use spool_queue::SpoolQueue;
pub use summary::{AGES_MINUTES, QueueAges, QueueShape, QueueSummary};

use crate::action::{Action, Reach};
use crate::actions::Actions;
use crate::error::{ActionError, ErrorKind};
use doorlist_core::address::DomainName;
use doorlist_core::queue_id::QueueId;
use serde::{Deserialize, Serialize};

/// Lists messages in the queue, oldest first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct QueueList {
    pub filter: QueueFilter,
    #[serde(default)]
    pub matching: QueueMatch,
}

impl Action for QueueList {
    type Answer = Vec<QueueEntry>;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    async fn run(self, actions: &Actions) -> Result<Vec<QueueEntry>, ActionError> {
        let limit = self.filter.limit as usize;
        let mut page = self.filter;
        let mut found = Vec::new();
        loop {
            let entries = actions.services.queue.list(&page).await?;
            page.after = entries.last().map(|entry| entry.id);
            let is_last = entries.len() < page.limit as usize;
            found.extend(entries.into_iter().filter(|entry| self.matching.matches(entry)));
            if is_last || found.len() >= limit {
                found.truncate(limit);
                return Ok(found);
            }
        }
    }
}

/// Messages that are looked at together where many are meant.
const PAGE: u32 = 1_000;

/// Goes through the messages that wait, a page at a time, oldest first; `look` is given each page.
pub(crate) async fn pages(
    actions: &Actions,
    domain: Option<&DomainName>,
    mut look: impl FnMut(&[QueueEntry]) + Send,
) -> Result<(), ActionError> {
    let mut page = QueueFilter { domain: domain.cloned(), after: None, limit: PAGE };
    loop {
        let entries = actions.services.queue.list(&page).await?;
        let Some(last) = entries.last() else { return Ok(()) };
        page.after = Some(last.id);
        look(&entries);
    }
}

/// Shows a message in the queue.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct QueueShow {
    pub id: QueueId,
}

impl Action for QueueShow {
    type Answer = QueueEntry;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    async fn run(self, actions: &Actions) -> Result<QueueEntry, ActionError> {
        let found = actions.services.queue.show(self.id).await?;
        found.ok_or_else(|| not_in_queue(self.id))
    }
}

/// Retries, holds, releases or deletes messages in the queue.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct QueueMove {
    pub order: QueueOrder,
    pub selection: QueueSelection,
}

impl Action for QueueMove {
    /// Messages that it was done with.
    type Answer = u64;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    /// An order for one message that is not there is an answer too: it is no longer waiting.
    async fn run(self, actions: &Actions) -> Result<u64, ActionError> {
        let (queue, by) = (&actions.services.queue, actions.actor().name);
        let (domain, matching) = match self.selection {
            QueueSelection::Message(id) => {
                if self.order == QueueOrder::Retry && queue.show(id).await?.is_some_and(|entry| is_held(&entry)) {
                    return Err(on_hold(1, &format!("doorlist queue release {id}")));
                }
                let done = queue.order(self.order, &[id], &by).await?;
                return if done == 0 { Err(not_in_queue(id)) } else { Ok(done) };
            }
            QueueSelection::Matching { domain, matching } => (domain, matching),
        };
        let (mut ids, mut held) = (Vec::new(), 0);
        pages(actions, domain.as_ref(), |entries| {
            for entry in entries.iter().filter(|entry| matching.matches(entry)) {
                match self.order == QueueOrder::Retry && is_held(entry) {
                    true => held += 1,
                    false => ids.push(entry.id),
                }
            }
        })
        .await?;
        if ids.is_empty() && held > 0 {
            return Err(on_hold(held, "doorlist queue release, with the same conditions"));
        }
        let mut done = 0;
        for some in ids.chunks(PAGE as usize) {
            done += queue.order(self.order, some, &by).await?;
        }
        Ok(done)
    }
}

/// Whether an administrator has to release it before it is tried.
fn is_held(entry: &QueueEntry) -> bool {
    entry.hold
}

fn on_hold(held: u64, command: &str) -> ActionError {
    let (messages, them) = if held == 1 { ("message is", "it") } else { ("messages are", "them") };
    ActionError::new(
        ErrorKind::Usage,
        format!("{held} {messages} on hold; nothing is retried. Release {them}: {command}"),
    )
}

fn not_in_queue(id: QueueId) -> ActionError {
    ActionError::new(
        ErrorKind::NotFound,
        format!("{id} is not in the queue; it may be delivered: search with `doorlist log`"),
    )
}
