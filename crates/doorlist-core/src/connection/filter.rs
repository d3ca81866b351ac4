//! Search filters (RFC 4511 §4.5.1.7) as a tree. Text of an administrator is parsed, never concatenated; other
//! conditions are added to the tree.

mod parse;

use super::AttributeName;
use crate::serde_text::serde_as_text;
use std::fmt::{self, Write};
use std::str::FromStr;

/// Maximum bytes of a filter's text.
pub const FILTER_BYTES_MAX: usize = 16 * 1024;
/// Maximum nesting depth of filters.
pub const FILTER_DEPTH_MAX: usize = 32;
/// Maximum number of parts of a filter.
pub const FILTER_PARTS_MAX: usize = 1_000;

/// A search filter (RFC 4515).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    And(Vec<Filter>),
    Or(Vec<Filter>),
    Not(Box<Filter>),
    /// The attribute has a value that compares like this with the given one.
    Compare {
        attribute: AttributeName,
        comparison: Comparison,
        value: Vec<u8>,
    },
    /// The attribute has any value.
    Present(AttributeName),
    /// The attribute has a value with these parts in this order; at least one is given.
    Substrings {
        attribute: AttributeName,
        /// Fixed text at the beginning.
        initial: Option<Vec<u8>>,
        /// Parts in between, none of them empty.
        any: Vec<Vec<u8>>,
        /// Fixed text at the end.
        last: Option<Vec<u8>>,
    },
    /// A matching rule (RFC 4515 §3), such as Active Directory's bit tests. Attribute or rule is given.
    Extensible {
        attribute: Option<AttributeName>,
        /// The rule's name or object identifier.
        rule: Option<AttributeName>,
        /// The parts of the distinguished name count as attributes.
        of_dn: bool,
        value: Vec<u8>,
    },
}

/// How a value compares with the given one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    GreaterOrEqual,
    LessOrEqual,
    Approximate,
}

/// Why a text is not a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// Longer than [`FILTER_BYTES_MAX`] octets.
    #[error("a filter has at most {} KiB", FILTER_BYTES_MAX / 1024)]
    TooLong,
    /// Nested deeper than [`FILTER_DEPTH_MAX`].
    #[error("the filter has more than {FILTER_DEPTH_MAX} levels")]
    TooDeep,
    /// More parts than [`FILTER_PARTS_MAX`].
    #[error("the filter has more than {FILTER_PARTS_MAX} parts")]
    TooManyParts,
    /// A parenthesis is missing, or there is one too many.
    #[error("character {at} of the filter: expected {expected}")]
    Expected {
        /// Position in octets, counted from 1.
        at: usize,
        /// What was expected there.
        expected: &'static str,
    },
}

impl Filter {
    /// `(attribute=value)` with any bytes as value.
    pub fn equal(attribute: AttributeName, value: Vec<u8>) -> Self {
        Filter::Compare { attribute, comparison: Comparison::Equal, value }
    }

    /// `(attribute>=value)` with any bytes as value.
    pub fn at_least(attribute: AttributeName, value: Vec<u8>) -> Self {
        Filter::Compare { attribute, comparison: Comparison::GreaterOrEqual, value }
    }

    /// A filter that matches if both match.
    #[must_use]
    pub fn and(self, other: Filter) -> Self {
        Filter::And(vec![self, other])
    }
}

/// Escapes a value for a filter (RFC 4515 §3); the only function that does.
///
/// UTF-8 stays readable; control characters, special characters of filters and invalid bytes become `\` and two
/// hexadecimal digits.
pub fn escape(value: &[u8], out: &mut impl Write) -> fmt::Result {
    for chunk in value.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '*' | '(' | ')' | '\\' => write!(out, "\\{:02x}", u32::from(c))?,
                c if c.is_ascii_control() => write!(out, "\\{:02x}", u32::from(c))?,
                c => out.write_char(c)?,
            }
        }
        for byte in chunk.invalid() {
            write!(out, "\\{byte:02x}")?;
        }
    }
    Ok(())
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('(')?;
        match self {
            Filter::And(parts) => list('&', parts, f)?,
            Filter::Or(parts) => list('|', parts, f)?,
            Filter::Not(part) => write!(f, "!{part}")?,
            Filter::Compare { attribute, comparison, value } => {
                let sign = match comparison {
                    Comparison::Equal => "=",
                    Comparison::GreaterOrEqual => ">=",
                    Comparison::LessOrEqual => "<=",
                    Comparison::Approximate => "~=",
                };
                write!(f, "{attribute}{sign}")?;
                escape(value, f)?;
            }
            Filter::Present(attribute) => write!(f, "{attribute}=*")?,
            Filter::Substrings { attribute, initial, any, last } => {
                write!(f, "{attribute}=")?;
                escape(initial.as_deref().unwrap_or_default(), f)?;
                f.write_char('*')?;
                for piece in any {
                    escape(piece, f)?;
                    f.write_char('*')?;
                }
                escape(last.as_deref().unwrap_or_default(), f)?;
            }
            Filter::Extensible { attribute, rule, of_dn, value } => {
                if let Some(attribute) = attribute {
                    write!(f, "{attribute}")?;
                }
                f.write_str(if *of_dn { ":dn" } else { "" })?;
                if let Some(rule) = rule {
                    write!(f, ":{rule}")?;
                }
                f.write_str(":=")?;
                escape(value, f)?;
            }
        }
        f.write_char(')')
    }
}

fn list(sign: char, parts: &[Filter], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_char(sign)?;
    parts.iter().try_for_each(|part| write!(f, "{part}"))
}

impl FromStr for Filter {
    type Err = FilterError;
    fn from_str(text: &str) -> Result<Self, FilterError> {
        parse::parse(text)
    }
}

serde_as_text!(Filter);
