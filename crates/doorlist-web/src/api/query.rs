//! The parameters of a list: filters, order and page. Unknown parameters are passed over, and named in the answer; invalid
//! ones get a 400 with the reason.

use super::exchange::Fault;
use super::spec::{FieldKind, FieldWriter, Filtering, Spec};
use super::unsupported;
use doorlist_store::tenants::{Lookup, Order, PAGE_ROWS_MAX, Query, QueryValue, RowFilter, UnknownColumn};

pub(crate) const LIMIT: u32 = 20;
/// Maximum parameters of a request.
const PARAMETERS_MAX: usize = 200;
/// Maximum fields to order by.
const ORDER_FIELDS_MAX: usize = 10;
/// Maximum values of an `__in`.
const VALUES_MAX: usize = 10_000;
/// Maximum characters of a search text.
const SEARCH_MAX: usize = 255;

/// Lookups that a field allows.
pub(crate) type Lookups = &'static [&'static str];

/// The column behind a name of the schema.
pub(crate) type ToColumn<C> = fn(&str) -> Result<C, UnknownColumn>;

/// A filter whose value names an object, to be looked up by whoever can.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamedFilter<C> {
    pub(crate) column: C,
    pub(crate) resource: &'static str,
    pub(crate) name: String,
}

/// What a list is asked for.
#[derive(Clone, Debug)]
pub(crate) struct ListQuery<C> {
    pub(crate) query: Query<C>,
    pub(crate) named: Vec<NamedFilter<C>>,
    /// Names of parameters that are none of the list's.
    pub(crate) passed_over: Vec<String>,
}

/// Names and values of a query string, decoded.
pub(crate) fn parameters(text: &str) -> Result<Vec<(String, String)>, Fault> {
    let pairs: Vec<(String, String)> =
        form_urlencoded::parse(text.as_bytes()).take(PARAMETERS_MAX + 1).map(|(k, v)| (k.into(), v.into())).collect();
    if pairs.len() > PARAMETERS_MAX {
        return Err(Fault::Bad(format!("a request has at most {PARAMETERS_MAX} parameters")));
    }
    Ok(pairs)
}

/// A name of the schema that the list does not know.
pub(crate) fn unknown(column: UnknownColumn) -> Fault {
    Fault::Bad(column.to_string())
}

/// Reads the parameters of a list of a resource; `column` knows what its names stand for.
pub(crate) fn read<C: Copy + PartialEq>(
    spec: &Spec,
    column: ToColumn<C>,
    parameters: &[(String, String)],
) -> Result<ListQuery<C>, Fault> {
    let mut list =
        ListQuery { query: Query { limit: LIMIT, ..Query::default() }, named: Vec::new(), passed_over: Vec::new() };
    for (name, value) in parameters {
        match name.as_str() {
            "limit" => list.query.limit = limit(value)?,
            "offset" => list.query.offset = offset(value)?,
            "after" => list.query.after = value.parse().ok(),
            "order_by" => order(spec, column, value, &mut list.query.order)?,
            "q" | "q[name]" => list.query.search = search(value)?,
            // Which form the answer has: there is one.
            "format" => {}
            _ => filter(spec, column, name, value, &mut list)?,
        }
    }
    Ok(list)
}

fn limit(value: &str) -> Result<u32, Fault> {
    match value.trim().parse::<i64>() {
        Ok(0) => Ok(PAGE_ROWS_MAX),
        Ok(limit) if limit > 0 => Ok(u32::try_from(limit).unwrap_or(PAGE_ROWS_MAX).min(PAGE_ROWS_MAX)),
        _ => Err(Fault::Bad(format!("Invalid limit '{value}' provided. Please provide a positive integer."))),
    }
}

fn offset(value: &str) -> Result<u64, Fault> {
    value
        .trim()
        .parse::<u64>()
        .ok()
        .filter(|offset| i64::try_from(*offset).is_ok())
        .ok_or_else(|| Fault::Bad(format!("Invalid offset '{value}' provided. Please provide a positive integer.")))
}

fn search(value: &str) -> Result<Option<String>, Fault> {
    if value.chars().count() > SEARCH_MAX || value.contains('\0') {
        return Err(Fault::Bad(format!("the search text must have at most {SEARCH_MAX} characters")));
    }
    Ok((!value.is_empty()).then(|| value.to_owned()))
}

