//! What comes of a change set: what was done, what was noted on the way, or why nothing was done.

use crate::error::StoreError;
use doorlist_core::address::{Address, DomainName};
use doorlist_core::change::PlanId;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Notes that a result carries at most; further ones are only counted.
pub const NOTES_MAX: usize = 1_000;

/// A change set that was applied (or, in a plan, would be).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// The list's version with it.
    pub version: u64,
    /// Its entry in the change log; `None` if nothing differed, so that nothing was written.
    pub change_id: Option<u64>,
    /// Addresses newly listed.
    pub added: u64,
    /// Listed addresses that differ now: kind, claims, switched on or off.
    pub changed: u64,
    /// Addresses no longer listed.
    pub removed: u64,
    /// Of those changed: no longer in their source, and accepted until the grace is over.
    #[serde(default)]
    pub missing: u64,
    /// Addresses that were so already.
    pub same: u64,
    /// Addresses left alone since a person removed them before.
    pub vetoed: u64,
    /// Addresses of which sources of equal rank say different things.
    #[serde(default)]
    pub conflicts: u64,
    /// Domains added, changed or removed.
    pub domains: u64,
    /// What a person should know, at most [`NOTES_MAX`].
    pub notes: Vec<Note>,
    /// Notes above that number.
    pub notes_omitted: u64,
}

impl Applied {
    /// Whether the list differs for it.
    pub fn changes_something(&self) -> bool {
        self.added + self.changed + self.removed + self.domains > 0
    }
}

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
        /// The alias.
        alias: Address,
        /// The account that was removed.
        account: Address,
    },
    /// A source calls it something else than a stronger or earlier source: that one's word stands.
    StructureStands {
        address: Address,
        /// As what it stands.
        stands: String,
        /// As what it was claimed.
        claimed: String,
    },
    /// Two sources of equal rank call it different things: what stood first stands, and a person decides.
    Conflict {
        address: Address,
        /// As what it stands.
        stands: String,
        /// By whose word.
        other: String,
        /// As what it was claimed.
        claimed: String,
        /// By whom.
        source: String,
    },
    /// An entry of the directory has another address now: the former one stays accepted until the grace is over.
    Renamed {
        /// The former address.
        address: Address,
        /// The entry's address now.
        to: Address,
    },
    /// It was changed again since the change that is undone: what came later stays.
    ChangedSince { address: Address },
    /// A domain that an undo would change was changed again, or has a list by now.
    DomainChangedSince { name: DomainName },
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
                write!(f, "{account} is now a distribution list and keeps its {aliases} aliases")
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
            Note::StandsAlone { address } => {
                write!(f, "{address} can no longer be an alias of its account and is now a mailbox")
            }
        }
    }
}

/// Why a change set was not applied. Nothing of it was.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The list moved since the version on which the plan was made.
    #[error("the list changed from version {base} to {now} since this was planned; review the plan again")]
    Moved {
        /// The plan's.
        base: u64,
        /// The list's.
        now: u64,
    },
    /// A rule of the list speaks against it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The rule that a change breaks, with both sides of the conflict by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "refusal")]
