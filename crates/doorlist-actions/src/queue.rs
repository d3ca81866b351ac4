//! Messages that wait for delivery: listed, shown, retried, held, released, deleted.

mod control;
mod spool_queue;

pub use control::{
    QueueAnswer, QueueControl, QueueEntry, QueueFilter, QueueOrder, QueueRecipient, QueueSelection, QueueState,
};
pub use spool_queue::SpoolQueue;

use crate::action::{Action, Reach};
use crate::actions::Actions;
use crate::error::{ActionError, ErrorKind};
use doorlist_core::queue_id::QueueId;
use serde::{Deserialize, Serialize};

/// Lists messages in the queue, oldest first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct QueueList {
    pub filter: QueueFilter,
}

impl Action for QueueList {
    type Answer = Vec<QueueEntry>;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    async fn run(self, actions: &Actions) -> Result<Vec<QueueEntry>, ActionError> {
        actions.services.queue.list(&self.filter).await
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
        match (actions.services.queue.order(self.order, &self.selection).await?, &self.selection) {
            (0, QueueSelection::Message(id)) => Err(not_in_queue(*id)),
            (count, _) => Ok(count),
        }
    }
}

fn not_in_queue(id: QueueId) -> ActionError {
    ActionError::new(
        ErrorKind::NotFound,
        format!("{id} is not in the queue; it may be delivered: search with `doorlist log`"),
    )
}
