//! Senders allowed and blocked, for a domain or for one account, by command and over the API. Must not know how a sender is
//! judged or stored.

use crate::accounts::account_details;
use crate::action::{Action, Reach};
use crate::actions::{Actions, Editable};
use crate::error::{ActionError, ErrorKind};
use doorlist_core::address::{Address, AddressError, DomainName};
use doorlist_core::list::{EntryKind, Standing};
use doorlist_core::sender_rules::SenderPattern;
use doorlist_core::time::Timestamp;
use doorlist_store::mail_policy::{RuleOwner, RuleRefused};
use doorlist_store::recipients::Refusal;
use doorlist_store::tenants::{PAGE_ROWS_MAX, Placed, Query, QueryValue, SenderRuleColumn, SenderRuleRow};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Sender rules of a page.
pub const SENDER_PAGE: u32 = PAGE_ROWS_MAX;

/// The owner of rules, as a person names it.
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

/// A sender rule as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SenderRuleEntry {
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
    pub of: String,
    pub sender: SenderPattern,
    /// What it said before; `None`: there was none.
    pub before: Option<bool>,
    /// What it says now; `None`: there is none.
    pub now: Option<bool>,
}

/// Allows or blocks a sender, whatever was said of it before.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SenderPut {
    /// The owner of the rule.
    pub of: RulesOf,
    /// Whom it is about.
    pub sender: SenderPattern,
    /// Its mail is taken; otherwise refused.
    pub allow: bool,
}

impl Action for SenderPut {
    type Answer = SenderRuleChange;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    async fn run(self, actions: &Actions) -> Result<SenderRuleChange, ActionError> {
        let Self { of, sender, allow } = self;
        let owner = rule_owner(actions, &of).await?;
        let before = rule_about(actions, owner, &sender).await?;
        match &before {
            Some(rule) if rule.row.allow == allow => {}
            Some(rule) => {
                actions.services.recipients.put_sender_rule(rule.row.id, allow, actions.now()).await?;
            }
            None => {
                let added = actions.add_sender_rule(owner, &sender, allow).await?;
                added.map_err(|refused| explain(refused, &of))?;
            }
        }
        let before = before.map(|rule| rule.row.allow);
        Ok(SenderRuleChange { of: of.to_string(), sender, before, now: Some(allow) })
    }
}

/// Removes the rule about a sender.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SenderRemove {
    /// The owner of the rule.
    pub of: RulesOf,
    /// Whom it is about.
    pub sender: SenderPattern,
}

impl Action for SenderRemove {
    type Answer = SenderRuleChange;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    async fn run(self, actions: &Actions) -> Result<SenderRuleChange, ActionError> {
        let Self { of, sender } = self;
        let owner = rule_owner(actions, &of).await?;
        let Some(rule) = rule_about(actions, owner, &sender).await? else {
            let message = format!("{of} has no rule for {sender}; `doorlist sender list --for {of}` shows its rules");
            return Err(ActionError::new(ErrorKind::NotFound, message));
        };
        let before = Some(rule.row.allow);
        actions.remove_sender_rules(&[actions.editable(Some(rule))?]).await?;
        Ok(SenderRuleChange { of: of.to_string(), sender, before, now: None })
    }
}

/// Lists sender rules in the order in which they were made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SenderList {
    /// The owner of the rules.
    pub of: RulesOf,
    /// Behind so many; a page has [`SENDER_PAGE`].
    pub offset: u64,
}

impl Action for SenderList {
    type Answer = Vec<SenderRuleEntry>;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    async fn run(self, actions: &Actions) -> Result<Vec<SenderRuleEntry>, ActionError> {
        let owner = rule_owner(actions, &self.of).await?;
        let query = Query { limit: SENDER_PAGE, offset: self.offset, ..of_owner(owner) };
        let entry = |rule: SenderRuleRow| {
            let SenderRuleRow { id, sender, allow, updated, .. } = rule;
            SenderRuleEntry { id, sender, allow, updated }
        };
        Ok(actions.view().sender_rules(&query).await?.rows.into_iter().map(|placed| entry(placed.row)).collect())
    }
}

