//! What is known of addresses and domains, as the change log keeps it: before a change and after it.

use crate::access::CustomerId;
use crate::address::{DomainName, LocalPart};
use crate::change::{MailServer, Source, Structure};
use crate::domain::{BounceAddresses, Mode, SubAddressing};
use crate::list::{EntryKind, Standing};
use crate::mail_policy::SpamTreatment;
use crate::shrink_guard::GRACE;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Where servers listen unless it is said otherwise.
pub const SMTP_PORT: u16 = 25;

/// A source's word on an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimRecord {
    #[serde(with = "source_text")]
    pub source: Source,
    /// That it is this.
    #[serde(flatten)]
    pub structure: Structure,
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

impl ClaimRecord {
    /// Until when a claim counts that its source has no more; the next reading of the whole source then withdraws it.
    pub fn counts_until(&self) -> Option<Timestamp> {
        self.missing_since.map(|since| since + GRACE)
    }
}

/// A person's removal of an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VetoRecord {
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
    pub kind: EntryKind,
    /// Of an alias: its account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<LocalPart>,
    pub standing: Standing,
    /// Who says that it is there, strongest first.
    pub claims: Vec<ClaimRecord>,
    /// Who removed it, if it is vetoed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub veto: Option<VetoRecord>,
}

/// What a change can change of a domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainRecord {
    pub customer: String,
    /// Its number, where it is known: another one may have that name by now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
    /// What happens to unlisted addresses.
    #[serde(flatten)]
    pub mode: Mode,
    /// The end of its last trial, in whatever mode it is now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial_end: Option<Timestamp>,
    pub active: bool,
    pub hold: bool,
    /// Which sub-addresses follow their base.
    pub sub_addressing: SubAddressing,
    /// `abuse@` is a system address.
    pub accept_abuse: bool,
    /// Bounces to addresses that only its own server knows.
    #[serde(default)]
    pub bounce_addresses: BounceAddresses,
    /// It goes back to mode monitor by itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fall_back: bool,
    /// Its server refuses `user+tag` of a user that it takes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub plus_refused: bool,
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
    /// What becomes of spam.
    #[serde(default)]
    pub spam: SpamTreatment,
}

impl DomainRecord {
    /// Whether both say the same. One of them may be of before a customer's number was kept, or of another name of it, or
    /// of before the list was filled or emptied.
    pub fn is_same_as(&self, other: &Self) -> bool {
        let mut other = other.clone();
        if self.mode.is_same_wish(other.mode) {
            other.mode = self.mode;
        }
        if self.trial_end.is_none() || other.trial_end.is_none() {
            other.trial_end = self.trial_end;
        }
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
