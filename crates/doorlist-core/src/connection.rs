//! The connection settings of a directory (LDAP, Active Directory): plain data, parsed and validated.
//!
//! The password is not part of them: it is stored encrypted and passed separately.

mod attribute;
mod filter;
mod glob;
mod preset;
mod server;
#[cfg(test)]
mod tests;

pub use attribute::{AttributeError, AttributeName};
pub use filter::{Comparison, FILTER_BYTES_MAX, FILTER_DEPTH_MAX, FILTER_PARTS_MAX, Filter, FilterError, escape};
pub use glob::{GLOB_CHARS_MAX, Glob, GlobError};
pub use preset::Preset;
pub use server::{DirectoryServer, DirectoryTls, SERVERS_MAX, ServerError};

use serde::{Deserialize, Serialize};

/// Maximum bytes of a base or bind DN.
pub const NAME_BYTES_MAX: usize = 2_048;
/// Maximum bytes of the CA file.
pub const CA_BYTES_MAX: usize = 256 * 1024;
/// Maximum number of alias attributes.
pub const ALIAS_ATTRIBUTES_MAX: usize = 20;
/// Maximum number of exclusion patterns.
pub const EXCLUSIONS_MAX: usize = 1_000;
/// Minimum page size; smaller pages only cost time.
pub const PAGE_ENTRIES_MIN: u32 = 10;
/// Maximum page size, the default of Active Directory (MaxPageSize).
pub const PAGE_ENTRIES_MAX: u32 = 1_000;

/// A directory, and which entries are read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryConnection {
    /// Tried in this order when one cannot be reached.
    pub servers: Vec<DirectoryServer>,
    /// Which certificates are trusted.
    pub trust: Trust,
    pub bind: LdapBind,
    /// Allows sending the password unencrypted. Only for servers on a trusted network.
    #[serde(default)]
    pub allow_plain_password: bool,
    /// Base DN of the search.
    pub base: String,
    /// Search filter; `None` for the filter of the preset.
    #[serde(default)]
    pub filter: Option<Filter>,
    pub preset: Preset,
    /// The attribute with the address of the account.
    #[serde(default = "AttributeName::mail")]
    pub email_attribute: AttributeName,
    /// Attributes with alias addresses; see [`Preset::alias_attributes`].
    pub alias_attributes: Vec<AttributeName>,
    /// An attribute value that marks a distribution list, besides the usual object classes.
    #[serde(default)]
    pub list_mark: Option<ListMark>,
    /// Patterns of addresses to skip.
    #[serde(default)]
    pub exclusions: Vec<Glob>,
    /// Whether disabled accounts are read: a shared mailbox is a disabled account that receives mail.
    #[serde(default = "yes")]
    pub include_disabled: bool,
    /// Limits of a read.
    #[serde(default)]
    pub limits: DirectoryLimits,
}

/// Which certificates are trusted. They are always verified.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "value")]
pub enum Trust {
    /// The CAs of this machine.
    #[default]
    System,
    /// Only these CAs, as PEM text.
    Ca(String),
    /// Only this certificate, by the SHA-256 of its DER form, whatever its name and validity.
    Pinned(#[serde(with = "hex_32")] [u8; 32]),
}

/// The identity of the reader.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum LdapBind {
    /// Anonymous bind (RFC 4513 §5.1.1).
    Anonymous,
    /// Simple bind with name and password (RFC 4513 §5.1.3).
    Simple {
        /// A distinguished name, or with Active Directory `user@domain`.
        name: String,
    },
}

/// An attribute value that marks entries as distribution lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListMark {
    /// The attribute to compare, such as `objectClass`.
    pub attribute: AttributeName,
    /// Such as `mailList`; compared case-insensitively.
    pub value: String,
}

/// Limits of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryLimits {
    /// Page size ([`PAGE_ENTRIES_MIN`] to [`PAGE_ENTRIES_MAX`]).
    pub page_entries: u32,
    /// Maximum number of entries; a read with more fails.
    pub entries_max: u64,
}

impl Default for DirectoryLimits {
    fn default() -> Self {
        Self { page_entries: PAGE_ENTRIES_MAX, entries_max: 1_000_000 }
    }
}

/// Errors in connection settings, found before any connection is made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectionError {
    /// No server was given.
    #[error("give at least one server, such as ldaps://ldap.example.test")]
    NoServer,
    /// More servers than [`SERVERS_MAX`].
    #[error("give at most {SERVERS_MAX} servers")]
    TooManyServers,
    /// A text is empty or too long, or has control characters.
    #[error("the {what} must have 1 to {NAME_BYTES_MAX} bytes and no control characters")]
    Name { what: &'static str },
    /// RFC 4513 §6.3.1: a password must not be sent in the clear.
    #[error(
        "the password would be sent to {server} unencrypted: use ldaps:// or StartTLS, or allow it with \
             --allow-plain-password"
    )]
    PlainPassword { server: DirectoryServer },
    /// The CA text is empty or too long.
    #[error("the CA file must be PEM of at most {} KiB", CA_BYTES_MAX / 1024)]
    Ca,
    /// More attributes than [`ALIAS_ATTRIBUTES_MAX`].
    #[error("give at most {ALIAS_ATTRIBUTES_MAX} alias attributes")]
    TooManyAttributes,
    /// More patterns than [`EXCLUSIONS_MAX`].
    #[error("give at most {EXCLUSIONS_MAX} exclusion patterns")]
    TooManyExclusions,
    /// The page size is out of its range.
    #[error("the page size must be {PAGE_ENTRIES_MIN} to {PAGE_ENTRIES_MAX} entries")]
    PageEntries,
}

