//! The index, and the schema of each resource: exactly the fields that client libraries compare with their own.

use super::BASE;
use super::spec::{Field, FieldDefault, FieldKind, Filtering, Spec};
use serde_json::{Map, Value, json};

/// Answers `GET /api/v1/`: every resource with its list and schema. Needs no credentials.
pub(crate) fn index(specs: &[&'static Spec]) -> Value {
    let entry = |spec: &&&Spec| {
        let list = format!("{BASE}{}/", spec.name);
        let schema = format!("{list}schema/");
        (spec.name.to_owned(), json!({"list_endpoint": list, "schema": schema}))
    };
    let resources: Map<String, Value> = specs.iter().filter(|spec| spec.in_index).map(|spec| entry(&spec)).collect();
    Value::Object(resources)
}

/// Answers `GET /api/v1/<resource>/schema/` for a resource.
pub(crate) fn schema(spec: &Spec) -> Value {
    let fields: Map<String, Value> = spec.fields.iter().map(|field| (field.name.to_owned(), shown(field))).collect();
    let filtering: Map<String, Value> =
        spec.filtering.iter().map(|(name, filtering)| ((*name).to_owned(), lookups(*filtering))).collect();
    let mut schema = json!({
        "allowed_detail_http_methods": spec.detail_methods,
        "allowed_list_http_methods": spec.list_methods,
        "default_format": "application/json",
        "default_limit": super::query::LIMIT,
        "fields": fields,
        "filtering": filtering,
    });
    if let (Some(ordering), Some(schema)) = (spec.ordering, schema.as_object_mut()) {
        schema.insert("ordering".to_owned(), json!(ordering));
    }
    schema
}

fn lookups(filtering: Filtering) -> Value {
    match filtering {
        Filtering::All => json!(1),
        Filtering::AllWithRelations => json!(2),
        Filtering::Only(lookups) => json!(lookups),
    }
}

fn shown(field: &Field) -> Value {
    let mut shown = json!({
        "blank": field.blank,
        "default": default(field),
        "help_text": help(field),
        "nullable": field.nullable,
        "readonly": field.is_readonly() && field.name != "id",
        "type": kind(field.kind),
        "unique": field.unique,
    });
    let related = match field.kind {
        FieldKind::One(_) => Some("to_one"),
        FieldKind::Many(_) => Some("to_many"),
        _ => None,
    };
    if let (Some(related), Some(shown)) = (related, shown.as_object_mut()) {
        shown.insert("related_type".to_owned(), related.into());
    }
    shown
}

fn default(field: &Field) -> Value {
    match field.default {
        FieldDefault::None => "No default provided.".into(),
        _ => field.default_value(),
    }
}

pub(crate) fn kind(kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::Text => "string",
        FieldKind::Integer => "integer",
        FieldKind::Float => "float",
        FieldKind::Boolean => "boolean",
        FieldKind::Time => "datetime",
        FieldKind::One(_) | FieldKind::Many(_) => "related",
    }
}

fn help(field: &Field) -> &'static str {
    if !field.help.is_empty() {
        return field.help;
    }
    match field.kind {
        FieldKind::Text => "Text, for example \"Hello World\".",
        FieldKind::Integer => "A whole number, for example 2673.",
        FieldKind::Float => "A number, for example 26.73.",
        FieldKind::Boolean => "true or false.",
        FieldKind::Time => "A date and time, for example \"Sun, 3 Mar 2013 06:26:53 +0000\".",
        FieldKind::One(_) => "Another object, by its URI.",
        FieldKind::Many(_) => "Several objects, by their URIs.",
    }
}
