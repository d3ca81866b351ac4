//! What can be changed in the list, by whom and from which source. Every way to change it (command, file, later
//! directory, API and page) ends in a [`ChangeSet`] that the store applies in one transaction.
//!
//! This module must not know how changes are stored, planned or undone.

use crate::address::{Address, DomainName, LocalPart};
use crate::domain::{Mode, SubAddressing};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Who makes a change; goes into the change log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// A login, `root`, the name of a service: whoever is answerable.
    pub name: String,
    /// By which way.
    pub via: Via,
}

/// The way by which a change came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// The command line.
    Command,
    /// A file import.
    Import,
    /// A directory that was read.
    Sync,
    /// Data that was pushed.
    Push,
    /// The API.
    Api,
    /// Doorlist itself (migrations, housekeeping).
    System,
}

/// Where a claim on an address comes from. A source owns its claims: it may withdraw only its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "name")]
pub enum Source {
    /// A person, by page or command.
    Hand,
    /// A directory, by the name of its connection.
    Directory(String),
    /// Data that an identity system pushes as the full state of a domain.
    Push,
    /// A file, by the name given with `--source` (default `file`).
    File(String),
    /// A person or a script, by the API.
    Api,
    /// The mail itself: clean mail that the domain's own server took.
    Learned,
}

impl Source {
    /// Whose word on structure counts: the highest rank. hand > directory, push, scim (2) > file, api > learned (0).
    pub fn rank(&self) -> u8 {
        match self {
            Source::Hand => 3,
            Source::Directory(_) | Source::Push => 2,
            Source::File(_) | Source::Api => 1,
            Source::Learned => 0,
        }
    }

    /// The text in the store and on screen: `hand`, `file:staff`, `directory:head office`.
    pub fn parse(text: &str) -> Option<Self> {
        match (text, text.split_once(':')) {
            ("hand", _) => Some(Source::Hand),
            ("push", _) => Some(Source::Push),
            ("api", _) => Some(Source::Api),
            ("learned", _) => Some(Source::Learned),
            (_, Some(("directory", name))) => Some(Source::Directory(name.to_owned())),
            (_, Some(("file", name))) => Some(Source::File(name.to_owned())),
            _ => None,
        }
    }

    /// Its word is somebody's wish for this one address: it frees a veto, and is refused where it cannot be followed.
    pub fn is_wish(&self) -> bool {
        matches!(self, Source::Hand | Source::Api)
    }

    /// What goes missing in this source stays accepted for a while: it may be a mistake of the other side. A file is what
    /// a person handed in and looked at.
    pub fn has_grace(&self) -> bool {
        matches!(self, Source::Directory(_) | Source::Push)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Hand => f.write_str("hand"),
            Source::Directory(name) => write!(f, "directory:{name}"),
            Source::Push => f.write_str("push"),
            Source::Api => f.write_str("api"),
            Source::Learned => f.write_str("learned"),
            Source::File(name) => write!(f, "file:{name}"),
        }
    }
}

/// What a source says that an address is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "structure", content = "of")]
pub enum Structure {
    /// An email account of its own.
    Mailbox,
    /// An account that is a distribution list.
    DistributionList,
    /// A further local part of this account in the same domain.
    AliasOf(LocalPart),
}