impl DirectoryConnection {
    /// A connection with the defaults of a preset.
    pub fn new(servers: Vec<DirectoryServer>, bind: LdapBind, base: String, preset: Preset) -> Self {
        Self {
            servers,
            trust: Trust::System,
            bind,
            allow_plain_password: false,
            base,
            filter: None,
            preset,
            email_attribute: AttributeName::mail(),
            alias_attributes: preset.alias_attributes(),
            list_mark: None,
            exclusions: Vec::new(),
            include_disabled: true,
            limits: DirectoryLimits::default(),
        }
    }

    /// Checks what the types do not.
    ///
    /// # Errors
    ///
    /// The first [`ConnectionError`] that applies.
    pub fn validate(&self) -> Result<(), ConnectionError> {
        if self.servers.is_empty() {
            return Err(ConnectionError::NoServer);
        }
        if self.servers.len() > SERVERS_MAX {
            return Err(ConnectionError::TooManyServers);
        }
        name("base", &self.base)?;
        if let LdapBind::Simple { name: who } = &self.bind {
            name("bind DN", who)?;
            let plain = self.servers.iter().find(|server| server.tls == DirectoryTls::Plain);
            if let (Some(server), false) = (plain, self.allow_plain_password) {
                return Err(ConnectionError::PlainPassword { server: server.clone() });
            }
        }
        if let Trust::Ca(pem) = &self.trust
            && (pem.len() > CA_BYTES_MAX || !pem.contains("-----BEGIN CERTIFICATE-----"))
        {
            return Err(ConnectionError::Ca);
        }
        if let Some(mark) = &self.list_mark {
            name("value that marks distribution lists", &mark.value)?;
        }
        if self.alias_attributes.len() > ALIAS_ATTRIBUTES_MAX {
            return Err(ConnectionError::TooManyAttributes);
        }
        if self.exclusions.len() > EXCLUSIONS_MAX {
            return Err(ConnectionError::TooManyExclusions);
        }
        if !(PAGE_ENTRIES_MIN..=PAGE_ENTRIES_MAX).contains(&self.limits.page_entries) {
            return Err(ConnectionError::PageEntries);
        }
        Ok(())
    }

    /// The filter of a full read: the configured one, or that of the preset.
    pub fn effective_filter(&self) -> Filter {
        self.filter.clone().unwrap_or_else(|| self.preset.filter(&self.email_attribute, &self.alias_attributes))
    }

    /// Whether the password must be given again because server, encryption, trust or bind DN differ from `before`.
    /// Otherwise anyone who may edit a connection could have its password sent to a server of their own.
    pub fn needs_password_again(&self, before: &DirectoryConnection) -> bool {
        let LdapBind::Simple { .. } = self.bind else { return false };
        self.bind != before.bind
            || self.trust != before.trust
            || self.servers.iter().any(|server| !before.servers.contains(server))
    }
}

fn name(what: &'static str, text: &str) -> Result<(), ConnectionError> {
    let fine = !text.trim().is_empty() && text.len() <= NAME_BYTES_MAX && !text.chars().any(char::is_control);
    if fine { Ok(()) } else { Err(ConnectionError::Name { what }) }
}

fn yes() -> bool {
    true
}

impl Trust {
    /// Parses a fingerprint of 64 hexadecimal digits, with or without colons.
    pub fn pinned(text: &str) -> Option<Self> {
        hex_32::parse(text).map(Self::Pinned)
    }
}

/// A SHA-256 as text.
mod hex_32 {
    use serde::{Deserialize, Deserializer, Serializer};
    use std::fmt::Write;

    pub(super) fn parse(text: &str) -> Option<[u8; 32]> {
        let digits: Vec<u8> = text
            .trim()
            .chars()
            .filter(|c| *c != ':')
            .map(|c| c.to_digit(16)?.try_into().ok())
            .collect::<Option<_>>()?;
        let bytes: Vec<u8> =
            digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect();
        if digits.len() == 64 { bytes.try_into().ok() } else { None }
    }

    pub(super) fn serialize<S: Serializer>(bytes: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
        let text = bytes.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        serializer.serialize_str(&text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        parse(&text).ok_or_else(|| serde::de::Error::custom("a SHA-256 fingerprint must have 64 hexadecimal digits"))
    }
}
