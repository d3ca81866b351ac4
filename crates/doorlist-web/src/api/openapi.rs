//! The OpenAPI 3.1 document, generated from the same tables as the routes, including the quirks of the API.

mod operations;
mod schemas;

use super::BASE;
use super::link;
use super::missing::MISSING;
use super::routes::SPECS;
use super::spec::{FieldKind, Filtering, Spec};
use operations::{OPERATIONS, Operation};
use serde_json::{Map, Value, json};

const QUIRKS: &str = "\
The API of Doorlist, compatible with the client libraries of MailRoute.

* `Authorization: ApiKey login:key` or `Authorization: Bearer key`. The login is the user name or the e-mail address. The \
index and this document need none.
* PUT and PATCH are the same: fields that are not given keep their value. The answer is 202 and the object with `pk`, its \
number as a text. Unknown and read-only fields are ignored.
* The switch \"Accept mail only for mailboxes in this list\" is `bounce_unlisted` and `userlist_complete`: both are shown, \
either is accepted. For the first three days, an unlisted recipient is deferred, then rejected. If the list is empty, the \
answer has a `Warning`.
* A reference to an object may be its URI, its number, or a URI with its natural key (a domain's name, an address).
* An object has a version in `ETag`. PUT, PATCH and DELETE with `If-Match` are applied only if the object still has this \
version; otherwise the answer is 412, and nothing is done. Simultaneous changes from elsewhere (a command, another node of \
the same database) are not locked out. Admins have no `ETag`.
* Fields that only the level above may write (`x-doorlist-writer: above`: a reseller for its customer) keep their value when \
somebody below sends another one, and fields that Doorlist does not offer (`x-doorlist-writer: nobody`) keep theirs whoever \
sends another one; the answer names them in `Doorlist-Not-Applied`. A value of the wrong type is 400.
* An admin whose address is a login of another tenant gets its own login; the other login finds the membership in \
`memberships` and may accept it.
* DELETE of an account or an alias overrides all sources: the address is rejected until it is added again. Every change is in \
the change log and can be undone with `doorlist changes undo`.
* `notification_account_task`, `notification_domain_task` and `outbound_server` have no objects: their lists are empty, and \
POST is answered with 501.
* Answers with 401, 404 and 405 have no body. Objects that are not visible to the caller are 404.
* Lists: `limit` (20, at most 1000; 0 is 1000), `offset`, `order_by` (`-` in front: descending), `q` (part of the name), \
`field=value`, `field__lookup=value`. Unknown parameters are passed over, and named in `Doorlist-Not-Applied`. `meta.next` may have another parameter, `after`: use \
it unchanged.";

pub fn document() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    let index = json!({
        "summary": "List all resources with their URLs and schemas",
        "operationId": "index",
        "security": [],
        "responses": plain_responses(&json!({"type": "object"}), &[405]),
    });
    paths.insert(BASE.to_owned(), json!({ "get": index }));
    paths.insert(
        format!("{BASE}openapi.json"),
        json!({"get": {
            "summary": "Get this document",
            "operationId": "openapi",
            "security": [],
            "responses": plain_responses(&json!({"type": "object"}), &[405]),
        }}),
    );
    for spec in SPECS {
        put_noun(&mut paths, spec);
    }
    for operation in OPERATIONS {
        put_operation(&mut paths, operation);
    }
    for (path, what) in MISSING {
        let responses = with_common(json!({"501": {
            "description": format!("Not supported: {what}"),
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
        }}));
        let id = format!("missing_{}", path.trim_start_matches("/api/").replace('/', "_"));
        let get = json!({"summary": format!("Not supported: {what}"), "operationId": id, "responses": responses});
        paths.insert(format!("{path}/"), json!({ "get": get }));
    }
    json!({
        "openapi": "3.1.0",
        "info": {"title": "Doorlist API", "version": "1", "description": QUIRKS, "license": {
            "name": "Apache-2.0 OR MIT", "identifier": "Apache-2.0 OR MIT"}},
        "servers": [{"url": "/"}],
        "security": [{"ApiKey": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"ApiKey": {
                "type": "apiKey", "in": "header", "name": "Authorization",
                "description": "`ApiKey login:key` or `Bearer key`"}},
            "parameters": {
                "IfMatch": condition("If-Match", "Apply the request only if the object still has this ETag"),
                "IfNoneMatch": condition("If-None-Match", "ETag of the copy that the client has"),
            },
            "responses": {"Changed": json_answer(
                "The object does not have the ETag of If-Match; nothing was done", &reference("Error"))},
            "schemas": schemas::all(SPECS),
        },
    })
}

