//! Whether this server can store anything, for whoever looks after it.

use crate::action::{Action, Reach};
use crate::actions::Actions;
use crate::error::ActionError;
use serde::{Deserialize, Serialize};

/// Tries whether changes and mail can be stored, with a write that is really made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StorageCheck;

impl Action for StorageCheck {
    /// Why nothing can be stored, in one line.
    type Answer = Option<String>;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    async fn run(self, actions: &Actions) -> Result<Option<String>, ActionError> {
        Ok(actions.services.writes.failure().await)
    }
}
