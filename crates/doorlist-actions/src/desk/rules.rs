//! Senders that a domain or an account takes mail from, or does not.

use super::{Desk, DeskError, Editable};
use doorlist_core::domain::DomainId;
use doorlist_core::list::AddressId;
use doorlist_store::tenants::{Placed, SenderRuleRow};

/// Whose rule it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleOwner {
    /// A domain's.
    Domain(DomainId),
    /// An account's.
    Account(AddressId),
}

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
    /// A new rule.
    ///
    /// # Errors
    /// When the caller may not change its owner, or the sender is none, or has a rule already.
    pub async fn create_sender_rule(&self, _new: &NewSenderRule) -> Result<Placed<SenderRuleRow>, DeskError> {
        Err(DeskError::NotFound)
    }

    /// Rules go.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn remove_sender_rules(&self, _rules: &[Editable<SenderRuleRow>]) -> Result<(), DeskError> {
        Ok(())
    }
}