/// A rule that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSenderRule {
    pub owner: RuleOwner,
    /// An address, or a domain.
    pub sender: String,
    pub allow: bool,
}

impl Actions {
    /// A new rule; the next message is judged by it.
    ///
    /// # Errors
    /// When the caller may not change its owner, or the sender is none, or has a rule already.
    pub async fn create_sender_rule(&self, new: &NewSenderRule) -> Result<Placed<SenderRuleRow>, ActionError> {
        let sender: SenderPattern = new
            .sender
            .trim()
            .parse()
            .map_err(|why| ActionError::invalid("email", format!("Enter an address or a domain: {why}")))?;
        let id = match self.add_sender_rule(new.owner, &sender, new.allow).await? {
            Ok(id) => id,
            Err(refused @ (RuleRefused::Taken | RuleRefused::Full)) => {
                return Err(ActionError::invalid("email", refused.to_string()));
            }
            Err(RuleRefused::NoOwner) => return Err(ActionError::NotFound),
        };
        self.view().sender_rule(id).await?.ok_or(ActionError::NotFound)
    }

    /// A new rule for whoever the caller may change; gives its number.
    async fn add_sender_rule(
        &self,
        owner: RuleOwner,
        sender: &SenderPattern,
        allow: bool,
    ) -> Result<Result<u32, RuleRefused>, ActionError> {
        let (found, resource, id) = match owner {
            RuleOwner::Domain(id) => (self.view().domain(id.0).await?.map(|it| it.lineage), "domain", id.0),
            RuleOwner::Account(id) => (self.view().account(id).await?.map(|it| it.lineage), "email_account", id.0),
        };
        self.may_change(&found.ok_or(ActionError::NoObject { resource, id })?)?;
        Ok(self.services.recipients.add_sender_rule(owner, sender, allow, self.now()).await?)
    }

    pub async fn remove_sender_rules(&self, rules: &[Editable<SenderRuleRow>]) -> Result<(), ActionError> {
        let ids: Vec<u32> = rules.iter().map(|rule| rule.row().id).collect();
        self.services.recipients.remove_sender_rules(&ids).await?;
        Ok(())
    }
}

async fn rule_about(
    actions: &Actions,
    owner: RuleOwner,
    sender: &SenderPattern,
) -> Result<Option<Placed<SenderRuleRow>>, ActionError> {
    let query = of_owner(owner).with(SenderRuleColumn::Email, QueryValue::Text(sender.to_string()));
    Ok(actions.view().sender_rules(&Query { limit: 1, ..query }).await?.rows.pop())
}

/// Rules are a domain's or an account's; aliases have those of their account.
async fn rule_owner(actions: &Actions, of: &RulesOf) -> Result<RuleOwner, ActionError> {
    let address = match of {
        RulesOf::Domain(name) => {
            return Ok(RuleOwner::Domain(actions.services.domain_details(name).await?.summary.id));
        }
        RulesOf::Account(address) => address,
    };
    let entry = account_details(actions, address).await?.entry;
    match (entry.record.standing != Standing::Vetoed, entry.record.kind, entry.record.account) {
        (false, ..) => Err(Refusal::NotListed { address: address.clone() }.into()),
        (true, EntryKind::Alias, Some(account)) => {
            let account = Address::new(account, entry.address.domain().clone());
            let message = format!("{address} is an alias and has the rules of {account}: use that address");
            Err(ActionError::new(ErrorKind::Refused, message))
        }
        _ => Ok(RuleOwner::Account(entry.id)),
    }
}

/// The owner was found a moment ago, so the rest is a race with somebody else, or the limit.
fn explain(refused: RuleRefused, of: &RulesOf) -> ActionError {
    let kind = if refused == RuleRefused::NoOwner { ErrorKind::NotFound } else { ErrorKind::Refused };
    ActionError::new(kind, format!("no rule was added to {of}: {refused}"))
}

fn of_owner(owner: RuleOwner) -> Query<SenderRuleColumn> {
    match owner {
        RuleOwner::Domain(id) => Query::default().with(SenderRuleColumn::Domain, QueryValue::Int(id.0.into())),
        RuleOwner::Account(id) => Query::default().with(SenderRuleColumn::Account, QueryValue::Int(id.0.into())),
    }
}
