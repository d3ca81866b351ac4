//! Output: dates, the envelope of a list, the body of an error.

use super::query::ListQuery;
use doorlist_core::time::Timestamp;
use serde_json::{Map, Value, json};

/// An object as JSON.
pub(crate) type Object = Map<String, Value>;

/// RFC 5322 with a day that is not padded, in UTC: `Sun, 3 Mar 2013 14:26:53 +0000`.
pub(crate) fn time(at: Timestamp) -> Value {
    let Ok(at) = jiff::Timestamp::from_millisecond(at.as_millis()) else { return Value::Null };
    Value::String(at.strftime("%a, %-d %b %Y %H:%M:%S +0000").to_string())
}

/// A moment as clients write it in a filter: RFC 5322, ISO 8601, or a date.
pub(crate) fn parse_time(text: &str) -> Option<i64> {
    let text = text.trim();
    let of_zoned = jiff::fmt::rfc2822::parse(text).ok().map(|zoned| zoned.timestamp());
    let moment = of_zoned.or_else(|| text.parse::<jiff::Timestamp>().ok()).or_else(|| {
        let civil = text
            .parse::<jiff::civil::DateTime>()
            .ok()
            .or_else(|| text.parse::<jiff::civil::Date>().ok().map(jiff::civil::DateTime::from))?;
        civil.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
    })?;
    Some(moment.as_millisecond())
}

/// The page of a list as it is sent.
pub(crate) fn envelope<C>(
    path: &str,
    parameters: &[(String, String)],
    list: &ListQuery<C>,
    total: u64,
    objects: Vec<Object>,
    last: Option<u64>,
) -> Value {
    let (limit, offset) = (u64::from(list.query.limit), list.query.offset);
    let page = |offset: u64, after: Option<u64>| {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let kept = parameters.iter().filter(|(name, _)| !matches!(name.as_str(), "limit" | "offset" | "after"));
        for (name, value) in kept {
            query.append_pair(name, value);
        }
        query.append_pair("limit", &limit.to_string()).append_pair("offset", &offset.to_string());
        // Where the next page begins, so that a walk through a long list costs the same at its end as at its start.
        if let Some(after) = after {
            query.append_pair("after", &after.to_string());
        }
        format!("{path}?{}", query.finish())
    };
    let next = (offset.saturating_add(limit) < total).then(|| page(offset + limit, last));
    let previous = offset.checked_sub(limit).filter(|_| offset > 0).map(|offset| page(offset, None));
    json!({
        "meta": {"limit": limit, "offset": offset, "total_count": total, "next": next, "previous": previous},
        "objects": objects,
    })
}

/// The object of a `json!`.
pub(crate) fn object_of(value: Value) -> Object {
    match value {
        Value::Object(object) => object,
        _ => Object::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_not_padded() {
        assert_eq!(time(Timestamp::from_secs(1_362_320_813)), json!("Sun, 3 Mar 2013 14:26:53 +0000"));
    }

    #[test]
    fn a_date_that_was_shown_is_read_again() {
        for text in ["Sun, 3 Mar 2013 06:26:53 -0800", "2013-03-03T14:26:53Z", "2013-03-03 14:26:53"] {
            assert_eq!(parse_time(text), Some(1_362_320_813_000), "{text}");
        }
        assert_eq!(parse_time("2013-03-03"), Some(1_362_268_800_000));
        assert_eq!(parse_time("soon"), None);
    }
}
