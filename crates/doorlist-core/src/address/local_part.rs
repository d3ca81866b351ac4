//! Local parts: unquoted where possible, case-folded, in NFC.

use super::AddressError;
use super::characters::{asks_for_relay, becomes_ascii};
use super::invisible::InvisibleCharacter;
use serde::{Deserialize, Serialize};
use std::fmt::{self, Write};
use unicode_normalization::{UnicodeNormalization, is_nfc};

/// Octets that a local part may have as written, without its quotes (RFC 5321 §4.5.3.1.1).
pub const LOCAL_PART_MAX: usize = 64;
/// Octets of a path without its brackets (RFC 5321 §4.5.3.1.3), to which the local part of a recipient must fit. Senders
/// write sub-addresses and signed addresses that are longer than any entry of a list.
pub const PATH_MAX: usize = 254;
/// Maximum number of bases that a look-up of `a+b+c+...@` tries.
pub const SUB_ADDRESS_LOOKUPS_MAX: usize = 8;

/// The characters that separate base and tag of a sub-address in a domain (`user+tag`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubAddressing {
    /// `user+anything`; on by default.
    pub plus: bool,
    /// `user-anything`; off by default, since hyphens are common in names.
    pub minus: bool,
}

impl SubAddressing {
    /// What is left of it at a server that refuses `user+anything`, or does not.
    #[must_use]
    pub fn taken(self, plus_refused: bool) -> Self {
        Self { plus: self.plus && !plus_refused, ..self }
    }
}

impl Default for SubAddressing {
    fn default() -> Self {
        Self { plus: true, minus: false }
    }
}

/// A local part in canonical form: its characters without quotes and escapes, lower case, NFC.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LocalPart(Box<str>);

impl LocalPart {
    /// Parses a local part as written, with quotes if it has them.
    ///
    /// Unquoted, dots may stand anywhere: addresses like `first..last` exist, and are accepted if they are listed.
    pub fn parse(raw: &[u8]) -> Result<Self, AddressError> {
        Self::parse_within(raw, LOCAL_PART_MAX)
    }

    /// Parses the local part of a recipient, which may be longer than an entry of a list. A long one is looked up and
    /// compared like any other; as text it does not parse back.
    pub(crate) fn of_recipient(raw: &[u8]) -> Result<Self, AddressError> {
        Self::parse_within(raw, PATH_MAX)
    }

    fn parse_within(raw: &[u8], max: usize) -> Result<Self, AddressError> {
        if let [b'"', inner @ .., b'"'] = raw {
            return Self::from_quoted(inner, max);
        }
        if raw.is_empty() {
            return Err(AddressError::LocalEmpty);
        }
        if raw.len() > max {
            return Err(AddressError::LocalTooLong);
        }
        let mut ascii = true;
        for &byte in raw {
            if byte >= 0x80 {
                ascii = false;
            } else if !is_atext_or_dot(byte) {
                return Err(AddressError::LocalSyntax);
            }
        }
        let text = std::str::from_utf8(raw).map_err(|_| AddressError::NotUtf8)?;
        if ascii {
            return Ok(Self(text.to_ascii_lowercase().into_boxed_str()));
        }
        Self::fold(text, max)
    }

    /// The inside of a quoted string: `\x` means `x` (RFC 5321 §4.1.2 quoted-pairSMTP).
    fn from_quoted(inner: &[u8], max: usize) -> Result<Self, AddressError> {
        let text = std::str::from_utf8(inner).map_err(|_| AddressError::NotUtf8)?;
        let mut plain = String::with_capacity(text.len());
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            plain.push(match c {
                '"' => return Err(AddressError::LocalSyntax),
                '\\' => chars.next().ok_or(AddressError::LocalSyntax)?,
                other => other,
            });
        }
        if plain.is_empty() {
            return Err(AddressError::LocalEmpty);
        }
        if plain.len() > max {
            return Err(AddressError::LocalTooLong);
        }
        Self::fold(&plain, max)
    }

    /// Folds case and normalizes, independent of locale. Repeats until nothing changes, so that the result is its own
    /// canonical form; usually one round is enough.
    ///
    /// Characters outside ASCII never become ASCII: U+017F (long s) is lower case already and stays, U+0130 (I with a
    /// dot) becomes an i with a combining dot, and the few that would become ASCII are rejected.
    fn fold(text: &str, max: usize) -> Result<Self, AddressError> {
        const ROUNDS_MAX: usize = 4;
        let rest = |rest: &str| Self::fold(rest, max).ok().filter(|_| !rest.is_empty());
        if let Some(found) = InvisibleCharacter::find(text, rest) {
            return Err(AddressError::Invisible(found));
        }
        if text.contains(becomes_ascii) {
            return Err(AddressError::LocalSyntax);
        }
        let mut current: String = text.nfc().collect();
        for _ in 0..ROUNDS_MAX {
            let next: String = current.chars().flat_map(fold_char).nfc().collect();
            if next == current && is_nfc(&next) {
                break;
            }
            current = next;
        }
        // Folding can lengthen a name, and what is longer than a local part would not parse back.
        if current.len() > max {
            return Err(AddressError::LocalTooLong);
        }
        Ok(Self(current.into_boxed_str()))
    }

    /// The canonical characters, without quotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A legal character that people take for `'` or `-` and cannot type: mail to the usual spelling is not for it.
    pub fn lookalike(&self) -> Option<char> {
        self.0.chars().find(|c| matches!(c, '\u{2010}' | '\u{2011}' | '\u{2019}'))
    }

    /// Makes a local part of text that is known to be canonical, such as a column of the store.
    pub fn from_canonical(text: &str) -> Self {
        Self(text.into())
    }

    /// The bases of a possible sub-address, longest first, at most [`SUB_ADDRESS_LOOKUPS_MAX`].
    pub fn bases(&self, separators: SubAddressing) -> impl Iterator<Item = &str> {
        self.0
            .char_indices()
            .rev()
            .filter(move |(at, c)| *at > 0 && ((*c == '+' && separators.plus) || (*c == '-' && separators.minus)))
            .map(|(at, _)| &self.0[..at])
            .take(SUB_ADDRESS_LOOKUPS_MAX)
    }

    /// Whether the text requests relaying to another host: the `%` hack, a `!` path, or an `@` inside quotes, anywhere
    /// in it. Folding neither adds nor removes these characters, so the canonical form gives the same result.
    pub fn asks_for_relay(&self) -> bool {
        self.0.contains(asks_for_relay)
    }
}

/// Lower case of one character. The Greek final sigma is folded to sigma: `to_lowercase` of a text chooses by
/// position, and a name would differ from its upper-case spelling.
fn fold_char(c: char) -> impl Iterator<Item = char> {
    c.to_lowercase().map(|c| if c == 'ς' { 'σ' } else { c })
}

/// RFC 5321 §4.1.2 atext, and the dot of a Dot-string.
fn is_atext_or_dot(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&byte)
}

fn needs_no_quotes(c: char) -> bool {
    !c.is_ascii() || is_atext_or_dot(c as u8)
}

impl fmt::Display for LocalPart {
    /// Prints quotes where needed, in the spelling that parses back to this value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.chars().all(needs_no_quotes) {
            return f.write_str(&self.0);
        }
        f.write_char('"')?;
        for c in self.0.chars() {
            if matches!(c, '"' | '\\') {
                f.write_char('\\')?;
            }
            f.write_char(c)?;
        }
        f.write_char('"')
    }
}

impl Serialize for LocalPart {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LocalPart {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Self::parse(text.as_bytes()).map_err(serde::de::Error::custom)
    }
}