pub enum Refusal {
    /// An alias must lead to an account, not to another alias.
    #[error("{alias} cannot be an alias of {account}: that is itself an alias of {of}")]
    AliasOfAlias {
        /// Wanted.
        alias: Address,
        /// Its wanted account.
        account: Address,
        /// What the account is an alias of.
        of: Address,
    },
    /// An alias must lead to an account that is there.
    #[error("{alias} cannot be an alias of {account}: this account does not exist; add it first")]
    AliasOfMissing {
        /// Wanted.
        alias: Address,
        /// Its wanted account.
        account: Address,
    },
    /// The name has a mailbox or list of its own.
    #[error("{alias} cannot be an alias of {account}: it is an account; remove it first")]
    AliasIsAccount {
        /// Wanted.
        alias: Address,
        /// Its wanted account.
        account: Address,
    },
    /// The name leads elsewhere already.
    #[error("{alias} cannot be an alias of {account}: it is already an alias of {of}; remove it there first")]
    AliasElsewhere {
        /// Wanted.
        alias: Address,
        /// Its wanted account.
        account: Address,
        /// Its account now.
        of: Address,
    },
    /// An account was wanted where an alias stands.
    #[error("{address} cannot be an account: it is an alias of {of}; remove the alias first")]
    AccountIsAlias {
        /// Wanted.
        address: Address,
        /// Its account now.
        of: Address,
    },
    /// Not a domain of ours.
    #[error("{name} is not a domain of this gateway; `doorlist domain list` shows them")]
    UnknownDomain { name: DomainName },
    /// What is no account cannot become an alias, nor have one.
    #[error("{address} is not an account: only accounts can be reassigned, and only to accounts")]
    NotAnAccount { address: Address },
    /// An address is one thing.
    #[error("{address} is taken{}", if *vetoed { ": it was removed by a person, and is freed by adding it again" } else { "" })]
    AddressTaken {
        address: Address,
        /// By a person's removal.
        vetoed: bool,
    },
    /// An account cannot be its own alias.
    #[error("{address} cannot become an alias of itself")]
    AliasOfItself { address: Address },
    /// A source that comes again says otherwise.
    #[error("{address} is {stands} because of {source_name}; change it there, or remove that source first")]
    ClaimedElsewhere {
        address: Address,
        /// What it is.
        stands: String,
        /// The source that makes the claim.
        source_name: String,
    },
    /// Nothing to switch.
    #[error("{address} is not on the list")]
    NotListed { address: Address },
    /// A domain has one owner.
    #[error("{name} is already a domain, of customer {customer:?}")]
    DomainTaken {
        /// Wanted.
        name: DomainName,
        /// Its owner.
        customer: String,
    },
    /// The customer is gone, and its name is somebody else's now.
    #[error(
        "customer {customer:?} of {name} was removed, and another customer has that name now; nothing was changed: add {name} \
         to a customer by hand"
    )]
    CustomerGone {
        /// The domain.
        name: DomainName,
        /// Whose it was.
        customer: String,
    },
    /// A name is a domain or a domain alias, not both, and an alias of one domain.
    #[error("{name} is already an alias of the domain {domain}")]
    NameIsAlias {
        /// Wanted.
        name: DomainName,
        /// Where it leads.
        domain: DomainName,
    },
    /// A domain cannot be its own alias.
    #[error("{name} cannot be an alias of {domain}: it is a domain")]
    AliasIsDomain {
        /// Wanted.
        name: DomainName,
        /// Whose alias.
        domain: DomainName,
    },
    /// A domain would get back a name that another one has by now: whose, is not said.
    #[error(
        "{name} cannot be an alias of {domain} again: it is now a domain, or an alias of another one. Nothing was \
         changed; try again when {name} is free"
    )]
    NameGivenAway {
        /// Wanted.
        name: DomainName,
        /// By which domain.
        domain: DomainName,
    },
    /// No such domain alias.
    #[error("{name} is not an alias of {domain}")]
    NoSuchDomainAlias {
        name: DomainName,
        /// Of which domain.
        domain: DomainName,
    },
    /// Not a host name or IP address, or port 0.
    #[error("{server:?} is not a mail server: {why}")]
    BadServer {
        server: String,
        /// What is wrong.
        why: String,
    },
    /// No plan has this number.
    #[error("plan {} does not exist; `doorlist plan list` shows the plans", id.0)]
    NoSuchPlan { id: PlanId },
    /// A plan is applied or thrown away once.
    #[error("plan {} is not pending: it is {state}", id.0)]
    PlanIsDone {
        id: PlanId,
        /// What became of it.
        state: String,
    },
    /// A plan is a set of its own.
    #[error("a plan must be applied alone, not with other changes")]
    PlanNotAlone,
    /// No change has this number.
    #[error("change {change} does not exist; `doorlist changes list` shows the changes")]
    NoSuchChange {
        /// Which.
        change: u64,
    },
    /// Nobody remembers what it was for.
    #[error(
        "change {change} is older than 30 days and cannot be undone as a whole; `doorlist changes show {change}` shows what it did"
    )]
    TooOldToUndo {
        /// Which.
        change: u64,
    },
    /// There were more rows of changes than may be.
    #[error("change {change} cannot be undone: its rows were removed because of changes.rows_max")]
    RowsGone {
        /// Which.
        change: u64,
    },
    /// A customer has as many domains, or addresses on all of its lists, as it may have.
    #[error(
        "customer {customer:?} would exceed its limit of {limit} {what}; remove some first, or ask the operator \
         (tenants.{what}_max). Nothing was changed"
    )]
    CustomerFull {
        /// Its name.
        customer: String,
        /// `domains` or `addresses`.
        what: String,
        limit: u64,
    },
    /// The name of a source is a new one, and there are as many as there may be.
    #[error("{of} already has the maximum of {limit} source names; use one of them (--source). Nothing was changed")]
    SourceNamesFull {
        /// Of which domain, or of all.
        of: String,
        limit: u64,
    },
    /// A named limit.
    #[error("{what}: at most {limit}")]
    TooMany {
        what: String,
        /// How many there may be.
        limit: u64,
    },
}
