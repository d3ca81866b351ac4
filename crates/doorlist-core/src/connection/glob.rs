//! Address patterns with `*`, `?` and `[...]`.

use crate::serde_text::serde_as_text;
use std::fmt;
use std::str::{Chars, FromStr};

/// Maximum characters of a pattern.
pub const GLOB_CHARS_MAX: usize = 320;

/// A case-insensitive pattern for whole addresses: `*` is any text, `?` any one character, `[abc]` and `[a-c]` one of
/// these, `[!abc]` any other. An unclosed `[` matches itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob {
    text: Box<str>,
    parts: Box<[GlobPart]>,
}

/// Why a text is not a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GlobError {
    /// The text is empty or too long.
    #[error("a pattern must have 1 to {GLOB_CHARS_MAX} characters")]
    Length,
    /// The pattern has control characters.
    #[error("a pattern must not have control characters")]
    Control,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum GlobPart {
    Star,
    AnyOne,
    One(char),
    OneOf { negated: bool, ranges: Box<[(char, char)]> },
}

impl Glob {
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the pattern matches the whole `text`, which is in lower case. Takes at most O(pattern length × text
    /// length).
    pub fn matches(&self, text: &str) -> bool {
        let mut parts = self.parts.iter();
        let mut rest = text.chars();
        // Where to go on when what follows the last star does not fit: the star takes one character more.
        let mut retry: Option<(std::slice::Iter<'_, GlobPart>, Chars<'_>)> = None;
        loop {
            let rest_here = rest.clone();
            match (parts.next(), rest.next()) {
                (None, None) => return true,
                (Some(GlobPart::Star), _) => {
                    retry = Some((parts.clone(), rest_here.clone()));
                    rest = rest_here;
                }
                (Some(part), Some(c)) if part.fits(c) => {}
                _ => {
                    let Some((after_star, taken)) = &mut retry else { return false };
                    if taken.next().is_none() {
                        return false;
                    }
                    (parts, rest) = (after_star.clone(), taken.clone());
                }
            }
        }
    }
}

impl GlobPart {
    fn fits(&self, c: char) -> bool {
        match self {
            GlobPart::Star => false,
            GlobPart::AnyOne => true,
            GlobPart::One(own) => *own == c,
            GlobPart::OneOf { negated, ranges } => {
                ranges.iter().any(|(from, to)| (*from..=*to).contains(&c)) != *negated
            }
        }
    }
}

/// Parses `[...]` after its opening bracket, with its length in characters; `None` if it is not closed.
fn one_of(chars: &[char]) -> Option<(GlobPart, usize)> {
    let negated = chars.first() == Some(&'!');
    let start = usize::from(negated);
    // A closing bracket in the first place is one of the characters.
    let end = chars.iter().skip(start + 1).position(|c| *c == ']')? + start + 1;
    let mut inner = chars.get(start..end)?;
    let mut ranges = Vec::new();
    while let [first, behind @ ..] = inner {
        if let ['-', last, behind @ ..] = behind {
            ranges.push((*first, *last));
            inner = behind;
        } else {
            ranges.push((*first, *first));
            inner = behind;
        }
    }
    Some((GlobPart::OneOf { negated, ranges: ranges.into() }, end + 1))
}

impl FromStr for Glob {
    type Err = GlobError;
    fn from_str(text: &str) -> Result<Self, GlobError> {
        let text = text.trim();
        if text.chars().any(char::is_control) {
            return Err(GlobError::Control);
        }
        let chars: Vec<char> = text.chars().flat_map(char::to_lowercase).collect();
        if chars.is_empty() || chars.len() > GLOB_CHARS_MAX {
            return Err(GlobError::Length);
        }
        let mut parts = Vec::new();
        let mut rest = chars.as_slice();
        while let [c, behind @ ..] = rest {
            rest = behind;
            parts.push(match c {
                '*' => GlobPart::Star,
                '?' => GlobPart::AnyOne,
                '[' => match one_of(behind) {
                    Some((part, length)) => {
                        rest = behind.get(length..).unwrap_or_default();
                        part
                    }
                    None => GlobPart::One('['),
                },
                other => GlobPart::One(*other),
            });
        }
        parts.dedup_by(|a, b| *a == GlobPart::Star && *b == GlobPart::Star);
        Ok(Self { text: text.into(), parts: parts.into() })
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

serde_as_text!(Glob);
