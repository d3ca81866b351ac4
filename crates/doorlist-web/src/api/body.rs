//! The fields of a request body, as lenient as clients need: unknown and read-only fields are ignored, `1` and
//! `"true"` are true, a number is accepted as text. All errors are collected and reported together.

use super::exchange::Fault;
use super::link::{self, Link};
use super::spec::{Field, FieldKind, FieldWriter, Spec};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Maximum characters of a text.
const TEXT_MAX: usize = 64 * 1024;

/// Invalid fields with their errors.
pub(crate) type Wrong = BTreeMap<String, Vec<String>>;

/// A JSON object of a request.
#[derive(Debug)]
pub(crate) struct Body {
    resource: &'static str,
    map: Map<String, Value>,
    wrong: Wrong,
}

impl Body {
    /// Parses a body that must be a JSON object.
    pub(crate) fn parse(spec: &Spec, bytes: &[u8]) -> Result<Self, Fault> {
        match json(bytes)? {
            Value::Object(map) => Ok(Self { resource: spec.name, map, wrong: Wrong::new() }),
            _ => Err(Fault::Bad("the body must be a JSON object".to_owned())),
        }
    }

    /// Whether a field was given at all.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.map.contains_key(name)
    }

    /// The value as it was sent.
    pub(crate) fn raw(&self, name: &str) -> Option<&Value> {
        self.map.get(name)
    }

    /// Records an error of a field.
    pub(crate) fn wrong(&mut self, name: &str, why: impl Into<String>) {
        self.wrong.entry(name.to_owned()).or_default().push(why.into());
    }

    /// A text; not given, or null.
    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        let text = match self.map.get(name)? {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            Value::Null => return None,
            _ => {
                self.wrong(name, "expected a text");
                return None;
            }
        };
        if text.chars().count() > TEXT_MAX || text.contains('\0') {
            self.wrong(name, format!("at most {TEXT_MAX} characters, no NUL"));
            return None;
        }
        Some(text)
    }

    /// A nullable text: `Some(None)` is null.
    #[allow(clippy::option_option, reason = "not given, null, and a value are three things")]
    pub(crate) fn text_or_null(&mut self, name: &str) -> Option<Option<String>> {
        match self.map.get(name)? {
            Value::Null => Some(None),
            _ => Some(self.text(name)),
        }
    }

    /// A required text that must not be empty.
    pub(crate) fn required_text(&mut self, name: &str) -> String {
        match self.text(name).filter(|text| !text.trim().is_empty()) {
            Some(text) => text,
            None => {
                if !self.wrong.contains_key(name) {
                    self.wrong(name, "This field is required.");
                }
                String::new()
            }
        }
    }

    /// An optional text that must not be empty.
    pub(crate) fn changed_text(&mut self, name: &str) -> Option<String> {
        self.has(name).then(|| self.required_text(name)).filter(|text| !text.is_empty())
    }

    pub(crate) fn flag(&mut self, name: &str) -> Option<bool> {
        let flag = match self.map.get(name)? {
            Value::Bool(flag) => Some(*flag),
            Value::Number(number) => match number.as_i64() {
                Some(0) => Some(false),
                Some(1) => Some(true),
                _ => None,
            },
            // A form's empty field says nothing; it must not switch anything off.
            Value::String(text) if text.trim().is_empty() => return None,
            Value::String(text) => super::query::flag(text),
            Value::Null => return None,
            _ => None,
        };
        if flag.is_none() {
            self.wrong(name, "expected true or false");
        }
        flag
    }

    pub(crate) fn integer(&mut self, name: &str) -> Option<i64> {
        let number = match self.map.get(name)? {
            Value::Number(number) => number.as_i64(),
            Value::String(text) if text.trim().is_empty() => return None,
            Value::String(text) => text.trim().parse().ok(),
            Value::Bool(flag) => Some(i64::from(*flag)),
            Value::Null => return None,
            _ => None,
        };
        if number.is_none() {
            self.wrong(name, "expected a whole number");
        }
        number
    }

    /// A whole number within bounds.
    pub(crate) fn integer_within(&mut self, name: &str, least: i64, most: i64) -> Option<i64> {
        let number = self.integer(name)?;
        if (least..=most).contains(&number) {
            return Some(number);
        }
        self.wrong(name, format!("expected a number from {least} to {most}"));
        None
    }

    /// A reference to another object.
    pub(crate) fn link(&mut self, name: &str, resource: &str) -> Result<Option<Link>, Fault> {
        let Some(value) = self.map.get(name).filter(|value| !value.is_null()) else { return Ok(None) };
        let shown = match value {
            Value::String(text) => text.chars().take(200).collect(),
            other => other.to_string().chars().take(200).collect::<String>(),
        };
        match link::parse(value, resource) {
            Some(link) => Ok(Some(link)),
            None => Err(Fault::no_object(&shown)),
        }
    }

    /// A required reference to another object.
    pub(crate) fn required_link(&mut self, name: &str, resource: &str) -> Result<Link, Fault> {
        match self.link(name, resource)? {
            Some(link) => Ok(link),
            None => {
                self.wrong(name, "This field is required.");
                // Nothing can be done without it: say so together with what else is wrong.
                Err(Fault::Fields { resource: self.resource, fields: std::mem::take(&mut self.wrong) })
            }
        }
    }

    /// A number with or without a fraction.
    fn float(&mut self, name: &str) -> Option<f64> {
        let number = match self.map.get(name)? {
            Value::Number(number) => number.as_f64(),
            Value::String(text) if text.trim().is_empty() => return None,
            // `nan` and `inf` are words to the parser, and no numbers of JSON.
            Value::String(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
            Value::Null => return None,
            _ => None,
        };
        if number.is_none() {
            self.wrong(name, "expected a number");
        }
        number
    }

    /// Gives a field that has two names the one by which it is read.
    pub(crate) fn rename(&mut self, other: &str, name: &str) {
        let is_given = |value: &Value| !value.is_null() && value.as_str() != Some("");
        let Some(value) = self.map.remove(other).filter(is_given) else { return };
        if self.map.get(name).is_some_and(|given| is_given(given) && *given != value) {
            self.wrong(other, format!("{other} and {name} are the same field: give one value"));
        }
        self.map.insert(name.to_owned(), value);
    }

    /// Takes out the fields that the caller does not write, because clients send whole objects back: those that Doorlist
    /// does not offer, though their values must be of the right kind, and those of the level above unless the caller
    /// speaks for it.
    pub(crate) fn set_aside(&mut self, spec: &Spec, is_below: bool) -> UnwrittenFields {
        for field in spec.written_by(FieldWriter::Unsupported) {
            match field.kind {
                FieldKind::Boolean => _ = self.flag(field.name),
                FieldKind::Integer => _ = self.integer(field.name),
                FieldKind::Float => _ = self.float(field.name),
                FieldKind::Text => _ = self.text(field.name),
                FieldKind::Time | FieldKind::One(_) | FieldKind::Many(_) => {}
            }
        }
        let of_above = is_below.then(|| spec.written_by(FieldWriter::Above)).into_iter().flatten();
        let aside = of_above.chain(spec.written_by(FieldWriter::Unsupported));
        UnwrittenFields(aside.filter_map(|field| Some((field, self.map.remove(field.name)?))).collect())
    }

    /// Returns all recorded errors, if any.
    pub(crate) fn finish(&mut self) -> Result<(), Fault> {
        if self.wrong.is_empty() {
            return Ok(());
        }
        Err(Fault::Fields { resource: self.resource, fields: std::mem::take(&mut self.wrong) })
    }
}

