//! Accounts that look like other names of one person: by the pattern of their names.

use crate::action::{Action, Reach};
use crate::actions::Actions;
use crate::error::ActionError;
use doorlist_core::address::{Address, DomainName, LocalPart};
use doorlist_core::learning::{AliasSuggestion, suggest_aliases};
use doorlist_core::list::{EntryKind, Standing};
use doorlist_store::recipients::PAGE_MAX;
use serde::{Deserialize, Serialize};

/// Accounts that are looked at.
const ACCOUNTS_MAX: usize = 200_000;

/// Suggests which accounts of a domain could be aliases of others.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AliasSuggest {
    pub domain: DomainName,
}

/// An account that could be an alias of another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuggestedAlias {
    pub alias: Address,
    pub account: Address,
}

impl Action for AliasSuggest {
    type Answer = Vec<SuggestedAlias>;

    fn reach(&self) -> Reach {
        Reach::domain(&self.domain, true)
    }

    fn is_heavy(&self) -> bool {
        true
    }

    async fn run(self, actions: &Actions) -> Result<Vec<SuggestedAlias>, ActionError> {
        let domain = actions.services.domain_details(&self.domain).await?.summary.name;
        let mut accounts: Vec<LocalPart> = Vec::new();
        let mut after: Option<LocalPart> = None;
        loop {
            let page = actions.services.recipients.addresses(&domain, after.as_ref(), PAGE_MAX).await?;
            let is_last = page.len() < PAGE_MAX as usize || accounts.len() >= ACCOUNTS_MAX;
            after = page.last().map(|entry| entry.address.local().clone());
            let is_mailbox = |kind, standing| kind == EntryKind::Mailbox && standing == Standing::Active;
            let mailboxes = page.into_iter().filter(|entry| is_mailbox(entry.record.kind, entry.record.standing));
            accounts.extend(mailboxes.map(|entry| entry.address.local().clone()));
            if is_last {
                break;
            }
        }
        let suggested = |AliasSuggestion { alias, account }| SuggestedAlias {
            alias: Address::new(alias, domain.clone()),
            account: Address::new(account, domain.clone()),
        };
        Ok(suggest_aliases(&accounts).into_iter().map(suggested).collect())
    }
}
