//! Addresses: one normalizer for RCPT, files, directories, API and pages.
//!
//! Two spellings mean the same mailbox if and only if their parsed [`Address`]es are equal. An [`Address`] prints as
//! its canonical spelling, which parses back to itself. Local parts compare case-insensitively and in Unicode NFC,
//! domains as IDNA A-labels. The spelling of the sender, which is relayed, is not kept here.

mod characters;
mod domain_name;
mod invisible;
mod local_part;
#[cfg(test)]
mod tests;

pub use characters::{is_cleaned, is_invisible};
pub use domain_name::DomainName;
pub use invisible::InvisibleCharacter;
pub use local_part::{LOCAL_PART_MAX, LocalPart, PATH_MAX, SUB_ADDRESS_LOOKUPS_MAX, SubAddressing};

use crate::serde_text::serde_as_text;
use std::fmt;
use std::str::FromStr;

/// Why a text is not an address. Each variant is something that a person can correct.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// There is no `@` outside quotes.
    #[error("an address needs an @ between the name and the domain")]
    NoAt,
    /// The local part is empty.
    #[error("the part before the @ is empty")]
    LocalEmpty,
    /// Local part over 64 octets (RFC 5321 §4.5.3.1.1).
    #[error("the part before the @ is longer than {LOCAL_PART_MAX} octets")]
    LocalTooLong,
    /// Both parts together over 254 octets (RFC 5321 §4.5.3.1.3, without the brackets).
    #[error("the address is longer than {PATH_MAX} octets")]
    PathTooLong,
    /// A character that needs quotes, one that becomes ASCII when folded, or an unfinished quoted string.
    #[error("the part before the @ has a character that is not allowed there")]
    LocalSyntax,
    /// A label or the name is empty or too long, or has a character that host names cannot have.
    #[error("the domain is not a valid name")]
    DomainSyntax,
    /// `example.test.`: valid in DNS, not in a mail address (RFC 5321 §2.3.5).
    #[error("the domain ends in a dot")]
    DomainTrailingDot,
    /// An invisible character in either part.
    #[error("the address has an invisible character, {0}")]
    Invisible(InvisibleCharacter),
    #[error("the address is not valid UTF-8")]
    NotUtf8,
}

/// A mailbox address in canonical form.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    local: LocalPart,
    domain: DomainName,
}

impl Address {
    /// Joins a local part and a domain.
    pub fn new(local: LocalPart, domain: DomainName) -> Self {
        Self { local, domain }
    }

    /// Parses the two parts as received: `local` with its quotes, `domain` without brackets.
    pub fn from_parts(local: &[u8], domain: &[u8]) -> Result<Self, AddressError> {
        match (LocalPart::parse(local), DomainName::parse(domain)) {
            (Ok(local), Ok(domain)) => Ok(Self { local, domain }),
            (local, domain) => Err(of_both(&local, &domain)),
        }
    }

    /// Parses the two parts of a recipient, the local part of which may be longer than an entry of a list.
    pub fn of_recipient(local: &[u8], domain: &[u8]) -> Result<Self, AddressError> {
        if local.len() + "@".len() + domain.len() > PATH_MAX {
            return Err(AddressError::PathTooLong);
        }
        match (LocalPart::of_recipient(local), DomainName::parse(domain)) {
            (Ok(local), Ok(domain)) => Ok(Self { local, domain }),
            (local, domain) => Err(of_both(&local, &domain)),
        }
    }

    /// The part before the `@`.
    pub fn local(&self) -> &LocalPart {
        &self.local
    }

    /// The part after the `@`.
    pub fn domain(&self) -> &DomainName {
        &self.domain
    }
}

/// What is wrong with a part, the first first. An address without its invisible characters is shown whole.
fn of_both(local: &Result<LocalPart, AddressError>, domain: &Result<DomainName, AddressError>) -> AddressError {
    fn cleaned(part: &Result<impl ToString, AddressError>) -> Option<String> {
        match part {
            Ok(part) => Some(part.to_string()),
            Err(AddressError::Invisible(found)) => found.without.as_deref().map(str::to_owned),
            Err(_) => None,
        }
    }
    let error = local.as_ref().err().or(domain.as_ref().err()).cloned().unwrap_or(AddressError::NoAt);
    match error {
        AddressError::Invisible(found) => {
            let whole = cleaned(local).zip(cleaned(domain)).map(|(local, domain)| format!("{local}@{domain}").into());
            AddressError::Invisible(InvisibleCharacter { without: whole, ..found })
        }
        other => other,
    }
}

impl FromStr for Address {
    type Err = AddressError;

    /// Parses `local@domain`. Ignores surrounding spaces; the last `@` outside quotes separates the parts.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        let at = match text.strip_prefix('"') {
            Some(rest) => quoted_end(rest).map(|end| end + 1).filter(|at| text[*at..].starts_with('@')),
            None => text.rfind('@'),
        };
        let at = at.ok_or(AddressError::NoAt)?;
        let bytes = text.as_bytes();
        Self::from_parts(&bytes[..at], &bytes[at + 1..])
    }
}

/// The offset just behind the closing quote in `rest`, the text after the opening one.
fn quoted_end(rest: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in rest.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local, self.domain)
    }
}

serde_as_text!(Address);
