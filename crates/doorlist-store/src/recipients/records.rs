//! What the store tells people and scripts of domains, addresses and changes. Plain data, the same on every way out;
//! must not know how it is printed.

use crate::last_mail::MailedAddress;
use doorlist_core::address::{Address, DomainName, LocalPart};
use doorlist_core::change::{Actor, MailServer};
use doorlist_core::domain::{BounceAddresses, DomainId, Mode, SubAddressing};
use doorlist_core::list::AddressId;
use doorlist_core::list_change::{AddressRecord, DomainRecord, ListCounts};
use doorlist_core::mail_policy::SpamTreatment;
use doorlist_core::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Rows that one page of a read has at most.
pub const PAGE_MAX: u32 = 10_000;

/// One line of a list of domains.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainSummary {
    pub id: DomainId,
    pub name: DomainName,
    pub customer: String,
    /// What happens to unlisted addresses.
    #[serde(flatten)]
    pub mode: Mode,
    pub active: bool,
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
    /// The end of its last trial, in whatever mode it is now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial_end: Option<Timestamp>,
    /// Names with the same list.
    pub domain_aliases: Vec<DomainName>,
    /// Those of them that are not served.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases_off: Vec<DomainName>,
    /// Where its mail goes, lowest preference first.
    pub servers: Vec<MailServer>,
    /// Which sub-addresses follow their base.
    pub sub_addressing: SubAddressing,
    /// `abuse@` is a system address.
    pub accept_abuse: bool,
    /// Bounces to addresses that only its own server knows.
    #[serde(default)]
    pub bounce_addresses: BounceAddresses,
    /// What becomes of spam.
    #[serde(default)]
    pub spam: SpamTreatment,
    /// It goes back to mode monitor by itself when authenticated senders with a good record are refused.
    #[serde(default)]
    pub fall_back: bool,
    /// Its server refuses `user+tag` of a user that it takes.
    #[serde(default)]
    pub plus_refused: bool,
    /// Who is told what its server refuses to take for postmaster, once confirmed.
    pub technical_contact: Option<Address>,
}

impl DomainDetails {
    /// The separators whose sub-addresses follow their base.
    pub fn separators(&self) -> SubAddressing {
        self.sub_addressing.taken(self.plus_refused)
    }
}

/// An address of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressEntry {
    pub id: AddressId,
    pub address: Address,
    /// What is known of it.
    #[serde(flatten)]
    pub record: AddressRecord,
}

/// An account (or an alias) with the aliases that lead to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountDetails {
    #[serde(flatten)]
    pub entry: AddressEntry,
    pub aliases: Vec<LocalPart>,
    /// When it got mail, by the day; `None`: never, as far as is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<AddressMail>,
}

/// The days on which a listed address got mail: their first moments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressMail {
    /// The first; `None`: it was before this was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_accepted: Option<Timestamp>,
    pub last_accepted: Timestamp,
    /// The last with a clean message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_clean: Option<Timestamp>,
}

impl From<MailedAddress> for AddressMail {
    fn from(MailedAddress { first, accepted, clean, .. }: MailedAddress) -> Self {
        Self { first_accepted: first, last_accepted: accepted, last_clean: clean }
    }
}

/// Accounts without mail: neither at their own address nor at one of their aliases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WithoutMail {
    /// Never, as far as is kept.
    Ever,
    /// In the last days, and they were listed for as long.
    ForDays(u32),
}

/// Which accounts to list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountFilter {
    pub domain: DomainName,
    /// Text in the local part of the account or of one of its aliases.
    pub search: Option<String>,
    /// Only those that were learned from mail and that nobody else claims.
    #[serde(default)]
    pub auto_added: bool,
    /// Only those without mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without_mail: Option<WithoutMail>,
    /// Behind this local part, in byte order.
    pub after: Option<LocalPart>,
    /// At most so many; see [`PAGE_MAX`].
    pub limit: u32,
}

/// An entry of the change log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeEntry {
    /// Its number, which is the list's version with it.
    pub id: u64,
    pub time: Timestamp,
    pub actor: Actor,
    /// What, in one line.
    pub summary: String,
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

/// What one change did to an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressChange {
    /// The number of the change.
    pub change: u64,
    pub time: Timestamp,
    pub actor: Actor,
    /// The whole change, in one line.
    pub summary: String,
    /// Before; `None`: it was not there.
    pub before: Option<AddressRecord>,
    /// After; `None`: it is not there.
    pub after: Option<AddressRecord>,
}

/// One thing that a change changed, with what was there before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "row")]
pub enum ChangeRow {
    Address {
        id: AddressId,
        address: Address,
        /// Before; `None`: it was not there.
        before: Option<AddressRecord>,
        /// After; `None`: it is not there.
        after: Option<AddressRecord>,
    },
    Domain {
        name: DomainName,
        before: Option<DomainRecord>,
        after: Option<DomainRecord>,
    },
}
