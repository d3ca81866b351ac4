//! Senders allowed and blocked, for a domain or for one account. Must not know how a sender is judged or stored.

use crate::error::{ActionError, ErrorKind};
use crate::office::Office;
use crate::response::Response;
use doorlist_core::access::Access;
use doorlist_core::address::{Address, AddressError, DomainName};
use doorlist_core::list::{Kind, Standing};
use doorlist_core::sender_rules::SenderPattern;
use doorlist_core::time::Timestamp;
use doorlist_store::Tenants;
use doorlist_store::directory::Refusal;
use doorlist_store::mail_policy::{RuleOwner, RuleRefused};
use doorlist_store::tenants::{PAGE_ROWS_MAX, Query, SenderRuleColumn, SenderRuleRow, Value};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Sender rules of a page.
pub const SENDER_PAGE: u32 = PAGE_ROWS_MAX;

/// Whose rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RulesOf {
    /// A domain's: for all of its recipients.
    Domain(DomainName),
    /// An account's: for it and its aliases.
    Account(Address),
}

impl FromStr for RulesOf {
    type Err = AddressError;

    /// A domain, or an address.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text.contains('@') { text.parse().map(RulesOf::Account) } else { text.trim().parse().map(RulesOf::Domain) }
    }
}

impl fmt::Display for RulesOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RulesOf::Domain(name) => write!(f, "{name}"),
            RulesOf::Account(address) => write!(f, "{address}"),
        }
    }
}

/// What is done with the rules of a domain or an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SenderAction {
    /// A sender is allowed or blocked.
    Put {
        /// Which.
        sender: SenderPattern,
        /// Its mail is taken; otherwise refused.
        allow: bool,
    },
    /// The rule about a sender goes.
    Remove {
        /// Which.
        sender: SenderPattern,
    },
    /// The rules, in the order in which they were made.
    List {
        /// Behind so many; a page has [`SENDER_PAGE`].
        offset: u64,
    },
}

/// A sender rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SenderRuleEntry {
    /// Its number.
    pub id: u32,
    /// An address, a domain, or a domain with all below it.
    pub sender: String,
    /// Its mail is taken; otherwise refused.
    pub allow: bool,
    /// When it was last changed.
    pub updated: Timestamp,
}

/// What became of a sender rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SenderRuleChange {
    /// Whose.
    pub of: String,
    /// About whom.
    pub sender: SenderPattern,
    /// What it said before; `None`: there was none.
    pub before: Option<bool>,
    /// What it says now; `None`: there is none.
    pub now: Option<bool>,
}

impl Office {
    pub(crate) async fn senders(&self, of: &RulesOf, what: SenderAction) -> Result<Response, ActionError> {
        Ok(match what {
            SenderAction::Put { sender, allow } => Response::SenderRule(self.sender_put(of, &sender, allow).await?),
            SenderAction::Remove { sender } => Response::SenderRule(self.sender_remove(of, &sender).await?),
            SenderAction::List { offset } => Response::SenderRules(self.sender_list(of, offset).await?),
        })
    }

    /// Allows or blocks a sender, whatever was said of it before.
    async fn sender_put(
        &self,
        of: &RulesOf,
        sender: &SenderPattern,
        allow: bool,
    ) -> Result<SenderRuleChange, ActionError> {
        let (owner, now) = (self.rule_owner(of).await?, (self.clock)());
        let before = self.rule_about(owner, sender).await?;
        match &before {
            Some(rule) if rule.allow == allow => {}
            Some(rule) => drop(self.directory.put_sender_rule(rule.id, allow, now).await?),
            None => {
                let added = self.directory.add_sender_rule(owner, sender, allow, now).await?;
                added.map_err(|refused| self.explain(refused, of))?;
            }
        }
        let before = before.map(|rule| rule.allow);
        Ok(SenderRuleChange { of: of.to_string(), sender: sender.clone(), before, now: Some(allow) })
    }

    async fn sender_list(&self, of: &RulesOf, offset: u64) -> Result<Vec<SenderRuleEntry>, ActionError> {
        let owner = self.rule_owner(of).await?;
        let query = Query { limit: SENDER_PAGE, offset, ..of_owner(owner) };
        let page = self.rules(&query).await?;
        let entry = |rule: SenderRuleRow| {
            let SenderRuleRow { id, sender, allow, updated, .. } = rule;
            SenderRuleEntry { id, sender, allow, updated }
        };
        Ok(page.into_iter().map(entry).collect())
    }

    async fn sender_remove(&self, of: &RulesOf, sender: &SenderPattern) -> Result<SenderRuleChange, ActionError> {
        let rule = self.rule_about(self.rule_owner(of).await?, sender).await?;
        let Some(rule) = rule else {
            let message = format!("{of} has no rule about {sender}; `doorlist sender list --for {of}` shows its rules");
            return Err(ActionError::new(ErrorKind::NotFound, message));
        };
        self.directory.remove_sender_rules(&[rule.id]).await?;
        Ok(SenderRuleChange { of: of.to_string(), sender: sender.clone(), before: Some(rule.allow), now: None })
    }

    async fn rules(&self, query: &Query<SenderRuleColumn>) -> Result<Vec<SenderRuleRow>, ActionError> {
        let view = Tenants::of(&self.directory).seen_by(&Access::operator());
        Ok(view.sender_rules(query).await?.rows.into_iter().map(|placed| placed.row).collect())
    }

    async fn rule_about(&self, owner: RuleOwner, sender: &SenderPattern) -> Result<Option<SenderRuleRow>, ActionError> {
        let query = of_owner(owner).with(SenderRuleColumn::Email, Value::Text(sender.to_string()));
        Ok(self.rules(&Query { limit: 1, ..query }).await?.pop())
    }

    /// Rules are a domain's or an account's; aliases have those of their account.
    async fn rule_owner(&self, of: &RulesOf) -> Result<RuleOwner, ActionError> {
        let address = match of {
            RulesOf::Domain(name) => return Ok(RuleOwner::Domain(self.domain_show(name).await?.summary.id)),
            RulesOf::Account(address) => address,
        };
        let entry = self.account_show(address).await?.entry;
        match (entry.record.standing != Standing::Vetoed, entry.record.kind, entry.record.account) {
            (false, ..) => Err(Refusal::NotListed { address: address.clone() }.into()),
            (true, Kind::Alias, Some(account)) => {
                let account = Address::new(account, entry.address.domain().clone());
                let message = format!("{address} is an alias and follows the rules of {account}: name that one");
                Err(ActionError::new(ErrorKind::Refused, message))
            }
            _ => Ok(RuleOwner::Account(entry.id)),
        }
    }

    /// The owner was found a moment ago, so the rest is a race with somebody else, or the limit.
    fn explain(&self, refused: RuleRefused, of: &RulesOf) -> ActionError {
        let kind = if refused == RuleRefused::NoOwner { ErrorKind::NotFound } else { ErrorKind::Refused };
        ActionError::new(kind, format!("no rule was added to {of}: {refused}"))
    }
}

fn of_owner(owner: RuleOwner) -> Query<SenderRuleColumn> {
    match owner {
        RuleOwner::Domain(id) => Query::default().with(SenderRuleColumn::Domain, Value::Int(id.0.into())),
        RuleOwner::Account(id) => Query::default().with(SenderRuleColumn::Account, Value::Int(id.0.into())),
    }
}