fn put_noun(paths: &mut Map<String, Value>, spec: &'static Spec) {
    let name = spec.name;
    let schema_path = format!("{BASE}{name}/schema/");
    let about = json!({"get": {
        "summary": format!("Get the fields of {name}"),
        "operationId": format!("{name}_schema"),
        "responses": plain_responses(&json!({"type": "object"}), &[400, 401, 405, 429, 503]),
    }, "x-doorlist-resource": name});
    paths.insert(schema_path, about);
    // Admins stand below their scope: their paths are among the operations.
    if name == "admins" {
        return;
    }
    let mut list = Map::from_iter([("x-doorlist-resource".to_owned(), Value::from(name))]);
    list.insert(
        "get".to_owned(),
        json!({
            "summary": spec.about,
            "operationId": format!("{name}_list"),
            "tags": [name],
            "parameters": parameters(spec),
            "responses": with_common(json!({"200": json_answer("A page of the list", &list_of(name))})),
        }),
    );
    if spec.list_methods.contains(&"post") {
        list.insert(
            "post".to_owned(),
            json!({
                "summary": format!("Create: {}", spec.about),
                "operationId": format!("{name}_create"),
                "tags": [name],
                "requestBody": body(&format!("{name}_new")),
                "responses": with_common(json!({"201": json_answer("Created", &reference(name))})),
            }),
        );
    }
    paths.insert(format!("{BASE}{name}/"), Value::Object(list));
    // Where there are no objects, none can be named.
    if super::missing::EMPTY.iter().any(|empty| empty.name == name) {
        return;
    }
    let mut detail = Map::from_iter([
        ("x-doorlist-resource".to_owned(), Value::from(name)),
        ("parameters".to_owned(), json!([key_parameter(spec)])),
    ]);
    for method in spec.detail_methods {
        detail.insert((*method).to_owned(), detail_operation(spec, method));
    }
    paths.insert(format!("{BASE}{name}/{{id}}/"), Value::Object(detail));
}

fn detail_operation(spec: &Spec, method: &str) -> Value {
    let name = spec.name;
    let id = format!("{name}_{method}");
    match method {
        "get" => json!({
            "summary": "Get one object", "operationId": id, "tags": [name],
            "parameters": [{"$ref": "#/components/parameters/IfNoneMatch"}],
            "responses": with_common(json!({
                "200": with_state(json_answer("The object", &reference(name))),
                "304": with_state(json!({"description": "Not modified; no body"})),
            })),
        }),
        "delete" => json!({
            "summary": "Delete the object and everything below it", "operationId": id, "tags": [name],
            "parameters": [{"$ref": "#/components/parameters/IfMatch"}],
            "responses": with_common(json!({"204": {"description": "Deleted"}, "412": {"$ref": "#/components/responses/Changed"}})),
        }),
        _ => json!({
            "summary": "Update the object; fields that are not given keep their value", "operationId": id, "tags": [name],
            "parameters": [{"$ref": "#/components/parameters/IfMatch"}],
            "requestBody": body(&format!("{name}_change")),
            "responses": with_common(json!({
                "202": json_answer("The updated object, with pk", &reference(name)),
                "412": {"$ref": "#/components/responses/Changed"},
            })),
        }),
    }
}

fn condition(name: &str, about: &str) -> Value {
    json!({"name": name, "in": "header", "required": false, "schema": {"type": "string"}, "description": about})
}

/// An answer that says the state of its object.
fn with_state(mut answer: Value) -> Value {
    answer["headers"] = json!({"ETag": {"schema": {"type": "string"}, "description": "Version of the object"}});
    answer
}

fn key_parameter(spec: &Spec) -> Value {
    let (schema, what) = match spec.natural_key {
        Some(what) => (json!({"type": ["integer", "string"], "minimum": 0}), format!("Number, or {what}")),
        None => (json!({"type": "integer", "minimum": 0}), "Number of the object".to_owned()),
    };
    json!({"name": "id", "in": "path", "required": true, "schema": schema, "description": what})
}

fn parameters(spec: &Spec) -> Value {
    let query = |name: &str, schema: Value, about: &str| json!({"name": name, "in": "query", "required": false, "schema": schema, "description": about});
    let mut all = vec![
        query("limit", json!({"type": "integer"}), "Number of rows per page; 0 for the maximum"),
        query("offset", json!({"type": "integer"}), "Number of rows to skip"),
        query("q", json!({"type": "string"}), "Text that the name contains"),
    ];
    if spec.ordering.is_some() {
        all.push(query(
            "order_by",
            json!({"type": "string"}),
            "Field to sort by; with a leading - in descending order",
        ));
    }
    for (name, filtering) in spec.filtering {
        let about = match filtering {
            Filtering::Only(lookups) => format!("Filter; lookups: {}", lookups.join(", ")),
            _ => "Filter; also with a lookup such as __startswith or __in".to_owned(),
        };
        all.push(query(name, json!({"type": "string"}), &about));
    }
    Value::Array(all)
}

