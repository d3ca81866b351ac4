//! The schemas of objects and of bodies.

use super::super::spec::{Field, FieldKind, FieldWriter, Spec};
use super::{kind_schema, link_schema};
use serde_json::{Map, Value, json};

/// All of them, by name.
pub(super) fn all(specs: &[&'static Spec]) -> Value {
    let mut schemas = Map::new();
    for spec in specs {
        schemas.insert(spec.name.to_owned(), object(spec));
        if spec.list_methods.contains(&"post") && spec.name != "admins" {
            schemas.insert(format!("{}_new", spec.name), given(spec, true));
        }
        if spec.detail_methods.contains(&"put") {
            schemas.insert(format!("{}_change", spec.name), given(spec, false));
        }
    }
    let texts = json!({"type": "array", "minItems": 1, "items": {"type": ["string", "integer"]}});
    let links = json!({"type": "array", "minItems": 1, "items": link_schema("email_account")});
    let fixed = json!({
        "Anything": {},
        "Error": {"type": "object", "properties": {
            "error": {"type": "string"},
            "error_message": {"type": "string", "description": "The same, in answers with 5xx"}}},
        "Key": {"type": "object", "required": ["api_key"],
                "properties": {"api_key": {"type": "string", "pattern": "^[0-9a-f]{40}$"}}},
        "List": {"type": "object", "required": ["meta", "objects"], "properties": {
            "meta": {"$ref": "#/components/schemas/Meta"}, "objects": {"type": "array"}}},
        "MassAdd": {"type": "object", "required": ["localparts", "domain"],
                    "properties": {"localparts": texts, "domain": link_schema("domain")}},
        "MassAdded": {"type": "object", "properties": {
            "added": {"type": "integer"}, "already_listed": {"type": "integer"}}},
        "MassAliases": {"type": "object", "required": ["aliases"], "properties": {"aliases": texts}},
        "Meta": {"type": "object", "required": ["limit", "offset", "total_count", "next", "previous"], "properties": {
            "limit": {"type": "integer"}, "offset": {"type": "integer"}, "total_count": {"type": "integer"},
            "next": {"type": ["string", "null"]}, "previous": {"type": ["string", "null"]}}},
        "NewAdmin": {"type": "object", "required": ["email"], "properties": {
            "email": {"type": "string"}, "username": {"type": "string"}, "send_welcome": {"type": ["boolean", "null"]}}},
        "Push": {"type": "array", "items": {"type": "object", "required": ["email"], "properties": {
            "email": {"type": "string"}, "aliases": {"type": "array", "items": {"type": "string"}}}}},
        "UsersToAlias": {"type": "object", "required": ["accounts"], "properties": {"accounts": links}},
    });
    if let Value::Object(fixed) = fixed {
        schemas.extend(fixed);
    }
    Value::Object(schemas)
}

/// An object as it is shown.
fn object(spec: &Spec) -> Value {
    let shown = spec.fields.iter().chain(spec.extra);
    let mut properties: Map<String, Value> = shown
        .map(|field| (field.name.to_owned(), described(field, kind_schema(field.kind, is_nullable(field)))))
        .collect();
    properties.insert("pk".to_owned(), json!({"type": "string", "description": "In answers to changes: the number"}));
    json!({"type": "object", "description": spec.about, "properties": properties})
}

fn is_nullable(field: &Field) -> bool {
    field.nullable || field.write_only
}

/// What may be given.
fn given(spec: &Spec, is_new: bool) -> Value {
    let fields = || spec.fields.iter().chain(spec.extra).filter(|field| !field.is_readonly());
    let schema = |field: &Field| match field.kind {
        FieldKind::One(resource) => link_schema(resource),
        FieldKind::Boolean => json!({"type": ["boolean", "integer", "string", "null"]}),
        FieldKind::Integer => json!({"type": ["integer", "string", "null"]}),
        FieldKind::Text => json!({"type": ["string", "integer", "null"]}),
        kind => kind_schema(kind, true),
    };
    let properties: Map<String, Value> =
        fields().map(|field| (field.name.to_owned(), described(field, schema(field)))).collect();
    let required: Vec<&str> = fields().filter(|field| is_new && field.required).map(|field| field.name).collect();
    let mut schema = json!({"type": "object", "properties": properties});
    if let (false, Some(schema)) = (required.is_empty(), schema.as_object_mut()) {
        schema.insert("required".to_owned(), json!(required));
    }
    schema
}

fn described(field: &Field, mut schema: Value) -> Value {
    if let Some(schema) = schema.as_object_mut() {
        if !field.help.is_empty() {
            schema.insert("description".to_owned(), field.help.into());
        }
        let writer = match field.writer {
            FieldWriter::Above => Some("above"),
            FieldWriter::Unsupported => Some("nobody"),
            FieldWriter::Nobody | FieldWriter::Holder => None,
        };
        if let Some(writer) = writer {
            schema.insert("x-doorlist-writer".to_owned(), writer.into());
        }
    }
    schema
}
