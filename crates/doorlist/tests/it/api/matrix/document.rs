//! The OpenAPI document as a list of routes, and how their paths and bodies are filled with a tenant's objects. It knows
//! no route by name: what a parameter stands for is told by its name and by `x-doorlist-resource` of its path.

use serde_json::{Map, Value, json};

use super::tenants::Tenant;

/// The methods of OpenAPI, as they are written there.
const METHODS: &[&str] = &["get", "post", "put", "patch", "delete"];

/// All that can be asked.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) routes: Vec<Route>,
}

/// A method of a path.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) method: String,
    /// With `{names}` in it.
    pub(super) path: String,
    /// `x-doorlist-resource`; empty if the path does not say.
    pub(super) resource: String,
    parameters: Vec<Parameter>,
    statuses: Vec<String>,
    /// The schema of the body, with what it refers to.
    body: Value,
}

#[derive(Debug)]
struct Parameter {
    name: String,
    is_in_path: bool,
    is_required: bool,
    /// What it names, if the document says so.
    resource: Option<String>,
}

impl Document {
    pub(super) fn read(document: &Value) -> Self {
        let paths = document["paths"].as_object().expect("the document has paths");
        let mut routes = Vec::new();
        for (path, item) in paths {
            for method in METHODS {
                if let Some(operation) = item.get(method) {
                    routes.push(Route::read(document, path, item, method, operation));
                }
            }
        }
        Self { routes }
    }
}

impl Route {
    fn read(document: &Value, path: &str, item: &Value, method: &str, operation: &Value) -> Self {
        let resource = |value: &Value| value["x-doorlist-resource"].as_str().map(str::to_owned);
        let parameters = [item, operation].into_iter().flat_map(|value| value["parameters"].as_array()).flatten();
        let parameters = parameters.map(|parameter| {
            let parameter = resolved(document, parameter);
            Parameter {
                name: parameter["name"].as_str().unwrap_or_default().to_owned(),
                is_in_path: parameter["in"] == "path",
                is_required: parameter["required"] == true,
                resource: resource(parameter),
            }
        });
        let body = resolved(document, &operation["requestBody"]);
        Self {
            method: method.to_uppercase(),
            path: path.to_owned(),
            resource: resource(operation).or_else(|| resource(item)).unwrap_or_default(),
            parameters: parameters.collect(),
            statuses: operation["responses"].as_object().map(|all| all.keys().cloned().collect()).unwrap_or_default(),
            body: whole(document, &body["content"]["application/json"]["schema"], 0),
        }
    }

    /// Whether it is there only to say that it is not done.
    pub(super) fn is_not_done(&self) -> bool {
        self.statuses.iter().any(|status| status == "501")
            && !self.statuses.iter().any(|status| status.starts_with('2'))
    }

    /// Whether the path names an object.
    pub(super) fn names_an_object(&self) -> bool {
        self.path.contains('{')
    }

    /// Fields of the body that are the word of the level above, as the document says.
    pub(super) fn of_above(&self) -> Vec<String> {
        let properties = self.body["properties"].as_object().into_iter().flatten();
        let above = properties.filter(|(_, schema)| schema["x-doorlist-writer"] == "above");
        above.map(|(name, _)| name.clone()).collect()
    }

    /// Target and body, made of this tenant's objects.
    pub(super) fn fill(&self, tenant: &Tenant) -> Result<(String, String), String> {
        let mut target = self.path.clone();
        while let Some((before, (name, after))) =
            target.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?)))
        {
            let value = self.value(name, tenant).ok_or_else(|| {
                format!("{{{name}}} cannot be filled: {:?} has no object in this test", self.resource)
            })?;
            target = format!("{before}{value}{after}");
        }
        let query = self.parameters.iter().filter(|parameter| !parameter.is_in_path && parameter.is_required);
        for (number, parameter) in query.enumerate() {
            let value = match parameter.name.as_str() {
                "domain" => tenant.domain_name(),
                name => self.value(name, tenant).unwrap_or_else(|| "1".to_owned()),
            };
            target.push_str(&format!("{}{}={value}", if number == 0 { '?' } else { '&' }, parameter.name));
        }
        let body = match self.method.as_str() {
            "POST" => sample("", &self.body, tenant).to_string(),
            "PUT" | "PATCH" => "{}".to_owned(),
            _ => String::new(),
        };
        Ok((target, body))
    }

    fn value(&self, name: &str, tenant: &Tenant) -> Option<String> {
        let said = self.parameters.iter().find(|parameter| parameter.name == name)?.resource.as_deref();
        let resource = match name {
            _ if said.is_some() => said?,
            // A scope of admins, and which one.
            "scope" => return Some("customer".to_owned()),
            "sid" | "scope_id" | "cid" => "customer",
            "rid" => "reseller",
            "aid" | "admin" | "admin_id" => "admins",
            "id" | "pk" | "id__in" => &self.resource,
            name if tenant.has(name) => name,
            name => name.strip_suffix("_id")?,
        };
        tenant.number(resource)
    }
}

