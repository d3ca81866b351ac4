//! References to objects as clients write them: a URI with or without the prefix, a natural key in it, a number, or an
//! object with one of these. Does not check that the object exists.

use super::BASE;
use serde_json::Value;

/// Maximum characters of a reference.
const LINK_MAX: usize = 1_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// An object by its number.
    Id(u32),
    /// By its natural key: an address, a domain's name.
    Name(String),
}

/// The URI of an object.
pub(crate) fn uri(resource: &str, id: u32) -> String {
    format!("{BASE}{resource}/{id}/")
}

/// Parses a reference to an object of this resource.
pub(crate) fn parse(value: &Value, resource: &str) -> Option<Link> {
    match value {
        Value::Number(number) => number.as_u64().and_then(|id| u32::try_from(id).ok()).map(Link::Id),
        Value::String(text) => parse_text(text, resource),
        Value::Object(map) => map
            .get("resource_uri")
            .or_else(|| map.get("id"))
            .filter(|it| !it.is_object())
            .and_then(|it| parse(it, resource)),
        _ => None,
    }
}

fn parse_text(text: &str, resource: &str) -> Option<Link> {
    let text = text.trim();
    if text.is_empty() || text.len() > LINK_MAX {
        return None;
    }
    if let Ok(id) = text.parse() {
        return Some(Link::Id(id));
    }
    // The last two segments: `domain` is a resource there alone, and no part of a name.
    let (before, last) = text.trim_end_matches('/').rsplit_once('/')?;
    if before.rsplit('/').next() != Some(resource) {
        return None;
    }
    key(last)
}

/// The key of an object in a path.
pub(crate) fn key(text: &str) -> Option<Link> {
    if text.is_empty() || text.contains('/') || text.len() > LINK_MAX {
        return None;
    }
    match text.parse() {
        Ok(id) => Some(Link::Id(id)),
        // A number that is none of ours is no name either.
        Err(_) if text.bytes().all(|b| b.is_ascii_digit()) => None,
        Err(_) => Some(Link::Name(text.to_owned())),
    }
}
