//! What a body must look like: JSON with holes. It knows nothing of requests.
//!
//! | in a pattern | matches |
//! |---|---|
//! | `{"a": 1, ...}` | an object with this key and any more; without `...` there may be no more |
//! | `"a"?: any`, `"a": absent` | a key that may be missing, one that must be |
//! | `[1, ..., 3]` | an array; `...` is any number of elements |
//! | `$name`, `!$name` | any value, bound to the name, or the one that is bound; any other than the bound one |
//! | `"/x/$name/..."` | a string with names and `...` in it |
//! | `any` `int` `string` `bool` `date` `key` | a value of this kind; `date` is `Sun, 3 Mar 2013 06:26:53 +0000`, `key` 40 hex |
//! | `(null \| [])` | one or the other |

use serde_json::Value;

use super::text::{self, Bindings};

/// A body with holes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Pattern {
    Object {
        keys: Vec<(String, Presence, Pattern)>,
        open: bool,
    },
    /// An element that is `None` is written `...`.
    Array(Vec<Option<Pattern>>),
    Text(String),
    Exactly(Value),
    Name(String),
    Not(String),
    Either(Vec<Pattern>),
    Kind(&'static str),
}

/// Whether a key is there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Presence {
    Needed,
    Allowed,
    Absent,
}

/// The words for kinds of values.
pub(super) const KINDS: &[&str] = &["any", "int", "string", "bool", "date", "key"];

impl Pattern {
    /// What is wrong with the value, each with the place where; nothing if all is right. Names are bound on the way.
    pub(crate) fn faults(&self, got: &Value, bindings: &mut Bindings) -> Vec<String> {
        let mut faults = Vec::new();
        self.compare("", got, bindings, &mut faults);
        faults
    }

    fn compare(&self, place: &str, got: &Value, bindings: &mut Bindings, faults: &mut Vec<String>) {
        let is_right = match self {
            Self::Object { keys, open } => {
                if let Value::Object(got) = got {
                    return compare_keys(place, (keys, *open), got, bindings, faults);
                }
                false
            }
            Self::Array(elements) => {
                if let Value::Array(got) = got {
                    return compare_elements(place, elements, got, bindings, faults);
                }
                false
            }
            Self::Text(pattern) => got.as_str().is_some_and(|got| text::matches(pattern, got, bindings)),
            Self::Exactly(value) => value == got,
            Self::Name(name) => bindings.entry(name.clone()).or_insert_with(|| got.clone()) == got,
            Self::Not(name) => bindings.get(name).is_some_and(|known| known != got),
            Self::Either(patterns) => patterns.iter().any(|pattern| pattern.faults(got, bindings).is_empty()),
            Self::Kind(kind) => is_kind(kind, got),
        };
        if !is_right {
            faults.push(fault(place, &self.said(bindings), &short(got)));
        }
    }

    /// What was expected, in words.
    fn said(&self, bindings: &Bindings) -> String {
        match self {
            Self::Object { .. } => "an object".to_owned(),
            Self::Array(_) => "an array".to_owned(),
            Self::Text(text) => format!("{:?}", text::fill(text, bindings).unwrap_or_else(|_| text.clone())),
            Self::Exactly(value) => value.to_string(),
            Self::Name(name) => bindings.get(name).map_or_else(|| format!("${name}"), short),
            Self::Not(name) => format!("other than {}", bindings.get(name).map_or_else(|| format!("${name}"), short)),
            Self::Either(patterns) => {
                patterns.iter().map(|pattern| pattern.said(bindings)).collect::<Vec<_>>().join(" or ")
            }
            Self::Kind(kind) => (*kind).to_owned(),
        }
    }
}

fn compare_keys(
    place: &str,
    (keys, open): (&[(String, Presence, Pattern)], bool),
    got: &serde_json::Map<String, Value>,
    bindings: &mut Bindings,
    faults: &mut Vec<String>,
) {
    for (key, presence, pattern) in keys {
        let place = format!("{place}.{key}");
        match (got.get(key), presence) {
            (Some(value), Presence::Absent) => faults.push(fault(&place, "no such key", &short(value))),
            (Some(value), _) => pattern.compare(&place, value, bindings, faults),
            (None, Presence::Needed) => faults.push(fault(&place, &pattern.said(bindings), "no such key")),
            (None, _) => {}
        }
    }
    if !open {
        for (key, value) in got.iter().filter(|(key, _)| !keys.iter().any(|(known, ..)| known == *key)) {
            faults.push(fault(&format!("{place}.{key}"), "no such key", &short(value)));
        }
    }
}

fn compare_elements(
    place: &str,
    elements: &[Option<Pattern>],
    got: &[Value],
    bindings: &mut Bindings,
    faults: &mut Vec<String>,
) {
    let gaps = elements.iter().filter(|element| element.is_none()).count();
    if gaps == 0 && elements.len() == got.len() {
        for (at, (pattern, got)) in elements.iter().flatten().zip(got).enumerate() {
            pattern.compare(&format!("{place}[{at}]"), got, bindings, faults);
        }
    } else {
        let mut tried = bindings.clone();
        if match_elements(elements, got, &mut tried) {
            *bindings = tried;
        } else {
            let expected = if gaps > 0 { "other elements".to_owned() } else { format!("{} elements", elements.len()) };
            faults.push(fault(place, &expected, &format!("{}: {}", got.len(), short(&Value::Array(got.to_vec())))));
        }
    }
}

fn match_elements(elements: &[Option<Pattern>], got: &[Value], bindings: &mut Bindings) -> bool {
    match elements.split_first() {
        None => got.is_empty(),
        Some((None, rest)) => (0..=got.len()).any(|skipped| {
            let mut tried = bindings.clone();
            let is_match = match_elements(rest, &got[skipped..], &mut tried);
            if is_match {
                *bindings = tried;
            }
            is_match
        }),
        Some((Some(pattern), rest)) => got.split_first().is_some_and(|(first, left)| {
            pattern.faults(first, bindings).is_empty() && match_elements(rest, left, bindings)
        }),
    }
}

fn is_kind(kind: &str, got: &Value) -> bool {
    match kind {
        "any" => true,
        "int" => got.is_u64() || got.is_i64(),
        "string" => got.is_string(),
        "bool" => got.is_boolean(),
        "date" => got.as_str().is_some_and(is_date),
        "key" => got
            .as_str()
            .is_some_and(|key| key.len() == 40 && key.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))),
        _ => false,
    }
}

/// `Sun, 3 Mar 2013 06:26:53 +0000`: the weekday is right, and the day of the month has no zero in front.
fn is_date(text: &str) -> bool {
    let day = text.split(' ').nth(1).unwrap_or_default();
    !day.starts_with('0') && text.ends_with(" +0000") && jiff::fmt::rfc2822::parse(text).is_ok()
}

fn fault(place: &str, expected: &str, got: &str) -> String {
    let place = if place.is_empty() { "body" } else { place };
    format!("    {place}\n      - {expected}\n      + {got}")
}

fn short(value: &Value) -> String {
    const SHOWN_MAX: usize = 600;
    let text = value.to_string();
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}
