//! Parses the text form of a filter (RFC 4515 §3). Accepts spaces between filters and a single `mail=*` without
//! parentheses; takes values literally.

use super::{AttributeName, Comparison, FILTER_BYTES_MAX, FILTER_DEPTH_MAX, FILTER_PARTS_MAX, Filter, FilterError};

/// The whole text is one filter.
pub(super) fn parse(text: &str) -> Result<Filter, FilterError> {
    if text.len() > FILTER_BYTES_MAX {
        return Err(FilterError::TooLong);
    }
    let mut parser = Parser { text, at: 0, parts: 0 };
    parser.skip_spaces();
    let filter = if parser.peek() == Some(b'(') { parser.filter(1)? } else { parser.item()? };
    parser.skip_spaces();
    if parser.at < text.len() { Err(parser.expected("the end")) } else { Ok(filter) }
}

struct Parser<'a> {
    text: &'a str,
    /// Always at the start of a character: only ASCII is stepped over byte by byte.
    at: usize,
    parts: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_spaces(&mut self) {
        self.at = self.text.len() - self.rest().trim_start_matches([' ', '\t', '\r', '\n']).len();
    }

    fn expected(&self, expected: &'static str) -> FilterError {
        let before = self.text.get(..self.at).unwrap_or_default();
        FilterError::Expected { at: before.chars().count() + 1, expected }
    }

    fn take(&mut self, byte: u8, expected: &'static str) -> Result<(), FilterError> {
        if self.peek() != Some(byte) {
            return Err(self.expected(expected));
        }
        self.at += 1;
        Ok(())
    }

    fn filter(&mut self, depth: usize) -> Result<Filter, FilterError> {
        if depth > FILTER_DEPTH_MAX {
            return Err(FilterError::TooDeep);
        }
        self.take(b'(', "(")?;
        self.skip_spaces();
        let filter = match self.peek() {
            Some(b'&') => Filter::And(self.list(depth)?),
            Some(b'|') => Filter::Or(self.list(depth)?),
            Some(b'!') => {
                self.at += 1;
                self.skip_spaces();
                Filter::Not(Box::new(self.filter(depth + 1)?))
            }
            _ => self.item()?,
        };
        self.skip_spaces();
        self.take(b')', ")")?;
        self.parts += 1;
        if self.parts > FILTER_PARTS_MAX { Err(FilterError::TooManyParts) } else { Ok(filter) }
    }

    /// The list after `&` or `|`. An empty list (RFC 4526) is rejected: it would match everything or nothing.
    fn list(&mut self, depth: usize) -> Result<Vec<Filter>, FilterError> {
        self.at += 1;
        let mut parts = Vec::new();
        loop {
            self.skip_spaces();
            if self.peek() == Some(b')') && !parts.is_empty() {
                return Ok(parts);
            }
            parts.push(self.filter(depth + 1)?);
        }
    }

    fn item(&mut self) -> Result<Filter, FilterError> {
        let length = self.rest().find(['=', '(', ')', '*', '\\', '<', '>', '~', ':']).unwrap_or(self.rest().len());
        let start = self.at;
        let name = self.rest().get(..length).unwrap_or_default().trim_end();
        self.at += length;
        let comparison = match self.peek() {
            Some(b':') => return self.extensible(start, name),
            Some(b'>') => Comparison::GreaterOrEqual,
            Some(b'<') => Comparison::LessOrEqual,
            Some(b'~') => Comparison::Approximate,
            _ => Comparison::Equal,
        };
        if comparison != Comparison::Equal {
            self.at += 1;
        }
        let attribute = self.attribute(start, name)?;
        self.take(b'=', "=")?;
        let mut pieces = self.value()?;
        if pieces.len() == 1 {
            return Ok(Filter::Compare { attribute, comparison, value: pieces.pop().unwrap_or_default() });
        }
        if comparison != Comparison::Equal {
            return Err(self.expected("a value without *"));
        }
        let filled = |piece: Vec<u8>| Some(piece).filter(|piece| !piece.is_empty());
        let last = pieces.pop().and_then(filled);
        let mut pieces = pieces.into_iter();
        let initial = pieces.next().and_then(filled);
        let any: Vec<Vec<u8>> = pieces.filter_map(filled).collect();
        if initial.is_none() && any.is_empty() && last.is_none() {
            return Ok(Filter::Present(attribute));
        }
        Ok(Filter::Substrings { attribute, initial, any, last })
    }

    /// `attribute:dn:rule:=value`; the parser stands at the first colon.
    fn extensible(&mut self, start: usize, name: &str) -> Result<Filter, FilterError> {
        let attribute = if name.is_empty() { None } else { Some(self.attribute(start, name)?) };
        let (mut of_dn, mut rule) = (false, None);
        loop {
            self.take(b':', ":=")?;
            if self.peek() == Some(b'=') {
                self.at += 1;
                break;
            }
            let start = self.at;
            let length = self.rest().find([':', '=', '(', ')']).unwrap_or(self.rest().len());
            let word = self.rest().get(..length).unwrap_or_default();
            self.at += length;
            if word.eq_ignore_ascii_case("dn") && !of_dn && rule.is_none() {
                of_dn = true;
            } else if rule.is_none() {
                rule = Some(self.attribute(start, word)?);
            } else {
                return Err(self.expected(":="));
            }
        }
        if attribute.is_none() && rule.is_none() {
            return Err(self.expected("an attribute or a matching rule"));
        }
        match self.value()?.as_mut_slice() {
            [value] => Ok(Filter::Extensible { attribute, rule, of_dn, value: std::mem::take(value) }),
            _ => Err(self.expected("a value without *")),
        }
    }

    fn attribute(&mut self, start: usize, name: &str) -> Result<AttributeName, FilterError> {
        name.parse().map_err(|_| {
            self.at = start;
            self.expected("an attribute name")
        })
    }

    /// The value up to its closing parenthesis, split at unescaped `*`.
    fn value(&mut self) -> Result<Vec<Vec<u8>>, FilterError> {
        let mut pieces = vec![Vec::new()];
        while let Some(byte) = self.peek() {
            let piece = match byte {
                b')' => break,
                b'(' | 0 => {
                    return Err(self.expected("a value with (, ), *, \\ and NUL escaped as \\28, \\29, ..."));
                }
                b'*' => {
                    self.at += 1;
                    pieces.push(Vec::new());
                    continue;
                }
                b'\\' => {
                    let digits = self.text.as_bytes().get(self.at + 1..self.at + 3).and_then(hex);
                    let byte = digits.ok_or_else(|| self.expected("\\ and two hexadecimal digits"))?;
                    self.at += 3;
                    byte
                }
                other => {
                    self.at += 1;
                    other
                }
            };
            if let Some(last) = pieces.last_mut() {
                last.push(piece);
            }
        }
        Ok(pieces)
    }
}

fn hex(digits: &[u8]) -> Option<u8> {
    let digit = |b: &u8| char::from(*b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let [high, low] = digits else { return None };
    Some(digit(high)? << 4 | digit(low)?)
}
