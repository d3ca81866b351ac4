//! Searching the mail log.

use crate::action::{Action, Reach};
use crate::actions::Actions;
use crate::error::ActionError;
use doorlist_store::mail_log::{LoggedMail, MailFilter};
use serde::{Deserialize, Serialize};

/// Searches the mail log, newest first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MailLogSearch {
    /// What to look for.
    pub filter: MailFilter,
}

impl Action for MailLogSearch {
    type Answer = Vec<LoggedMail>;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    async fn run(self, actions: &Actions) -> Result<Vec<LoggedMail>, ActionError> {
        Ok(actions.services.mail_log.search(&self.filter).await?)
    }
}
