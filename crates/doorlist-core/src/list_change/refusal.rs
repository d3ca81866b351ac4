//! Why a change is refused: the rule that it breaks, with both sides of the conflict by name.

use crate::address::{Address, DomainName};
use crate::change::PlanId;
use serde::{Deserialize, Serialize};

/// The rule that a change breaks, with both sides of the conflict by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "refusal")]
pub enum Refusal {
    /// An alias must lead to an account, not to another alias.
    #[error("{alias} cannot be an alias of {account}: that is itself an alias of {of}")]
    AliasOfAlias {
        alias: Address,
        account: Address,
        /// What the account is an alias of.
        of: Address,
    },
    /// An alias must lead to an account that is there.
    #[error("{alias} cannot be an alias of {account}: this account does not exist; add it first")]
    AliasOfMissing { alias: Address, account: Address },
    /// The name has a mailbox or list of its own.
    #[error("{alias} cannot be an alias of {account}: it is an account; remove it first")]
    AliasIsAccount { alias: Address, account: Address },
    /// The name leads elsewhere already.
    #[error("{alias} cannot be an alias of {account}: it is already an alias of {of}; remove it there first")]
    AliasElsewhere { alias: Address, account: Address, of: Address },
    /// An account was wanted where an alias stands.
    #[error("{address} cannot be an account: it is an alias of {of}; remove the alias first")]
    AccountIsAlias { address: Address, of: Address },
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
    ClaimedElsewhere { address: Address, stands: String, source_name: String },
    #[error("{address} is not on the list")]
    NotListed { address: Address },
    /// A domain has one owner.
    #[error("{name} is already a domain, of customer {customer:?}")]
    DomainTaken { name: DomainName, customer: String },
    /// The customer is gone, and its name is somebody else's now.
    #[error(
        "customer {customer:?} of {name} was removed, and another customer has that name now; nothing was changed: add {name} \
         to a customer by hand"
    )]
    CustomerGone { name: DomainName, customer: String },
    /// A name is a domain or a domain alias, not both, and an alias of one domain.
    #[error("{name} is already an alias of the domain {domain}")]
    NameIsAlias { name: DomainName, domain: DomainName },
    /// A domain cannot be its own alias.
    #[error("{name} cannot be an alias of {domain}: it is a domain")]
    AliasIsDomain { name: DomainName, domain: DomainName },
    /// A domain would get back a name that another one has by now: whose, is not said.
    #[error(
        "{name} cannot be an alias of {domain} again: it is now a domain, or an alias of another one. Nothing was \
         changed; try again when {name} is free"
    )]
    NameGivenAway { name: DomainName, domain: DomainName },
    /// No such domain alias.
    #[error("{name} is not an alias of {domain}")]
    NoSuchDomainAlias { name: DomainName, domain: DomainName },
    /// Not a host name or IP address, or port 0.
    #[error("{server:?} is not a mail server: {why}")]
    BadServer { server: String, why: String },
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
    NoSuchChange { change: u64 },
    /// Nobody remembers what it was for.
    #[error(
        "change {change} is older than 30 days and cannot be undone as a whole; `doorlist changes show {change}` shows what it did"
    )]
    TooOldToUndo { change: u64 },
    /// There were more rows of changes than may be.
    #[error("change {change} cannot be undone: its rows were removed because of changes.rows_max")]
    RowsGone { change: u64 },
    /// A customer has as many domains, or addresses on all of its lists, as it may have.
    #[error(
        "customer {customer:?} would exceed its limit of {limit} {what}; remove some first, or ask the operator \
         (tenants.{what}_max). Nothing was changed"
    )]
    CustomerFull { customer: String, what: String, limit: u64 },
    /// The name of a source is a new one, and there are as many as there may be.
    #[error("{of} already has the maximum of {limit} source names; use one of them (--source). Nothing was changed")]
    SourceNamesFull {
        /// Of which domain, or of all.
        of: String,
        limit: u64,
    },
    #[error("{what}: at most {limit}")]
    TooMany { what: String, limit: u64 },
}
