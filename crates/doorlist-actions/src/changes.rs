//! The change log: listed, shown, and changes undone. Must not know how it is kept.

use crate::action::{Action, Reach};
use crate::actions::Actions;
use crate::error::{ActionError, ErrorKind};
use doorlist_core::address::DomainName;
use doorlist_core::change::{Change, ChangeSet};
use doorlist_store::recipients::{Applied, ApplyError, ChangeEntry, ChangeRow, PAGE_MAX, Refusal};
use serde::{Deserialize, Serialize};

/// The list may change while an undo is planned; so often it is planned again.
const TRIES: usize = 5;

/// Lists changes of what the caller sees, newest first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ChangesList {
    /// Of one domain alone.
    pub domain: Option<DomainName>,
    /// Older than this one.
    pub before: Option<u64>,
    /// Changes of the page, at most [`PAGE_MAX`].
    pub limit: u32,
}

impl Action for ChangesList {
    type Answer = Vec<ChangeEntry>;

    fn reach(&self) -> Reach {
        Reach::look_at(self.domain.as_ref())
    }

    async fn run(self, actions: &Actions) -> Result<Vec<ChangeEntry>, ActionError> {
        let limit = self.limit.clamp(1, PAGE_MAX);
        Ok(actions.view().changes(self.domain.as_ref(), self.before, limit).await?)
    }
}

/// Shows a change with each address before and after it, a page at a time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ChangesShow {
    pub id: u64,
    pub after: Option<u64>,
    /// Rows of the page, at most [`PAGE_MAX`].
    pub limit: u32,
}

/// A change, and a page of its rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChangePage {
    /// Its line in the log.
    pub entry: ChangeEntry,
    /// This page of its rows.
    pub rows: Vec<ChangeRow>,
    /// Where the next page begins; `None`: this was the last.
    pub next: Option<u64>,
}

impl Action for ChangesShow {
    type Answer = ChangePage;

    fn reach(&self) -> Reach {
        Reach::Change { id: self.id, looks: true }
    }

    async fn run(self, actions: &Actions) -> Result<ChangePage, ActionError> {
        let Self { id, after, limit } = self;
        let recipients = &actions.services.recipients;
        let Some(entry) = recipients.change(id).await? else {
            let message = format!("change {id} does not exist; `changes list` shows the changes");
            return Err(ActionError::new(ErrorKind::NotFound, message));
        };
        let (rows, next) = recipients.change_rows(id, after, limit.clamp(1, PAGE_MAX)).await?;
        Ok(ChangePage { entry, rows, next })
    }
}

/// Undoes a change: what it did and nobody changed since.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ChangesUndo {
    pub id: u64,
}

impl Action for ChangesUndo {
    type Answer = Applied;

    fn reach(&self) -> Reach {
        Reach::Change { id: self.id, looks: false }
    }

    fn is_heavy(&self) -> bool {
        true
    }

    async fn run(self, actions: &Actions) -> Result<Applied, ActionError> {
        let (change, recipients) = (self.id, &actions.services.recipients);
        let Some(entry) = recipients.change(change).await? else {
            return Err(Refusal::NoSuchChange { change }.into());
        };
        actions.may_move_domains(recipients.undo_gives_domains(change).await?)?;
        let (actor, summary) = (actions.actor(), format!("change {change} undone: {}", entry.summary));
        let mut tries = 1;
        loop {
            let planned = recipients.plan_undo(change, &actor, Some(&summary)).await?;
            let Some(id) = planned.id else { return Ok(planned.applied) };
            let set = ChangeSet { changes: vec![Change::Plan { id }], summary: summary.clone() };
            match recipients.apply(&set, &actor, None).await {
                Ok(applied) => return Ok(applied),
                Err(error) => {
                    // Nobody else is to find it waiting.
                    recipients.discard_plan(id).await?;
                    if !matches!(error, ApplyError::Moved { .. }) || tries == TRIES {
                        return Err(error.into());
                    }
                    tries += 1;
                }
            }
        }
    }
}