fn order<C: Copy + PartialEq>(
    spec: &Spec,
    column: ToColumn<C>,
    value: &str,
    order: &mut Vec<Order<C>>,
) -> Result<(), Fault> {
    for word in value.split(',').filter(|word| !word.is_empty()) {
        let (name, descending) = word.strip_prefix('-').map_or((word, false), |name| (name, true));
        // A library orders block lists by `email`, though no schema says that it may.
        let allowed = spec.ordering.map_or(name == "email", |ordering| ordering.contains(&name)) || name == "id";
        if !allowed || spec.column(name).is_none() {
            return Err(Fault::Bad(format!("No matching '{name}' field for ordering on.")));
        }
        let column = column(name).map_err(unknown)?;
        // Where it stands first decides; the store is not asked for the same order again.
        if order.iter().any(|before| before.column == column) {
            continue;
        }
        if order.len() >= ORDER_FIELDS_MAX {
            return Err(Fault::Bad(format!("a list can be ordered by at most {ORDER_FIELDS_MAX} fields")));
        }
        order.push(Order { column, descending });
    }
    Ok(())
}

fn filter<C>(spec: &Spec, column: ToColumn<C>, name: &str, value: &str, list: &mut ListQuery<C>) -> Result<(), Fault> {
    let (path, word) = match name.rsplit_once("__") {
        Some((path, word)) if is_lookup(word) => (path, word),
        _ => (name, "exact"),
    };
    let field = path.split("__").next().unwrap_or_default();
    let Some(declared) = spec.field(field) else {
        list.passed_over.push(name.to_owned());
        return Ok(());
    };
    let not_allowed = |what: &str| Fault::Bad(format!("The '{field}' field does not allow {what}."));
    let is_unsupported = declared.writer == FieldWriter::Unsupported;
    let filtering = spec.filtering.iter().chain(spec.quiet).find(|(name, _)| *name == field);
    let filtering = filtering.map(|(_, filtering)| filtering).or(is_unsupported.then_some(&Filtering::All));
    let Some(filtering) = filtering else { return Err(not_allowed("filtering")) };
    if path != field && *filtering != Filtering::AllWithRelations {
        return Err(Fault::Bad(format!("Lookups are not allowed more than one level deep on the '{field}' field.")));
    }
    if let Filtering::Only(words) = filtering
        && !words.contains(&word)
    {
        return Err(Fault::Bad(format!("'{word}' is not an allowed filter on the '{field}' field.")));
    }
    let Some((path, kind)) = spec.column(path) else { return Err(not_allowed(&format!("filtering by {path}"))) };
    let lookup = lookup(word).ok_or_else(|| not_allowed(&format!("the lookup '{word}'")))?;
    if list.query.filters.len() + list.named.len() >= 50 {
        return Err(Fault::Bad("a list can be filtered by at most 50 conditions".to_owned()));
    }
    if is_unsupported {
        let values = values(kind, lookup, field, value)?;
        // No object has another number than its own.
        if !unsupported::passes(declared, lookup, &values) {
            let (column, lookup, values) = (column("id").map_err(unknown)?, Lookup::Exact, vec![QueryValue::Int(-1)]);
            list.query.filters.push(RowFilter { column, lookup, values });
        }
        return Ok(());
    }
    let column = column(path).map_err(unknown)?;
    if let (FieldKind::One(resource), Lookup::Exact) = (kind, lookup)
        && id_of(value).is_none()
    {
        // A URI with the natural key in it, as the object's own; an address may have a slash itself.
        let name = value.trim_end_matches('/').rsplit_once(&format!("/{resource}/")).map_or(value, |(_, key)| key);
        list.named.push(NamedFilter { column, resource, name: name.to_owned() });
        return Ok(());
    }
    let values = values(kind, lookup, field, value)?;
    list.query.filters.push(RowFilter { column, lookup, values });
    Ok(())
}

fn values(kind: FieldKind, lookup: Lookup, field: &str, value: &str) -> Result<Vec<QueryValue>, Fault> {
    let texts: Vec<&str> = match lookup {
        Lookup::In | Lookup::Range => value.split(',').collect(),
        _ => vec![value],
    };
    if texts.len() > VALUES_MAX || lookup == Lookup::Range && texts.len() != 2 {
        return Err(Fault::Bad(format!("a wrong number of values for '{field}'")));
    }
    let wrong = |text: &str| Fault::Bad(format!("Invalid value '{text}' for the field '{field}'."));
    let is_part = matches!(lookup, Lookup::Contains | Lookup::StartsWith | Lookup::EndsWith);
    let one = |text: &&str| {
        let text = *text;
        if text.contains('\0') {
            return Err(wrong("NUL"));
        }
        match kind {
            _ if lookup == Lookup::IsNull => flag(text).map(QueryValue::Flag),
            _ if is_part => Some(QueryValue::Text(text.to_owned())),
            FieldKind::Text => Some(QueryValue::Text(text.to_owned())),
            FieldKind::Float => text.trim().parse::<f64>().ok().map(|_| QueryValue::Text(text.to_owned())),
            FieldKind::Integer => text.trim().parse().ok().map(QueryValue::Int),
            FieldKind::One(_) | FieldKind::Many(_) => id_of(text).map(QueryValue::Int),
            FieldKind::Boolean => flag(text).map(QueryValue::Flag),
            FieldKind::Time => super::show::parse_time(text).map(QueryValue::Int),
        }
        .ok_or_else(|| wrong(text))
    };
    texts.iter().map(one).collect()
}

