//! Text with names in it: `$customer` stands for what an earlier step has bound, or binds it; `...` for any text. It
//! knows nothing of requests.

use std::collections::BTreeMap;

use serde_json::Value;

/// What names stand for.
pub(crate) type Bindings = BTreeMap<String, Value>;

/// A value as it stands in a URL.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// What was found in a text: a number if it is one, as in objects.
fn found(text: &str) -> Value {
    match text.parse::<u64>() {
        Ok(number) if number.to_string() == text => number.into(),
        _ => text.into(),
    }
}

/// Puts values for names, and `{x*65}` into 65 times x.
pub(crate) fn fill(text: &str, bindings: &Bindings) -> Result<String, String> {
    let mut filled = String::new();
    for part in parts(&repeat(text)) {
        match part {
            Part::Letters(letters) => filled.push_str(&letters),
            Part::Anything => filled.push_str("..."),
            Part::Name(name) => {
                let value =
                    bindings.get(&name).ok_or_else(|| format!("${name} is not known: an earlier step failed"))?;
                filled.push_str(&plain(value));
            }
        }
    }
    Ok(filled)
}

/// Whether the text is as the pattern says; names that were free are bound by it.
pub(crate) fn matches(pattern: &str, got: &str, bindings: &mut Bindings) -> bool {
    let parts = parts(pattern);
    let mut tried = bindings.clone();
    let is_match = match_parts(&parts, got, &mut tried);
    if is_match {
        *bindings = tried;
    }
    is_match
}

fn match_parts(parts: &[Part], got: &str, bindings: &mut Bindings) -> bool {
    let Some((first, rest)) = parts.split_first() else { return got.is_empty() };
    match first {
        Part::Letters(letters) => {
            got.strip_prefix(letters.as_str()).is_some_and(|left| match_parts(rest, left, bindings))
        }
        Part::Anything => ends(got).any(|end| match_parts(rest, &got[end..], bindings)),
        Part::Name(name) => match bindings.get(name).map(plain) {
            Some(known) => got.strip_prefix(known.as_str()).is_some_and(|left| match_parts(rest, left, bindings)),
            None => {
                let longest = got.find(['/', '?', '&', ' ', '"']).unwrap_or(got.len());
                ends(&got[..longest]).filter(|&end| end > 0).any(|end| {
                    bindings.insert(name.clone(), found(&got[..end]));
                    let is_match = match_parts(rest, &got[end..], bindings);
                    if !is_match {
                        bindings.remove(name);
                    }
                    is_match
                })
            }
        },
    }
}

/// Every place where a piece of the text may end, the longest first.
fn ends(text: &str) -> impl Iterator<Item = usize> {
    (0..=text.len()).rev().filter(|&at| text.is_char_boundary(at))
}

#[derive(Debug, PartialEq)]
enum Part {
    Letters(String),
    Name(String),
    Anything,
}

fn parts(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut letters = String::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let special = if let Some(left) = rest.strip_prefix("...") {
            Some((Part::Anything, left))
        } else {
            rest.strip_prefix('$').and_then(name).map(|(name, left)| (Part::Name(name.to_owned()), left))
        };
        if let Some((part, left)) = special {
            if !letters.is_empty() {
                parts.push(Part::Letters(std::mem::take(&mut letters)));
            }
            parts.push(part);
            rest = left;
        } else {
            letters.push(next);
            rest = &rest[next.len_utf8()..];
        }
    }
    if !letters.is_empty() {
        parts.push(Part::Letters(letters));
    }
    parts
}

/// A name at the beginning of the text, and what follows it.
pub(super) fn name(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')).unwrap_or(text.len());
    text.starts_with(|c: char| c.is_ascii_lowercase()).then(|| text.split_at(end))
}

fn repeat(text: &str) -> String {
    let mut done = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        done.push_str(&rest[..at]);
        rest = &rest[at..];
        let repetition = rest[1..].split_once('}').and_then(|(inner, left)| {
            let (what, times) = inner.split_once('*').filter(|(what, _)| !what.contains(['"', '{']))?;
            Some((what.repeat(times.parse().ok()?), left))
        });
        match repetition {
            Some((repeated, left)) => {
                done.push_str(&repeated);
                rest = left;
            }
            None => {
                done.push('{');
                rest = &rest[1..];
            }
        }
    }
    done + rest
}

#[test]
fn names_are_put_in_and_repetitions_done() {
    let bindings = Bindings::from([("id".to_owned(), 7.into()), ("name".to_owned(), "a b".into())]);
    assert_eq!(
        fill(r#"/x/$id/?n=$name {"a": "{x*3}"} $5 a$"#, &bindings).unwrap(),
        r#"/x/7/?n=a b {"a": "xxx"} $5 a$"#
    );
    assert!(fill("/x/$gone/", &bindings).unwrap_err().contains("$gone"));
}

#[test]
fn free_names_are_bound_and_bound_names_must_be_equal() {
    let mut bindings = Bindings::new();
    assert!(matches("http://.../api/v1/reseller/$id/", "http://gw:80/api/v1/reseller/12/", &mut bindings));
    assert_eq!(bindings["id"], 12);
    assert!(matches("/reseller/$id/", "/reseller/12/", &mut bindings));
    assert!(!matches("/reseller/$id/", "/reseller/123/", &mut bindings));
    assert!(!matches("/reseller/$other/x", "/reseller/12/y", &mut bindings));
    assert!(!bindings.contains_key("other"));
    assert!(!matches("/reseller/$other/", "/reseller//", &mut bindings));
    assert!(matches("...field does not...", "The 'x' field does not allow", &mut bindings));
    assert!(!matches("abc", "abcd", &mut bindings));
    assert!(!matches("...b", "abc", &mut bindings));
}
