//! Senders that a domain or an account takes mail from, or does not.

use super::{Desk, DeskError, Editable};
use doorlist_core::sender_rules::SenderPattern;
use doorlist_store::mail_policy::{RuleOwner, RuleRefused};
use doorlist_store::tenants::{Placed, SenderRuleRow};

/// A rule that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSenderRule {
    /// Whose.
    pub owner: RuleOwner,
    /// An address, or a domain.
    pub sender: String,
    /// Taken; otherwise refused.
    pub allow: bool,
}

impl Desk {
    /// A new rule; the next message is judged by it.
    ///
    /// # Errors
    /// When the caller may not change its owner, or the sender is none, or has a rule already.
    pub async fn create_sender_rule(&self, new: &NewSenderRule) -> Result<Placed<SenderRuleRow>, DeskError> {
        let lineage = match new.owner {
            RuleOwner::Domain(id) => {
                let found = self.view().domain(id.0).await?;
                found.ok_or(DeskError::NoObject { noun: "domain", id: id.0 })?.lineage
            }
            RuleOwner::Account(id) => {
                let found = self.view().account(id).await?;
                found.ok_or(DeskError::NoObject { noun: "email_account", id: id.0 })?.lineage
            }
        };
        self.may_change(&lineage)?;
        let sender: SenderPattern = new
            .sender
            .trim()
            .parse()
            .map_err(|why| DeskError::invalid("email", format!("Enter an address or a domain: {why}")))?;
        let now = (self.office.clock)();
        let id = match self.office.directory.add_sender_rule(new.owner, &sender, new.allow, now).await? {
            Ok(id) => id,
            Err(refused @ (RuleRefused::Taken | RuleRefused::Full)) => {
                return Err(DeskError::invalid("email", refused.to_string()));
            }
            Err(RuleRefused::NoOwner) => return Err(DeskError::NotFound),
        };
        self.view().sender_rule(id).await?.ok_or(DeskError::NotFound)
    }

    /// Rules go.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn remove_sender_rules(&self, rules: &[Editable<SenderRuleRow>]) -> Result<(), DeskError> {
        let ids: Vec<u32> = rules.iter().map(|rule| rule.row().id).collect();
        self.office.directory.remove_sender_rules(&ids).await?;
        Ok(())
    }
}
