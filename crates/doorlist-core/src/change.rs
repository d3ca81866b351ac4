//! Changes to the list, with actor and source. Every change (command, file, directory, API, page) is a [`ChangeSet`]
//! that the store applies in one transaction.

use crate::address::{Address, DomainName, LocalPart};
use crate::domain::{BounceAddresses, Mode, SubAddressing};
use crate::mail_policy::SpamTreatment;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The author of a change, for the change log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// A login, `root`, or the name of a service.
    pub name: String,
    pub via: Via,
}

/// The interface through which a change was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    Command,
    Import,
    /// A sync of a directory.
    Sync,
    /// A push of data.
    Push,
    Api,
    /// What was learned from mail itself.
    Learning,
    /// Doorlist itself (migrations, expiry).
    System,
}

/// The source of a claim on an address. A source may withdraw only its own claims.
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
    /// Learned from clean mail that the domain's own server accepted.
    Learned,
}

impl Source {
    /// Precedence for the kind of an address: hand > directory, push, scim (2) > file, api > learned (0).
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

    /// Whether a claim of this source is a request for this one address: it lifts a veto, and it is rejected if it is
    /// impossible.
    pub fn is_wish(&self) -> bool {
        matches!(self, Source::Hand | Source::Api)
    }

    /// Whether addresses that go missing from this source stay accepted for a grace period. A file has none: a person
    /// has reviewed it.
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

/// The kind that a source gives an address.
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

/// One change to the list, its domains or their settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "op")]
pub enum Change {
    /// `source` lists the address; lifts a veto if the source is a person.
    Claim {
        address: Address,
        structure: Structure,
        /// The source that makes the claim.
        source: Source,
    },
    /// `source` no longer lists the address; it stays while another source does.
    Withdraw {
        address: Address,
        source: Source,
    },
    /// A person removes the address: all claims are removed and a veto is set.
    Veto {
        address: Address,
    },
    /// Turns an account with its aliases into aliases of another account, or moves an alias to another account. All
    /// addresses stay listed meanwhile.
    Reassign {
        /// The account or the alias.
        address: Address,
        /// Local part of the account, in the same domain.
        to: LocalPart,
        /// The source that withdraws its claim.
        source: Source,
    },
    /// Turns an alias into an account of its own: the way back from [`Change::Reassign`].
    Promote {
        /// The alias that becomes one.
        address: Address,
        /// The source that claims it from then on.
        source: Source,
    },
    /// Changes the local part; the row, its aliases and other data stay.
    Rename {
        address: Address,
        /// Its new local part.
        to: LocalPart,
    },
    /// Accept or refuse (550 5.2.1) a listed address.
    SetActive {
        address: Address,
        /// Whether mail for the address is accepted.
        active: bool,
    },
    /// Applies a staged plan. Must be the only change of its set.
    Plan {
        id: PlanId,
    },
    Domain {
        name: DomainName,
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
            | Change::Promote { address, .. }
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
    /// Adds a domain for a customer (created if missing), with its mail servers.
    Add {
        /// Name of the customer that owns the domain.
        customer: String,
        /// Mail servers of the domain. Without any, its mail stays in the queue.
        servers: Vec<MailServer>,
    },
    /// Removes the domain with its recipients and domain aliases.
    Remove,
    /// How unlisted recipients are handled.
    Mode(Mode),
    /// Accept mail, but do not deliver it.
    Hold(bool),
    /// `false`: all mail for the domain is rejected.
    Active(bool),
    /// Replaces all mail servers.
    Servers(Vec<MailServer>),
    /// Another name with the same list and servers.
    AddAlias(DomainName),
    RemoveAlias(DomainName),
    /// Activates or deactivates a domain alias.
    AliasActive {
        name: DomainName,
        /// `false`: mail for the alias is rejected.
        active: bool,
    },
    /// Moves the domain to another customer (created if missing).
    Customer(String),
    /// TCP port of servers that are named without one.
    DeliveryPort(u16),
    /// Message size limit in octets; `None` for the limit of the gateway.
    MessageMax(Option<u64>),
    Spam(SpamTreatment),
    SubAddressing(SubAddressing),
    /// Whether the domain's own server refuses `user+tag`: such addresses follow no base then, whatever is wanted.
    PlusRefused(bool),
    /// `abuse@` is a system address.
    AcceptAbuse(bool),
    BounceAddresses(BounceAddresses),
    /// Whether it goes back to mode monitor by itself when authenticated senders with a good record are refused.
    FallBack(bool),
}

/// A domain's own mail server.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MailServer {
    /// Host name, or an IP address without brackets.
    pub host: String,
    /// TCP port, 25 by default.
    pub port: u16,
    /// As in MX: lowest first, equal ones share the load.
    pub preference: u16,
    /// Whether the connection must be encrypted.
    pub tls: ServerTls,
    /// Tell the server who the client was (Postfix XFORWARD).
    pub xforward: bool,
    /// Who named the server.
    #[serde(default = "before_it_was_kept")]
    pub named_by: NamedBy,
}

impl MailServer {
    /// `host:port`, an IPv6 address in brackets.
    pub fn host_and_port(&self) -> String {
        host_and_port(&self.host, self.port)
    }
}

/// `host:port`, an IPv6 address in brackets.
pub fn host_and_port(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// Who named a mail server, which decides on the networks it may be in (`mail_server_access`). Each variant permits
/// what the previous ones permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NamedBy {
    /// A tenant, over the API.
    Tenant,
    /// The operator, over the API.
    Operator,
    /// The operator, with a command on the machine.
    Machine,
}

/// Servers from before this field count as named by the operator.
fn before_it_was_kept() -> NamedBy {
    NamedBy::Machine
}

/// Encryption towards a domain's own server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServerTls {
    /// STARTTLS when offered, certificates not verified.
    #[default]
    Opportunistic,
    /// Always encrypted, certificates not verified.
    Required,
    /// Always encrypted, with a certificate that is valid for the host.
    Verify,
}

/// Changes that are applied together or not at all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeSet {
    pub changes: Vec<Change>,
    /// One line for the change log.
    pub summary: String,
}
