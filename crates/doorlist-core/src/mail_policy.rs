//! Mail settings of tenants: allowed and blocked senders, the message size limit, what becomes of spam, the technical
//! contact. Kept beside the list, only for domains and accounts that set something. An account takes precedence over its
//! domain; aliases have the settings of their account.

#[cfg(test)]
mod tests;

use crate::address::Address;
use crate::domain::DomainId;
use crate::list::{AddressId, Match};
use crate::sender_rules::{Judgment, Sender, SenderRules};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;

/// What becomes of a message that is spam. A virus is refused whatever a domain set, and what is only suspect is delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpamTreatment {
    /// It is delivered, with header fields in front that say what it is.
    #[default]
    Tag,
    /// It is refused at the end of DATA.
    Refuse,
}

impl SpamTreatment {
    /// The word in the store and on the command line.
    pub fn word(self) -> &'static str {
        match self {
            SpamTreatment::Tag => "tag",
            SpamTreatment::Refuse => "refuse",
        }
    }
}

/// What must be equal for all recipients of a transaction, because DATA has only one reply (RFC 5321 §4.1.1.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyClass {
    /// Message size limit in octets.
    pub size_max: u64,
    pub spam: SpamTreatment,
}

/// The mail settings of a domain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DomainPolicy {
    /// Allowed and blocked senders.
    pub rules: Arc<SenderRules>,
    /// Message size limit in octets; `None` for the limit of the gateway.
    pub message_max: Option<u64>,
    pub spam: SpamTreatment,
    /// The confirmed contact that gets notices when the domain's server rejects mail for postmaster: its own, or its
    /// customer's.
    pub technical_contact: Option<Address>,
}

/// The mail settings of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountPolicy {
    /// Allowed and blocked senders.
    pub rules: Arc<SenderRules>,
    /// Message size limit in octets; `None` for the limit of its domain.
    pub message_max: Option<u64>,
}

impl DomainPolicy {
    fn is_nothing(&self) -> bool {
        let has_defaults = self.message_max.is_none() && self.spam == SpamTreatment::default();
        self.rules.is_empty() && has_defaults && self.technical_contact.is_none()
    }
}

impl AccountPolicy {
    fn is_nothing(&self) -> bool {
        self.rules.is_empty() && self.message_max.is_none()
    }
}

/// The mail settings of all domains and accounts at one moment. Cheap to clone: the content is shared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyTable {
    domains: HashMap<DomainId, Arc<DomainPolicy>>,
    accounts: HashMap<AddressId, Arc<AccountPolicy>>,
    /// The account of each alias, if one of the two has settings.
    aliases: HashMap<AddressId, AddressId>,
}

impl PolicyTable {
    /// The mail settings of a domain.
    pub fn domain(&self, id: DomainId) -> Option<&Arc<DomainPolicy>> {
        self.domains.get(&id)
    }

    /// The settings of an account, by its number.
    pub fn account(&self, id: AddressId) -> Option<&Arc<AccountPolicy>> {
        self.accounts.get(&id)
    }

    /// Accounts that have settings.
    pub fn accounts(&self) -> impl ExactSizeIterator<Item = AddressId> {
        self.accounts.keys().copied()
    }

    /// The contact that gets notices when the domain's server rejects mail for postmaster.
    pub fn technical_contact(&self, id: DomainId) -> Option<&Address> {
        self.domains.get(&id)?.technical_contact.as_ref()
    }

    /// The judgment of a matched recipient on a sender; rules of the account precede rules of the domain.
    pub fn judge(&self, domain: DomainId, matched: Match, sender: &Sender) -> Option<Judgment> {
        let of_account = self.account_of(matched).and_then(|account| account.rules.judge(sender));
        of_account.or_else(|| self.domains.get(&domain)?.rules.judge(sender))
    }

    /// The message size limit of a matched recipient.
    pub fn message_max(&self, domain: DomainId, matched: Match) -> Option<u64> {
        let of_account = self.account_of(matched).and_then(|account| account.message_max);
        of_account.or_else(|| self.domains.get(&domain)?.message_max)
    }

    /// What becomes of spam for a domain, for all of its recipients.
    pub fn spam(&self, domain: DomainId) -> SpamTreatment {
        self.domains.get(&domain).map(|policy| policy.spam).unwrap_or_default()
    }

    fn account_of(&self, matched: Match) -> Option<&AccountPolicy> {
        if self.accounts.is_empty() {
            return None;
        }
        let id = matched.address_id()?;
        self.accounts.get(self.aliases.get(&id).unwrap_or(&id)).map(|account| &**account)
    }

    /// Sets the settings of a domain; empty settings remove it.
    pub fn put_domain(&mut self, id: DomainId, policy: DomainPolicy) {
        if policy.is_nothing() {
            self.domains.remove(&id);
        } else {
            self.domains.insert(id, Arc::new(policy));
        }
    }

    /// Sets the settings of an account; empty settings remove it.
    pub fn put_account(&mut self, id: AddressId, policy: AccountPolicy) {
        if policy.is_nothing() {
            self.accounts.remove(&id);
        } else {
            self.accounts.insert(id, Arc::new(policy));
        }
    }

    /// Sets the account of an alias; `None` if the address is no alias. Kept only where it can matter.
    pub fn put_alias(&mut self, id: AddressId, account: Option<AddressId>) {
        match self.kept_alias(id, account) {
            Some(account) => drop(self.aliases.insert(id, account)),
            None => drop(self.aliases.remove(&id)),
        }
    }

    /// Whether [`PolicyTable::put_alias`] would change nothing.
    pub fn has_alias(&self, id: AddressId, account: Option<AddressId>) -> bool {
        self.aliases.get(&id).copied() == self.kept_alias(id, account)
    }

    fn kept_alias(&self, id: AddressId, account: Option<AddressId>) -> Option<AddressId> {
        account.filter(|account| self.accounts.contains_key(account) || self.accounts.contains_key(&id))
    }
}
