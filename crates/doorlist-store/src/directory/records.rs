//! What the store tells people and scripts of domains, addresses and changes. Plain data, the same on every way out;
//! must not know how it is printed.

use doorlist_core::access::CustomerId;
use doorlist_core::address::{Address, DomainName, LocalPart};
use doorlist_core::change::{Actor, MailServer, Source, Structure};
use doorlist_core::domain::{DomainId, Mode, SubAddressing};
use doorlist_core::list::{AddressId, Kind, Standing};
use doorlist_core::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Where servers listen unless it is said otherwise.
pub(super) const SMTP_PORT: u16 = 25;

/// How many addresses a domain's list has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListCounts {
    /// Accounts that are mailboxes: the number that counts for billing.
    pub mailboxes: u64,
    /// Further names of accounts.
    pub aliases: u64,
    /// Accounts that are distribution lists.
    pub lists: u64,
    /// Removed by a person, and kept so.
    pub vetoed: u64,
}

/// One line of a list of domains.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainSummary {
    /// Its row.
    pub id: DomainId,
    /// Its main name.
    pub name: DomainName,
    /// Whose it is.
    pub customer: String,
    /// How unlisted recipients are handled.
    #[serde(flatten)]
    pub mode: Mode,
    /// `false`: all mail for the domain is rejected.
    pub active: bool,
    /// Accept mail, but do not deliver it.
    pub hold: bool,
    /// Its list in numbers.
    #[serde(flatten)]
    pub counts: ListCounts,
}

/// All of a domain but its list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainDetails {
    /// What the list of domains shows.
    #[serde(flatten)]
    pub summary: DomainSummary,
    /// Names with the same list.
    pub domain_aliases: Vec<DomainName>,
    /// Those of them that are not served.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases_off: Vec<DomainName>,
    /// Where its mail goes, lowest preference first.
    pub servers: Vec<MailServer>,
    /// Separators of sub-addresses.
    pub sub_addressing: SubAddressing,
    /// `abuse@` is a system address.
    pub accept_abuse: bool,
    /// Who is told what its server refuses to take for postmaster, once confirmed.
    pub technical_contact: Option<Address>,
}

/// A source's word on an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimRecord {
    /// Whose word.
    #[serde(with = "source_text")]
    pub source: Source,
    /// That it is this.
    #[serde(flatten)]
    pub structure: Structure,
    /// Since when.
    pub since: Timestamp,
    /// Who brought it: a login.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub by: String,
    /// Where in the source: a file and its line, a distinguished name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// What names its entry in a directory for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Since when the source has it no more. It counts until the grace is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing_since: Option<Timestamp>,
}

/// A person's removal of an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VetoRecord {
    /// When.
    pub since: Timestamp,
    pub by: String,
}

/// `hand`, `file:staff` instead of a tagged object: it stands in a million log rows.
mod source_text {
    use super::Source;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(source: &Source, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(source)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Source, D::Error> {
        let text = String::deserialize(deserializer)?;
        Source::parse(&text).ok_or_else(|| D::Error::custom("not a source"))
    }
}

/// What is known of an address, its name apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressRecord {
    /// Mailbox, alias or list.
    pub kind: Kind,
    /// Of an alias: its account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<LocalPart>,
    /// Active, switched off or vetoed.
    pub standing: Standing,
    /// Who says that it is there, strongest first.
    pub claims: Vec<ClaimRecord>,
    /// Who removed it, if it is vetoed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub veto: Option<VetoRecord>,
}

/// An address of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressEntry {
    /// Its row.
    pub id: AddressId,
    /// Its canonical spelling.
    pub address: Address,
    /// What is known of it.
    #[serde(flatten)]
    pub record: AddressRecord,
}

/// An account (or an alias) with the aliases that lead to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountDetails {
    /// The address itself.
    #[serde(flatten)]
    pub entry: AddressEntry,
    /// Its aliases.
    pub aliases: Vec<LocalPart>,
}

/// Which accounts to list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountFilter {
    /// Of which domain.
    pub domain: DomainName,
    /// Text in the local part of the account or of one of its aliases.
    pub search: Option<String>,
    /// Behind this local part, in byte order.
    pub after: Option<LocalPart>,
    /// At most so many; see [`super::PAGE_MAX`].
    pub limit: u32,
}

/// An entry of the change log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeEntry {
    /// Its number, which is the list's version with it.
    pub id: u64,
    /// When.
    pub time: Timestamp,
    pub actor: Actor,
    /// What, in one line.
    pub summary: String,
    /// Addresses newly listed.
    pub added: u64,
    /// Listed addresses that differ since.
    pub changed: u64,
    /// Addresses no longer listed since.
    pub removed: u64,
    /// Domains added, changed or removed.
    pub domains: u64,
    /// Its rows were removed before it, so that it cannot be undone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rows_gone: bool,
}

/// One thing that a change changed, with what was there before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "row")]
pub enum ChangeRow {
    /// An address.
    Address {
        /// Its row.
        id: AddressId,
        /// Which.
        address: Address,
        /// Before; `None`: it was not there.
        before: Option<AddressRecord>,
        /// After; `None`: it is not there.
        after: Option<AddressRecord>,
    },
    Domain {
        /// Which.
        name: DomainName,
        /// Before.
        before: Option<DomainRecord>,
        /// After.
        after: Option<DomainRecord>,
    },
}

/// What a change can change of a domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainRecord {
    /// Whose it is.
    pub customer: String,
    /// Its number, where it is known: another one may have that name by now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
    /// How unlisted recipients are handled.
    #[serde(flatten)]
    pub mode: Mode,
    /// Served at all.
    pub active: bool,
    /// Deliveries wait.
    pub hold: bool,
    /// Separators of sub-addresses.
    pub sub_addressing: SubAddressing,
    /// `abuse@` is a system address.
    pub accept_abuse: bool,
    /// Names with the same list.
    pub domain_aliases: Vec<DomainName>,
    /// Those of them that are not served.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases_off: Vec<DomainName>,
    /// Where its mail goes.
    pub servers: Vec<MailServer>,
    /// TCP port of servers that are named without one.
    #[serde(default = "smtp_port")]
    pub delivery_port: u16,
    /// The largest message that is taken for it, in octets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_max: Option<u64>,
}

impl DomainRecord {
    /// Whether both say the same. One of them may be of before a customer's number was kept, or of another name of it.
    pub(super) fn is_as(&self, other: &Self) -> bool {
        let mut other = other.clone();
        if self.customer_id == other.customer_id {
            other.customer.clone_from(&self.customer);
        } else if self.customer_id.is_none() || other.customer_id.is_none() {
            other.customer_id = self.customer_id;
        }
        *self == other
    }
}

/// Entries of the log from before there was a choice.
fn smtp_port() -> u16 {
    SMTP_PORT
}
