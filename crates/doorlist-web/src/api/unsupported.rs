//! Filters on fields that Doorlist does not offer: all objects have the same value in them, the default.

use super::spec::{Field, FieldDefault};
use doorlist_store::tenants::{Lookup, QueryValue};
use std::cmp::Ordering;

/// Whether the value that stands passes a filter. As in SQL, null is neither equal to anything nor less nor more.
pub(crate) fn passes(field: &Field, lookup: Lookup, values: &[QueryValue]) -> bool {
    let is_null = matches!(field.default, FieldDefault::None | FieldDefault::Null);
    let has = |value: &QueryValue, orders: &[Ordering]| {
        compare(field.default, value).is_some_and(|order| orders.contains(&order))
    };
    let Some(first) = values.first() else { return false };
    match lookup {
        Lookup::Exact => has(first, &[Ordering::Equal]),
        Lookup::In => values.iter().any(|value| has(value, &[Ordering::Equal])),
        Lookup::Gt => has(first, &[Ordering::Greater]),
        Lookup::Gte => has(first, &[Ordering::Greater, Ordering::Equal]),
        Lookup::Lt => has(first, &[Ordering::Less]),
        Lookup::Lte => has(first, &[Ordering::Less, Ordering::Equal]),
        Lookup::Range => {
            let last = values.last().unwrap_or(first);
            has(first, &[Ordering::Greater, Ordering::Equal]) && has(last, &[Ordering::Less, Ordering::Equal])
        }
        Lookup::IsNull => *first == QueryValue::Flag(is_null),
        Lookup::Contains => has_part(field.default, first, |text, part| text.contains(part)),
        Lookup::StartsWith => has_part(field.default, first, |text, part| text.starts_with(part)),
        Lookup::EndsWith => has_part(field.default, first, |text, part| text.ends_with(part)),
    }
}

/// What stands, compared with a value of a filter.
fn compare(stands: FieldDefault, value: &QueryValue) -> Option<Ordering> {
    match (stands, value) {
        (FieldDefault::Flag(flag), QueryValue::Flag(value)) => Some(flag.cmp(value)),
        (FieldDefault::Integer(number), QueryValue::Int(value)) => Some(number.cmp(value)),
        (FieldDefault::Float(number), QueryValue::Text(value)) => number.partial_cmp(&value.trim().parse().ok()?),
        (FieldDefault::Text(text), QueryValue::Text(value)) => Some(text.to_lowercase().cmp(&value.to_lowercase())),
        _ => None,
    }
}

fn has_part(stands: FieldDefault, part: &QueryValue, has: fn(&str, &str) -> bool) -> bool {
    let text = match stands {
        FieldDefault::None | FieldDefault::Null => return false,
        FieldDefault::Text(text) => text.to_lowercase(),
        FieldDefault::Integer(number) => number.to_string(),
        FieldDefault::Float(number) => number.to_string(),
        FieldDefault::Flag(flag) => flag.to_string(),
    };
    matches!(part, QueryValue::Text(part) if has(&text, &part.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::super::spec::FieldWriter::Unsupported;
    use super::*;

    const FLAG: Field = Field::flag("flag", false, Unsupported);
    const LETTER: Field = Field::text("letter", Unsupported).default(FieldDefault::Text("N"));
    const LEVEL: Field = Field::float("level", Unsupported).default(FieldDefault::Float(7.0));
    const NOTHING: Field = Field::text("nothing", Unsupported).nullable();

    fn text(text: &str) -> QueryValue {
        QueryValue::Text(text.to_owned())
    }

    #[test]
    fn the_value_that_stands_is_compared() {
        for (field, lookup, values, expected) in [
            (FLAG, Lookup::Exact, vec![QueryValue::Flag(false)], true),
            (FLAG, Lookup::Exact, vec![QueryValue::Flag(true)], false),
            (FLAG, Lookup::In, vec![QueryValue::Flag(true), QueryValue::Flag(false)], true),
            (FLAG, Lookup::IsNull, vec![QueryValue::Flag(false)], true),
            (LETTER, Lookup::Exact, vec![text("n")], true),
            (LETTER, Lookup::Exact, vec![text("Y")], false),
            (LETTER, Lookup::StartsWith, vec![text("n")], true),
            (LETTER, Lookup::EndsWith, vec![text("y")], false),
            (LEVEL, Lookup::Exact, vec![text("7")], true),
            (LEVEL, Lookup::Gt, vec![text("6.5")], true),
            (LEVEL, Lookup::Gt, vec![text("7.0")], false),
            (LEVEL, Lookup::Gte, vec![text("7.0")], true),
            (LEVEL, Lookup::Lt, vec![text("10")], true),
            (LEVEL, Lookup::Lte, vec![text("6")], false),
            (LEVEL, Lookup::Range, vec![text("5"), text("7")], true),
            (LEVEL, Lookup::Range, vec![text("8"), text("9")], false),
            (LEVEL, Lookup::Contains, vec![text("8")], false),
            (NOTHING, Lookup::IsNull, vec![QueryValue::Flag(true)], true),
            (NOTHING, Lookup::IsNull, vec![QueryValue::Flag(false)], false),
            (NOTHING, Lookup::Exact, vec![text("")], false),
            (NOTHING, Lookup::Contains, vec![text("")], false),
        ] {
            assert_eq!(passes(&field, lookup, &values), expected, "{} {lookup:?} {values:?}", field.name);
        }
    }
}
