//! Domain names as IDNA A-labels in lower case.

use super::AddressError;
use super::invisible::InvisibleCharacter;
use crate::serde_text::serde_as_text;
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use std::fmt;
use std::str::FromStr;

/// Octets of a domain name (RFC 1035 §2.3.4, without the root dot).
const DOMAIN_MAX: usize = 253;
/// Octets of one label.
const LABEL_MAX: usize = 63;
/// Maximum octets of the input; a U-label name of 253 octets in A-labels is shorter.
const RAW_MAX: usize = 1024;

/// A domain name in canonical form: A-labels, lower case, no trailing dot.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DomainName(Box<str>);

impl DomainName {
    /// Parses a name in A-labels or U-labels.
    ///
    /// U-labels are mapped by UTS 46, so full-width letters, the ideographic dot and letters such as U+212A (Kelvin)
    /// become ASCII. That is no other name: everybody who looks it up in DNS maps it so. Invisible characters, which UTS 46
    /// drops or keeps by context, are refused as written; an A-label that means one hides nothing.
    pub fn parse(raw: &[u8]) -> Result<Self, AddressError> {
        if raw.len() > RAW_MAX {
            return Err(AddressError::DomainSyntax);
        }
        if raw.ends_with(b".") {
            return Err(AddressError::DomainTrailingDot);
        }
        if is_plain_ascii_name(raw) {
            let text = std::str::from_utf8(raw).map_err(|_| AddressError::NotUtf8)?;
            return Ok(Self(text.to_ascii_lowercase().into_boxed_str()));
        }
        let text = std::str::from_utf8(raw).map_err(|_| AddressError::NotUtf8)?;
        if let Some(found) = InvisibleCharacter::find(text, |rest| Self::parse(rest.as_bytes()).ok()) {
            return Err(AddressError::Invisible(found));
        }
        let ascii = Uts46::new()
            .to_ascii(raw, AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Verify)
            .map_err(|_| AddressError::DomainSyntax)?;
        Ok(Self(ascii.into_owned().into_boxed_str()))
    }

    /// The A-label form (RFC 5890 §2.3.2.1).
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name in U-labels, for people.
    pub fn to_unicode(&self) -> String {
        Uts46::new().to_unicode(self.0.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast).0.into_owned()
    }
}

/// Recognises the common case without IDNA: letters, digits and hyphens in labels of valid length, without `xn--`
/// (those are checked) and without `--` at the third position.
fn is_plain_ascii_name(raw: &[u8]) -> bool {
    if raw.is_empty() || raw.len() > DOMAIN_MAX {
        return false;
    }
    raw.split(|&b| b == b'.').all(|label| {
        !label.is_empty()
            && label.len() <= LABEL_MAX
            && label.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-')
            && !label.starts_with(b"-")
            && !label.ends_with(b"-")
            && label.get(2..4) != Some(b"--")
    })
}

impl FromStr for DomainName {
    type Err = AddressError;
    fn from_str(text: &str) -> Result<Self, AddressError> {
        Self::parse(text.trim().as_bytes())
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

serde_as_text!(DomainName);
