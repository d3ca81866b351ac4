//! `ETag`, `If-Match` and `If-None-Match` (RFC 9110 §8.8.3, §13.1): of two clients that edit one object, the second
//! does not overwrite the first.

use super::show::Object;
use axum::http::{HeaderMap, HeaderName, header};
use std::hash::{DefaultHasher, Hasher};

/// The state of an object for its `ETag`. Another version of Doorlist may compute another one; clients then read
/// again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ObjectState(String);

impl ObjectState {
    pub(crate) fn of(object: &Object) -> Self {
        let mut hasher = DefaultHasher::new();
        for (name, value) in object {
            hasher.write(name.as_bytes());
            hasher.write(value.to_string().as_bytes());
        }
        Self(format!("{:016x}", hasher.finish()))
    }

    /// The value of the header.
    pub(crate) fn tag(&self) -> String {
        format!("\"{}\"", self.0)
    }
}

/// The conditions of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Conditions {
    if_match: Option<Vec<String>>,
    if_none_match: Option<Vec<String>>,
}

impl Conditions {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        Self { if_match: tags(headers, header::IF_MATCH), if_none_match: tags(headers, header::IF_NONE_MATCH) }
    }

    /// Whether the change applies to an object in this state.
    pub(crate) fn allow(&self, state: &ObjectState) -> bool {
        self.if_match.as_deref().is_none_or(|tags| has(tags, state))
    }

    /// Whether the client already has this state.
    pub(crate) fn is_known(&self, state: &ObjectState) -> bool {
        self.if_none_match.as_deref().is_some_and(|tags| has(tags, state))
    }
}

/// Compares tags. They identify the state of the object, not the octets, so weak ones (`W/`, from a compressing proxy)
/// match, too.
fn has(tags: &[String], state: &ObjectState) -> bool {
    tags.iter().any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == state.tag())
}

fn tags(headers: &HeaderMap, name: HeaderName) -> Option<Vec<String>> {
    let mut lines = headers.get_all(name).iter().peekable();
    lines.peek()?;
    let tags = lines.flat_map(|line| line.as_bytes().split(|&byte| byte == b','));
    Some(tags.map(|tag| String::from_utf8_lossy(tag.trim_ascii()).into_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use serde_json::json;

    fn state(name: &str) -> ObjectState {
        ObjectState::of(&super::super::show::object_of(json!({"id": 1, "name": name})))
    }

    fn asked(lines: &[(HeaderName, &'static str)]) -> Conditions {
        let mut headers = HeaderMap::new();
        for (name, line) in lines {
            headers.append(name, HeaderValue::from_static(line));
        }
        Conditions::of(&headers)
    }

    #[test]
    fn a_state_is_that_of_its_fields() {
        assert_eq!(state("a"), state("a"));
        assert_ne!(state("a"), state("b"));
    }

    #[test]
    fn without_a_condition_everything_passes() {
        let none = asked(&[]);
        assert!(none.allow(&state("a")) && !none.is_known(&state("a")));
    }

    #[test]
    fn one_of_several_tags_is_enough_in_several_lines_too() {
        let mut headers = HeaderMap::new();
        for tag in ["\"x\", \"y\"".to_owned(), format!("\"z\" ,  W/{}", state("a").tag())] {
            headers.append(header::IF_MATCH, tag.parse().unwrap_or(HeaderValue::from_static("")));
        }
        let asked = Conditions::of(&headers);
        assert!(asked.allow(&state("a")) && !asked.allow(&state("b")));
    }

    #[test]
    fn nonsense_is_no_state_at_all() {
        for line in ["", "\"\"", "x", "W/", "\"*\"", ",,,"] {
            assert!(!asked(&[(header::IF_MATCH, line)]).allow(&state("a")), "{line:?}");
            assert!(!asked(&[(header::IF_NONE_MATCH, line)]).is_known(&state("a")), "{line:?}");
        }
        assert!(asked(&[(header::IF_MATCH, "*")]).allow(&state("a")));
        assert!(asked(&[(header::IF_NONE_MATCH, "*")]).is_known(&state("a")));
    }
}
