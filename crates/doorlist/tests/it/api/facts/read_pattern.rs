//! Patterns as they are written.

use serde_json::Value;

use super::pattern::{KINDS, Pattern, Presence};
use super::text;

/// Reads a whole text as a pattern.
pub(crate) fn read(text: &str) -> Result<Pattern, String> {
    let mut reader = Reader { text, rest: text.trim_start() };
    let pattern = reader.pattern()?;
    match reader.rest.is_empty() {
        true => Ok(pattern),
        false => Err(reader.wrong("the end")),
    }
}

struct Reader<'a> {
    text: &'a str,
    /// Never begins with a blank.
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn wrong(&self, wanted: &str) -> String {
        let begin: String = self.rest.chars().take(40).collect();
        format!("not a pattern: expected {wanted} at `{begin}` in {}", self.text)
    }

    /// Goes on behind this, if it comes next.
    fn takes(&mut self, token: &str) -> bool {
        let left = self.rest.strip_prefix(token);
        self.rest = left.unwrap_or(self.rest).trim_start();
        left.is_some()
    }

    fn needs(&mut self, token: &str) -> Result<(), String> {
        match self.takes(token) {
            true => Ok(()),
            false => Err(self.wrong(token)),
        }
    }

    fn name(&mut self) -> Result<String, String> {
        let (name, left) = text::name(self.rest).ok_or_else(|| self.wrong("a name"))?;
        self.rest = left.trim_start();
        Ok(name.to_owned())
    }

    fn pattern(&mut self) -> Result<Pattern, String> {
        if self.takes("{") {
            return self.object();
        }
        if self.takes("[") {
            return self.array();
        }
        if self.takes("(") {
            return self.either();
        }
        if self.takes("!$") {
            return self.name().map(Pattern::Not);
        }
        if self.takes("$") {
            return self.name().map(Pattern::Name);
        }
        if let Some(kind) = text::name(self.rest).and_then(|(word, _)| KINDS.iter().find(|kind| **kind == word)) {
            self.needs(kind)?;
            return Ok(Pattern::Kind(kind));
        }
        Ok(match self.json()? {
            Value::String(text) => Pattern::Text(text),
            other => Pattern::Exactly(other),
        })
    }

    /// A string, a number, `true`, `false` or `null`.
    fn json(&mut self) -> Result<Value, String> {
        let length = if self.rest.starts_with('"') {
            let mut values = serde_json::Deserializer::from_str(self.rest).into_iter::<Value>();
            values.next().map_or(0, |_| values.byte_offset())
        } else {
            self.rest.find([',', ']', '}', ')', '|', ':', ' ', '\n']).unwrap_or(self.rest.len())
        };
        let value = serde_json::from_str(&self.rest[..length]).map_err(|_| self.wrong("a value"))?;
        self.rest = self.rest[length..].trim_start();
        Ok(value)
    }

    fn object(&mut self) -> Result<Pattern, String> {
        let (mut keys, mut open) = (Vec::new(), false);
        while !self.takes("}") {
            if !keys.is_empty() || open {
                self.needs(",")?;
            }
            if self.takes("...") {
                open = true;
                continue;
            }
            let Value::String(key) = self.json()? else { return Err(self.wrong("a key")) };
            let may_be_missing = self.takes("?");
            self.needs(":")?;
            keys.push(if self.takes("absent") {
                (key, Presence::Absent, Pattern::Kind("any"))
            } else {
                let presence = if may_be_missing { Presence::Allowed } else { Presence::Needed };
                (key, presence, self.pattern()?)
            });
        }
        Ok(Pattern::Object { keys, open })
    }

    fn array(&mut self) -> Result<Pattern, String> {
        let mut elements = Vec::new();
        while !self.takes("]") {
            if !elements.is_empty() {
                self.needs(",")?;
            }
            elements.push(if self.takes("...") { None } else { Some(self.pattern()?) });
        }
        Ok(Pattern::Array(elements))
    }

    fn either(&mut self) -> Result<Pattern, String> {
        let mut patterns = vec![self.pattern()?];
        while !self.takes(")") {
            self.needs("|")?;
            patterns.push(self.pattern()?);
        }
        Ok(Pattern::Either(patterns))
    }
}
