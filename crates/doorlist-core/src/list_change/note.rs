//! What a person should know of a change: where it went another way than asked, or further.

use crate::address::{Address, DomainName};
use crate::counted::counted;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Something that went another way than asked, or further.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "note")]
pub enum Note {
    /// A file claims an address that a person removed: it stays removed.
    Vetoed { address: Address },
    /// The account became a distribution list and keeps its aliases.
    ListKeepsAliases { account: Address, aliases: u64 },
    /// With its account, an alias went too.
    AliasWentWith {
        alias: Address,
        /// The account that was removed.
        account: Address,
    },
    /// A source calls it something else than a stronger or earlier source: that one's word stands.
    StructureStands { address: Address, stands: String, claimed: String },
    /// Two sources of equal rank call it different things: what stood first stands, and a person decides.
    Conflict { address: Address, stands: String, other: String, claimed: String, source: String },
    /// An entry of the directory has another address now: the former one stays accepted until the grace is over.
    Renamed {
        address: Address,
        /// The entry's address now.
        to: Address,
    },
    /// It was changed again since the change that is undone: what came later stays.
    ChangedSince { address: Address },
    /// A domain that an undo would change was changed again, or has a list by now.
    DomainChangedSince { name: DomainName },
    /// With its domain, a source comes back.
    SourceComesBack {
        source: String,
        /// Whose list it keeps.
        domain: DomainName,
    },
    /// A source cannot come back with its domain: another one has its name by now.
    SourceNameTaken {
        source: String,
        /// Whose list it kept.
        domain: DomainName,
    },
    /// Plans of a source that was removed waited for a person, and do so no more.
    PlansDiscarded { source: String, plans: u64 },
    /// A new address has a character that is taken for another one.
    Lookalike {
        address: Address,
        /// As it stands in the address.
        character: char,
    },
    /// Its claim as an alias cannot be kept any more: it stands as an account of its own.
    StandsAlone { address: Address },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::Vetoed { address } => {
                write!(f, "{address} was removed by a person and stays removed; add it by hand to accept it again")
            }
            Note::ListKeepsAliases { account, aliases } => {
                let aliases = counted(*aliases, "alias");
                write!(f, "{account} is now a distribution list and keeps {aliases}")
            }
            Note::AliasWentWith { alias, account } => write!(f, "{alias} was removed with its account {account}"),
            Note::StructureStands { address, stands, claimed } => {
                write!(
                    f,
                    "{address} stays {stands}; the claim as {claimed} is kept, but another source takes \
                           precedence"
                )
            }
            Note::Conflict { address, stands, other, claimed, source } => write!(
                f,
                "{address} stays {stands} because of {other}, but {source} lists it as {claimed}: add it by hand as \
                 the right kind"
            ),
            Note::Renamed { address, to } => {
                write!(f, "{address} is now {to}; the former address stays accepted for 7 days")
            }
            Note::ChangedSince { address } => {
                write!(f, "{address} was changed again since; the later changes stay, the rest is undone")
            }
            Note::DomainChangedSince { name } => {
                write!(f, "domain {name} was changed again since, or has recipients now; it is not changed")
            }
            Note::SourceComesBack { source, domain } => {
                write!(f, "source {source} of {domain} is there again and read within a minute")
            }
            Note::SourceNameTaken { source, domain } => write!(
                f,
                "source {source} of {domain} does not come back, because another source has that name: nothing reads \
                 it; add it under another name with `doorlist source add`"
            ),
            Note::PlansDiscarded { source, plans } => {
                write!(f, "{} of source {source} discarded", counted(*plans, "pending plan"))
            }
            Note::Lookalike { address, character } => {
                let usual = if *character == '\u{2019}' { '\'' } else { '-' };
                write!(
                    f,
                    "{address} has {character} (U+{:04X}) instead of {usual}: mail to the address with {usual} is not \
                     for it",
                    u32::from(*character)
                )
            }
            Note::StandsAlone { address } => {
                write!(f, "{address} can no longer be an alias of its account and is now a mailbox")
            }
        }
    }
}
