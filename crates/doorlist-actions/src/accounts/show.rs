//! Looking at accounts: one with its claims, or those of a domain a page at a time.

use crate::action::{Action, Reach};
use crate::actions::Actions;
use crate::error::{ActionError, ErrorKind};
use doorlist_core::address::Address;
use doorlist_core::time::Timestamp;
use doorlist_store::LearningBook;
use doorlist_store::learning::LearnedAddress;
use doorlist_store::recipients::{AccountDetails, AccountFilter, PAGE_MAX, Refusal};
use serde::{Deserialize, Serialize};

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
}

impl Action for AccountShow {
    type Answer = AccountReport;

    fn reach(&self) -> Reach {
        Reach::addresses([&self.address], true)
    }

    async fn run(self, actions: &Actions) -> Result<AccountReport, ActionError> {
        let details = account_details(actions, &self.address).await?;
        let mut last_seen = Vec::new();
        for claim in &details.entry.record.claims {
            let source = claim.source.to_string();
            let domain = details.entry.address.domain();
            if let Some(at) = actions.services.book.last_seen(&source, domain).await? {
                last_seen.push((source, at));
            }
        }
        let domain = actions.services.domain_details(details.entry.address.domain()).await?.summary.id;
        let book = LearningBook::of(&actions.services.recipients);
        let learned = book.evidence(domain, details.entry.address.local()).await?;
        Ok(AccountReport { details, last_seen, learned })
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
        actions.services.domain_details(&filter.domain).await?;
        Ok(actions.services.recipients.accounts(filter).await?)
    }
}

pub(crate) async fn account_details(actions: &Actions, address: &Address) -> Result<AccountDetails, ActionError> {
    let details = actions.services.recipients.account(address).await?;
    details.ok_or_else(|| Refusal::NotListed { address: address.clone() }.into())
}
