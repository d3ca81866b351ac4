//! Recipients of a domain that were accepted, deferred or refused while they were not on its list, and still are not.

use super::asked::sender_domains;
use crate::action::{Action, Reach};
use crate::actions::Actions;
use crate::error::{ActionError, ErrorKind};
use doorlist_core::address::{Address, DomainName};
use doorlist_core::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Recipients of one answer.
pub const UNLISTED_MAX: usize = 1_000;

/// Lists the recipients of a domain that were asked for while they were unlisted, and still are not on its list.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DomainUnlisted {
    /// Its name, or a domain alias.
    pub name: DomainName,
    /// How many days back.
    pub days: u16,
    /// At most so many of them, the most asked for first.
    pub limit: usize,
}

/// The recipients that are not on a list, by how often they were asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnlistedReport {
    pub domain: DomainName,
    pub since: Timestamp,
    /// How many there are.
    pub total: u64,
    /// Those of the answer, the most asked for first.
    pub recipients: Vec<UnlistedRecipient>,
    /// Attempts in floods, of which only the count was kept.
    pub unnamed: u64,
}

/// A recipient that is not on the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnlistedRecipient {
    pub address: Address,
    pub times: u64,
    pub last: Timestamp,
    /// Domains of its senders, at most five; an empty one is the null sender.
    pub sender_domains: Vec<String>,
}

impl Action for DomainUnlisted {
    type Answer = UnlistedReport;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    fn is_heavy(&self) -> bool {
        true
    }

    async fn run(self, actions: &Actions) -> Result<UnlistedReport, ActionError> {
        if self.limit == 0 {
            return Err(ActionError::new(ErrorKind::Usage, "ask for one recipient at least"));
        }
        let asked = actions.asked_of_domain(&self.name, self.days).await?;
        let unlisted = asked.judged(actions.now()).filter(|(_, decision, _)| decision.reason.is_unlisted());
        let shown = unlisted.map(|(address, _, asked)| UnlistedRecipient {
            address,
            times: asked.history.times(),
            last: asked.history.last,
            sender_domains: sender_domains(asked),
        });
        let mut recipients: Vec<_> = shown.collect();
        let total = recipients.len() as u64;
        recipients.sort_by(|a, b| (b.times, b.last).cmp(&(a.times, a.last)).then_with(|| a.address.cmp(&b.address)));
        recipients.truncate(self.limit.min(UNLISTED_MAX));
        let unnamed = asked.unnamed();
        Ok(UnlistedReport { domain: asked.domain, since: asked.since, total, recipients, unnamed })
    }
}