/// The number at the end of a URI, or alone.
fn id_of(text: &str) -> Option<i64> {
    let last = text.trim().trim_end_matches('/').rsplit('/').next()?;
    last.parse::<i64>().ok().filter(|id| *id >= 0)
}

/// Yes and no as clients write them.
pub(crate) fn flag(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" | "" => Some(false),
        _ => None,
    }
}

const LOOKUPS: [(&str, Option<Lookup>); 21] = [
    ("exact", Some(Lookup::Exact)),
    ("iexact", Some(Lookup::Exact)),
    ("contains", Some(Lookup::Contains)),
    ("icontains", Some(Lookup::Contains)),
    ("startswith", Some(Lookup::StartsWith)),
    ("istartswith", Some(Lookup::StartsWith)),
    ("endswith", Some(Lookup::EndsWith)),
    ("iendswith", Some(Lookup::EndsWith)),
    ("in", Some(Lookup::In)),
    ("gt", Some(Lookup::Gt)),
    ("gte", Some(Lookup::Gte)),
    ("lt", Some(Lookup::Lt)),
    ("lte", Some(Lookup::Lte)),
    ("range", Some(Lookup::Range)),
    ("isnull", Some(Lookup::IsNull)),
    // Known, and refused: an expression could keep the store busy for as long as its writer likes.
    ("regex", None),
    ("iregex", None),
    ("search", None),
    ("year", None),
    ("month", None),
    ("day", None),
];

fn is_lookup(word: &str) -> bool {
    LOOKUPS.iter().any(|(name, _)| *name == word)
}

fn lookup(word: &str) -> Option<Lookup> {
    LOOKUPS.iter().find(|(name, _)| *name == word).and_then(|(_, lookup)| *lookup)
}

#[cfg(test)]
mod tests {
    use super::super::spec::Field;
    use super::*;
    use crate::api::spec::FieldWriter::Holder;

    /// More fields to order by than any resource has.
    static MANY: Spec = Spec {
        name: "many",
        about: "Many fields.",
        fields: &[
            Field::text("a", Holder),
            Field::text("b", Holder),
            Field::text("c", Holder),
            Field::text("d", Holder),
            Field::text("e", Holder),
            Field::text("f", Holder),
            Field::text("g", Holder),
            Field::text("h", Holder),
            Field::text("i", Holder),
            Field::text("j", Holder),
            Field::text("k", Holder),
        ],
        extra: &[],
        list_methods: &[],
        detail_methods: &[],
        filtering: &[],
        quiet: &[],
        deep: false,
        related: &[],
        ordering: Some(&["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"]),
        natural_key: None,
        in_index: false,
    };

    /// Fields `a` to `k`, and no other.
    fn letter(name: &str) -> Result<char, UnknownColumn> {
        let mut letters = name.chars();
        match (letters.next(), letters.next()) {
            (Some(letter @ 'a'..='k'), None) => Ok(letter),
            _ => Err(UnknownColumn(name.to_owned())),
        }
    }

    #[test]
    fn what_is_passed_over_is_named() {
        let parameters = ["no_such", "a", "b__c__contains", "limit", "format", "x__in", "after"];
        let parameters: Vec<_> = parameters.iter().map(|name| ((*name).to_owned(), "1".to_owned())).collect();
        let passed_over = |names: &[&str]| {
            let chosen: Vec<_> =
                parameters.iter().filter(|(name, _)| names.contains(&name.as_str())).cloned().collect();
            read(&MANY, letter, &chosen).map(|list| list.passed_over).unwrap_or_default()
        };
        assert_eq!(passed_over(&["no_such", "limit", "format", "x__in", "after"]), ["no_such", "x__in"]);
    }

    fn ordered(by: &str) -> Result<Vec<Order<char>>, Fault> {
        read(&MANY, letter, &[("order_by".to_owned(), by.to_owned())]).map(|list| list.query.order)
    }

    #[test]
    fn a_list_is_ordered_by_so_many_fields_each_of_them_once() {
        let again = ordered("-a,b,a,-b,c,d,e,f,g,h,i,j,j,-a").unwrap_or_default();
        assert_eq!(again.len(), ORDER_FIELDS_MAX);
        assert!(again.first().is_some_and(|first| *first == Order { column: 'a', descending: true }));
        assert!(matches!(ordered("a,b,c,d,e,f,g,h,i,j,k"), Err(Fault::Bad(_))));
    }
}