/// The number of a plan in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PlanId(pub u64);

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "op")]
pub enum Change {
    /// `source` says that the address is there; frees a veto if the source is a person.
    Claim {
        /// Whom.
        address: Address,
        /// As what.
        structure: Structure,
        /// Who says so.
        source: Source,
    },
    /// `source` no longer says so; the address stays while another source does.
    Withdraw {
        /// Whom.
        address: Address,
        /// Who takes its claim back.
        source: Source,
    },
    /// A person removes the address: every claim goes, a veto stays.
    Veto {
        /// Whom.
        address: Address,
    },
    /// An account becomes an alias of another account, with its own aliases; or an alias leads to another account. No
    /// address is unlisted at any moment.
    Reassign {
        /// The account or the alias.
        address: Address,
        /// Of this account in the same domain.
        to: LocalPart,
        /// Who says so.
        source: Source,
    },
    /// An address gets another local part: the row, its aliases and what belongs to it stay.
    Rename {
        /// Which.
        address: Address,
        /// Its new local part.
        to: LocalPart,
    },
    /// Accept or refuse (550 5.2.1) a listed address.
    SetActive {
        /// Whom.
        address: Address,
        /// Accept it.
        active: bool,
    },
    /// Everything that a plan staged. It stands alone in its set.
    Plan {
        /// Which.
        id: PlanId,
    },
    /// Something about a domain.
    Domain {
        /// Which.
        name: DomainName,
        /// What.
        change: DomainChange,
    },
}

impl Change {
    /// The address that it is about, unless it is about a domain or a plan.
    pub fn address(&self) -> Option<&Address> {
        match self {
            Change::Claim { address, .. }
            | Change::Withdraw { address, .. }
            | Change::Veto { address }
            | Change::Reassign { address, .. }
            | Change::Rename { address, .. }
            | Change::SetActive { address, .. } => Some(address),
            Change::Domain { .. } | Change::Plan { .. } => None,
        }
    }
}

/// A change to a domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "set")]
pub enum DomainChange {
    /// A new domain of this customer (made if new), with its mail servers.
    Add {
        /// Customer's name.
        customer: String,
        /// Where its mail goes. Without any, mail for it waits in the queue.
        servers: Vec<MailServer>,
    },
    /// The domain, its list and its aliases go.
    Remove,
    /// What happens to unlisted addresses.
    Mode(Mode),
    /// Deliveries wait.
    Hold(bool),
    /// Served at all.
    Active(bool),
    /// Its mail servers, all of them.
    Servers(Vec<MailServer>),
    /// Another name with the same list and servers.
    AddAlias(DomainName),
    /// That name no more.
    RemoveAlias(DomainName),
    /// That name is served, or refused altogether.
    AliasActive {
        /// Which.
        name: DomainName,
        /// Served.
        active: bool,
    },
    /// Another customer's from now on (made if new).
    Customer(String),
    /// TCP port of servers that are named without one.
    DeliveryPort(u16),
    /// The largest message that is taken for it, in octets; `None`: what the gateway takes.
    MessageMax(Option<u64>),
    /// Which sub-addresses follow their base.
    SubAddressing(SubAddressing),
    /// `abuse@` is a system address.
    AcceptAbuse(bool),
}

/// A domain's own mail server.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MailServer {
    /// Host name, or an IP address without brackets.
    pub host: String,
    /// TCP port; 25 unless said otherwise.
    pub port: u16,
    /// As in MX: lowest first, equal ones share the load.
    pub preference: u16,
    /// When the connection must be encrypted.
    pub tls: ServerTls,
    /// Tell the server who the client was (Postfix XFORWARD).
    pub xforward: bool,
    /// Who said that mail goes there.
    #[serde(default = "before_it_was_kept")]
    pub named_by: NamedBy,
}

/// Who named a mail server, and so where it may be (`mail_server_access`). Each may name whatever those before may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NamedBy {
    /// A tenant, by a remote surface.
    Tenant,
    /// The operator, by a remote surface.
    Operator,
    /// The operator, by a command on the machine.
    Machine,
}

/// Servers that are there at an upgrade count as the operator's.
fn before_it_was_kept() -> NamedBy {
    NamedBy::Machine
}

/// Encryption towards a domain's own server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServerTls {
    /// STARTTLS when offered, certificates unchecked.
    #[default]
    Opportunistic,
    /// Never in the clear, certificates unchecked.
    Required,
    /// Never in the clear, certificate valid for the host.
    Verify,
}

/// Changes that are applied together or not at all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeSet {
    /// In order.
    pub changes: Vec<Change>,
    /// One line for the change log.
    pub summary: String,
}
