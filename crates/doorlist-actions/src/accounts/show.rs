//! Looking at accounts: one with its claims, or those of a domain a page at a time.

use super::timeline::TimelineEntry;
use crate::action::{Action, Reach};
use crate::actions::Actions;
use crate::error::{ActionError, ErrorKind};
use doorlist_core::address::Address;
use doorlist_core::time::Timestamp;
use doorlist_store::LearningBook;
use doorlist_store::learning::LearnedAddress;
use doorlist_store::recipients::{AccountDetails, AccountFilter, PAGE_MAX, Refusal, WithoutMail};
use serde::{Deserialize, Serialize};

/// Days without mail that can be asked for: the term of what is kept of them.
const WITHOUT_MAIL_DAYS_MAX: u32 = 400;

/// Shows an account with its aliases and claims.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AccountShow {
    /// Its address, or one of its aliases.
    pub address: Address,
}

/// An address with everything that is known of where it came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountReport {
    /// What it is, its aliases and claims.
    #[serde(flatten)]
    pub details: AccountDetails,
    /// When each source that claims it was last read whole.
    pub last_seen: Vec<(String, Timestamp)>,
    /// By which delivery it was added, if it was learned from mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learned: Option<LearnedAddress>,
    /// What happened to it, newest first, at most [`TIMELINE_MAX`](super::TIMELINE_MAX) entries.
    #[serde(default)]
    pub timeline: Vec<TimelineEntry>,
}

impl Action for AccountShow {
    type Answer = AccountReport;

    fn reach(&self) -> Reach {
        Reach::addresses([&self.address], true)
    }

    async fn run(self, actions: &Actions) -> Result<AccountReport, ActionError> {
        let recipients = &actions.services.recipients;
        recipients.last_mail().write().await?;
        let Some(details) = recipients.account(&self.address).await? else {
            return Err(actions.not_listed(&self.address).await?);
        };
        let mut last_seen = Vec::new();
        for claim in &details.entry.record.claims {
            let source = claim.source.to_string();
            let domain = details.entry.address.domain();
            if let Some(at) = actions.services.book.last_seen(&source, domain).await? {
                last_seen.push((source, at));
            }
        }
        let domain = actions.services.domain_details(details.entry.address.domain()).await?.summary.id;
        let learned = LearningBook::of(recipients).evidence(domain, details.entry.address.local()).await?;
        let timeline = actions.timeline(domain, &details, learned.as_ref()).await?;
        Ok(AccountReport { details, last_seen, learned, timeline })
    }
}

/// Lists accounts of a domain, a page at a time; a page shorter than the limit is the last.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AccountList {
    /// Domain, search and page.
    pub filter: AccountFilter,
}

impl Action for AccountList {
    type Answer = Vec<AccountDetails>;

    fn reach(&self) -> Reach {
        Reach::domain(&self.filter.domain, true)
    }

    async fn run(self, actions: &Actions) -> Result<Vec<AccountDetails>, ActionError> {
        let filter = &self.filter;
        if filter.limit == 0 || filter.limit > PAGE_MAX {
            return Err(ActionError::new(ErrorKind::Usage, format!("the page size must be 1 to {PAGE_MAX}")));
        }
        if let Some(WithoutMail::ForDays(days)) = filter.without_mail
            && !(1..=WITHOUT_MAIL_DAYS_MAX).contains(&days)
        {
            let message = format!("days without mail must be 1 to {WITHOUT_MAIL_DAYS_MAX}: earlier days are not kept");
            return Err(ActionError::new(ErrorKind::Usage, message));
        }
        actions.services.domain_details(&filter.domain).await?;
        Ok(actions.services.recipients.accounts(filter, actions.now()).await?)
    }
}

pub(crate) async fn account_details(actions: &Actions, address: &Address) -> Result<AccountDetails, ActionError> {
    let details = actions.services.recipients.account(address).await?;
    details.ok_or_else(|| Refusal::NotListed { address: address.clone() }.into())
}
