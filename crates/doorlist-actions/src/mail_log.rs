//! Searching the mail log.

use crate::action::{Action, Reach};
use crate::actions::Actions;
use crate::error::ActionError;
use doorlist_core::address::DomainName;
use doorlist_store::mail_log::{LoggedMail, MailFilter};
use doorlist_store::recipients::Refusal;
use serde::{Deserialize, Serialize};

/// Searches the mail log, newest first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MailLogSearch {
    /// What to look for.
    pub filter: MailFilter,
    /// Only entries of this domain, or of the one that this domain alias leads to.
    #[serde(default)]
    pub domain: Option<DomainName>,
}

impl Action for MailLogSearch {
    type Answer = Vec<LoggedMail>;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    async fn run(self, actions: &Actions) -> Result<Vec<LoggedMail>, ActionError> {
        let mut filter = self.filter;
        if let Some(name) = &self.domain {
            let list = actions.services.recipients.snapshot();
            let unknown = || Refusal::UnknownDomain { name: name.clone() };
            filter.domain = Some(list.domain(name).ok_or_else(unknown)?.id);
        }
        Ok(actions.services.mail_log.search(&filter).await?)
    }
}