fn put_operation(paths: &mut Map<String, Value>, operation: &Operation) {
    let parameters: Vec<Value> = operation.path.split('/').filter_map(path_parameter).collect();
    let query = operation.query.iter().map(
        |(name, required)| json!({"name": name, "in": "query", "required": required, "schema": {"type": "string"}}),
    );
    let success = match operation.success {
        // What it answers stands among the common answers.
        (501, _) => json!({}),
        // A push that is held back.
        (200, _) if operation.id == "ldapsync_remote_data" => json!({
            "200": json_answer("Done", &reference("Anything")),
            "202": json_answer("Not applied: it waits for a person, as Warning and held say", &reference("Anything")),
            "409": json_answer("The same with on_hold=error; or the list changed meanwhile: send it again", &reference("Anything")),
        }),
        (204 | 202, "") => json!({operation.success.0.to_string(): {"description": "Done"}}),
        (status, schema) => json!({status.to_string(): json_answer("Done", &reference(schema))}),
    };
    let mut item = json!({
        "summary": operation.summary,
        "operationId": operation.id,
        "tags": [operation.resource],
        "parameters": query.collect::<Vec<_>>(),
        "responses": with_common(success),
    });
    if let (Some(schema), Some(item)) = (operation.body, item.as_object_mut()) {
        item.insert("requestBody".to_owned(), body(schema));
    }
    let path = paths.entry(operation.path.to_owned()).or_insert_with(|| json!({}));
    if let Some(path) = path.as_object_mut() {
        path.insert(operation.method.to_owned(), item);
        path.insert("x-doorlist-resource".to_owned(), operation.resource.into());
        if !parameters.is_empty() {
            path.insert("parameters".to_owned(), Value::Array(parameters));
        }
    }
}

fn path_parameter(part: &str) -> Option<Value> {
    let name = part.strip_prefix('{')?.strip_suffix('}')?;
    let schema = match name {
        "scope" => json!({"type": "string", "enum": ["reseller", "customer"]}),
        _ => json!({"type": "integer", "minimum": 0}),
    };
    Some(json!({"name": name, "in": "path", "required": true, "schema": schema}))
}

fn reference(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}

fn list_of(resource: &str) -> Value {
    json!({"type": "object", "required": ["meta", "objects"], "properties": {
        "meta": reference("Meta"), "objects": {"type": "array", "items": reference(resource)}}})
}

fn json_answer(about: &str, schema: &Value) -> Value {
    json!({"description": about, "content": {"application/json": {"schema": schema}}})
}

fn body(schema: &str) -> Value {
    json!({"required": true, "content": {"application/json": {"schema": reference(schema)}}})
}

fn plain_responses(schema: &Value, others: &[u16]) -> Value {
    let mut responses = with_common(json!({"200": json_answer("The object", schema)}));
    if let Some(map) = responses.as_object_mut() {
        map.retain(|status, _| status == "200" || others.iter().any(|other| other.to_string() == *status));
    }
    responses
}

/// What every operation may answer beside.
fn with_common(mut responses: Value) -> Value {
    let error = reference("Error");
    let common = [
        (
            "400",
            json!({"description": "Invalid request, with the field and the reason; no body if the path needs a \
                                       scope"}),
        ),
        ("401", json!({"description": "Missing or invalid credentials; no body"})),
        ("403", json_answer("Visible to the caller, but not writable", &error)),
        ("404", json!({"description": "Missing, or not visible to the caller; no body"})),
        ("405", json!({"description": "Method not allowed; no body, with Allow"})),
        ("409", json_answer("The list changed meanwhile: send the request again", &error)),
        ("413", json_answer("Body too large", &error)),
        ("415", json_answer("Content-Encoding not supported", &error)),
        ("429", json_answer("Too many requests; with Retry-After", &error)),
        ("501", json!({"description": "Not supported"})),
        ("503", json!({"description": "Temporarily unavailable; with Retry-After if it takes only moments"})),
    ];
    if let Some(map) = responses.as_object_mut() {
        for (status, response) in common {
            map.entry(status).or_insert(response);
        }
    }
    responses
}

/// How a reference to an object is written.
fn link_schema(resource: &str) -> Value {
    json!({"type": ["string", "integer", "null"], "description": format!("For example {}", link::uri(resource, 1))})
}

fn kind_schema(kind: FieldKind, nullable: bool) -> Value {
    let types = |name: &str| if nullable { json!([name, "null"]) } else { json!(name) };
    match kind {
        FieldKind::Text | FieldKind::Time => json!({"type": types("string")}),
        FieldKind::Integer => json!({"type": types("integer")}),
        FieldKind::Float => json!({"type": types("number")}),
        FieldKind::Boolean => json!({"type": types("boolean")}),
        FieldKind::One(resource) => {
            json!({"type": ["string", "null"], "description": format!("For example {}", link::uri(resource, 1))})
        }
        FieldKind::Many(_) => json!({"type": ["array", "null"]}),
    }
}