/// Fields of a request that it does not write, as they were given.
#[derive(Debug)]
pub(crate) struct UnwrittenFields(Vec<(&'static Field, Value)>);

impl UnwrittenFields {
    /// The names of those that were given another value than the one that stands.
    pub(crate) fn left(&self, shown: &Map<String, Value>) -> Vec<&'static str> {
        let is_left = |(field, given): &&(&'static Field, Value)| {
            let stands = shown.get(field.name).cloned().unwrap_or_else(|| field.default_value());
            let is_same = match field.kind {
                FieldKind::One(resource) => link::parse(given, resource) == link::parse(&stands, resource),
                _ => *given == stands || same(given, &stands),
            };
            let is_blank =
                field.kind == FieldKind::Boolean && given.as_str().is_some_and(|text| text.trim().is_empty());
            let is_not_given = (given.is_null() && !field.nullable) || is_blank;
            !is_same && !is_not_given
        };
        self.0.iter().filter(is_left).map(|(field, _)| field.name).collect()
    }
}

/// Whether two values mean the same: `0` and `false`, `7` and `7.0`, null and what is empty or off.
fn same(value: &Value, default: &Value) -> bool {
    match (value, default) {
        (Value::Number(number), Value::Bool(flag)) => number.as_i64() == Some(i64::from(*flag)),
        (Value::String(text), Value::Bool(flag)) => super::query::flag(text) == Some(*flag),
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::String(text), Value::Number(number)) => text.trim().parse::<f64>().ok() == number.as_f64(),
        (Value::String(text), Value::Null) => text.is_empty(),
        (Value::Bool(flag), Value::Null) => !flag,
        (Value::Number(number), Value::String(text)) => number.to_string() == *text,
        _ => false,
    }
}

/// Parses JSON. The parser limits the depth, the listener the size.
pub(crate) fn json(bytes: &[u8]) -> Result<Value, Fault> {
    serde_json::from_slice(bytes).map_err(|error| Fault::Bad(format!("the body is not JSON: {error}")))
}