/// What a reference stands for.
fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let place = value["$ref"].as_str().and_then(|place| place.strip_prefix('#'));
    place.and_then(|place| document.pointer(place)).unwrap_or(value)
}

/// A schema with what it refers to put in, to a depth that bodies have.
fn whole(document: &Value, schema: &Value, depth: usize) -> Value {
    const DEPTH_MAX: usize = 8;
    match resolved(document, schema) {
        Value::Object(keys) if depth < DEPTH_MAX => keys
            .iter()
            .map(|(key, value)| (key.clone(), whole(document, value, depth + 1)))
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(elements) if depth < DEPTH_MAX => {
            elements.iter().map(|value| whole(document, value, depth + 1)).collect()
        }
        other => other.clone(),
    }
}

/// A body that would be taken from who may: what is required, pointing to this tenant's objects.
fn sample(name: &str, schema: &Value, tenant: &Tenant) -> Value {
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.first().and_then(Value::as_str),
        kind => kind.as_str(),
    };
    let first = ["allOf", "oneOf", "anyOf"].iter().find_map(|key| schema[key].as_array()?.first());
    match kind {
        _ if matches!(name, "reseller" | "customer" | "domain" | "email_account") => tenant.place(name).into(),
        Some("object") => {
            let required: Vec<&str> =
                schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let properties = schema["properties"].as_object().into_iter().flatten();
            let wanted = properties.filter(|(key, _)| required.contains(&key.as_str()));
            wanted.map(|(key, schema)| (key.clone(), sample(key, schema, tenant))).collect::<Map<_, _>>().into()
        }
        Some("array") if name == "accounts" => json!([tenant.place("email_account")]),
        Some("array") => json!([sample(name, &schema["items"], tenant)]),
        Some("integer" | "number") => 1.into(),
        Some("boolean") => true.into(),
        Some("string") => text(name, schema),
        _ => first.map_or_else(|| text(name, schema), |schema| sample(name, schema, tenant)),
    }
}

fn text(name: &str, schema: &Value) -> Value {
    match name {
        _ if schema["enum"].is_array() => schema["enum"][0].clone(),
        "email" => "made@made.example.test".into(),
        "name" => "made.example.test".into(),
        "server" => "mx.made.example.test".into(),
        "wb" => "b".into(),
        _ => "made".into(),
    }
}

#[test]
fn a_path_is_filled_by_what_the_document_says_and_a_new_kind_of_object_is_a_failure() {
    let document = json!({
        "paths": {
            "/api/v1/domain/{id}/": {
                "x-doorlist-resource": "domain",
                "parameters": [{"$ref": "#/components/parameters/id"}],
                "get": {"responses": {"200": {}}},
                "delete": {"responses": {"204": {}}},
            },
            "/api/v1/domain/": {"x-doorlist-resource": "domain", "post": {"requestBody": {"content": {"application/json":
                {"schema": {"$ref": "#/components/schemas/domain"}}}}}},
            "/api/v1/planet/{id}/": {"get": {
                "x-doorlist-resource": "planet",
                "parameters": [{"$ref": "#/components/parameters/id"}],
                "responses": {"501": {}},
            }},
        },
        "components": {
            "parameters": {"id": {"name": "id", "in": "path", "required": true}},
            "schemas": {"domain": {"type": "object", "required": ["name", "customer"], "properties":
                {"name": {"type": "string"}, "customer": {"type": "string"}, "active": {"type": "boolean"}}}},
        },
    });
    let document = Document::read(&document);
    let tenant = Tenant::with("amarker", &[("domain", 7), ("customer", 5)]);
    let filled = |method: &str, path: &str| {
        let route = document.routes.iter().find(|route| route.method == method && route.path.contains(path)).unwrap();
        route.fill(&tenant)
    };
    assert_eq!(document.routes.len(), 4);
    assert_eq!(filled("DELETE", "domain/{id}").unwrap(), ("/api/v1/domain/7/".to_owned(), String::new()));
    let (target, body) = filled("POST", "domain/").unwrap();
    assert_eq!(target, "/api/v1/domain/");
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body, json!({"name": "made.example.test", "customer": "/api/v1/customer/5/"}));
    assert!(filled("GET", "planet").unwrap_err().contains("\"planet\" has no object"));
    assert!(document.routes.iter().filter(|route| route.is_not_done()).all(|route| route.path.contains("planet")));
}
