//! Names of attributes in a directory.

use crate::serde_text::serde_as_text;
use std::fmt;
use std::str::FromStr;

/// Maximum bytes of an attribute name; real ones have at most 60.
const BYTES_MAX: usize = 128;

/// An attribute description (RFC 4512 §2.5): a short name or an object identifier, with options.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AttributeName(Box<str>);

/// The text is not an attribute name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an attribute name must consist of letters, digits and hyphens, such as mail")]
pub struct AttributeError;

impl AttributeName {
    pub fn mail() -> Self {
        Self("mail".into())
    }

    /// `objectClass`, which every entry has.
    pub fn object_class() -> Self {
        Self("objectClass".into())
    }

    /// Makes a name of a constant that is known to be valid.
    pub(super) fn known(text: &'static str) -> Self {
        Self(text.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this attribute has the name, compared case-insensitively (RFC 4512 §2.5).
    pub fn is(&self, name: &[u8]) -> bool {
        self.0.as_bytes().eq_ignore_ascii_case(name)
    }
}

fn is_type(text: &str) -> bool {
    let is_oid = text.split('.').all(|arc| !arc.is_empty() && arc.bytes().all(|b| b.is_ascii_digit()));
    let is_short = text.starts_with(|c: char| c.is_ascii_alphabetic()) && is_keystring(text);
    is_short || is_oid
}

fn is_keystring(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

impl FromStr for AttributeName {
    type Err = AttributeError;
    fn from_str(text: &str) -> Result<Self, AttributeError> {
        let mut parts = text.split(';');
        let good = text.len() <= BYTES_MAX && parts.next().is_some_and(is_type) && parts.all(is_keystring);
        if good { Ok(Self(text.into())) } else { Err(AttributeError) }
    }
}

impl fmt::Display for AttributeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

serde_as_text!(AttributeName);
