//! Every path, every method and every caller of `openapi.json`: nobody sees or changes what is not theirs. What is asked
//! comes from the document, so that a new route is covered the day it is born; a path that cannot be filled with an
//! object of ours is a failure, not an omission.
//!
//! | caller | what must hold |
//! |---|---|
//! | nobody | 401, but at the index and at the document |
//! | everybody of tenant B | 404 wherever a path names an object of A; A's name in no answer; nothing of A is changed |
//! | the auditor of A | no write succeeds |
//! | whoever has an object of A | what the level above decides about it stays, and the answer says so |
//! | all | no error of the server's own |

mod document;
mod tenants;

use std::collections::BTreeMap;

use serde_json::Value;

use super::http::{Answer, Connection};
use crate::server::{Server, Settings};
use document::{Document, Route};
use tenants::{OperatorClient, ROLES, Tenant};

/// What answers without a key.
const OPEN: &[&str] = &["/api/v1/", "/api/v1/openapi.json"];
/// What changes by being looked at.
const RESTLESS: &[&str] = &["last_login", "last_used"];

/// Asks, and keeps what was wrong.
struct Matrix<'a> {
    operator: &'a OperatorClient<'a>,
    connection: Connection,
    faults: Vec<String>,
}

impl Matrix<'_> {
    fn ask(&mut self, caller: &str, route: &Route, tenant: &Tenant) -> Option<Answer> {
        self.ask_more(caller, route, tenant, "")
    }

    /// The same with further parameters.
    fn ask_more(&mut self, caller: &str, route: &Route, tenant: &Tenant, more: &str) -> Option<Answer> {
        let (target, body) = match route.fill(tenant) {
            Ok((target, body)) => (format!("{target}{}{more}", joint(&target, more)), body),
            Err(why) => {
                self.fault(format!("{} {}: {why}", route.method, route.path));
                return None;
            }
        };
        let request = self.operator.request(caller, &route.method, &target, &body);
        let line = format!("{} {target} as {caller}", route.method);
        match self.connection.ask(&request) {
            Ok(answer) => {
                if answer.status >= 500 && !route.is_not_done() {
                    self.fault(format!("{line}: {}: {}", answer.status, answer.text()));
                }
                Some(answer)
            }
            Err(why) => {
                self.fault(format!("{line}: {why}"));
                None
            }
        }
    }

    fn fault(&mut self, what: String) {
        if !self.faults.contains(&what) {
            self.faults.push(what);
        }
    }

    /// Paths are filled rightly: the operator finds what they name.
    fn control(&mut self, document: &Document, tenant: &Tenant) {
        for route in document.routes.iter().filter(|route| route.method == "GET" && !route.is_not_done()) {
            let Some(answer) = self.ask("operator", route, tenant) else { continue };
            // Some lists are only there in a scope; what is named must be there.
            if answer.status != 200 && route.names_an_object() {
                self.fault(format!("GET {} as operator: {}, so it is not filled rightly", route.path, answer.status));
            }
        }
    }

    fn nobody(&mut self, document: &Document, tenant: &Tenant) {
        for route in &document.routes {
            let Some(answer) = self.ask("nobody", route, tenant) else { continue };
            let wanted = if OPEN.contains(&route.path.as_str()) { 200 } else { 401 };
            if answer.status != wanted {
                self.fault(format!("{} {} as nobody: {}, not {wanted}", route.method, route.path, answer.status));
            }
        }
    }

    fn stranger(&mut self, caller: &str, document: &Document, tenant: &Tenant) {
        for route in &document.routes {
            let Some(answer) = self.ask(caller, route, tenant) else { continue };
            let line = format!("{} {} as {caller}", route.method, route.path);
            if route.names_an_object() && answer.status != 404 && !route.is_not_done() {
                self.fault(format!("{line}: {}, not 404: {}", answer.status, answer.text()));
            }
            if answer.text().to_lowercase().contains(tenant.marker()) {
                self.fault(format!("{line} tells of the other tenant: {}", answer.text()));
            }
        }
    }

    /// Whatever a list is asked for, beside what the document requires.
    fn stranger_asks_for_more(&mut self, caller: &str, document: &Document, tenant: &Tenant) {
        for route in document.routes.iter().filter(|route| route.method == "GET") {
            for more in tenant.parameters() {
                let Some(answer) = self.ask_more(caller, route, tenant, &more) else { continue };
                // A link to the next page repeats what was asked for.
                let objects = answer.json().map_or_else(|_| answer.text(), |body| body["objects"].to_string());
                if objects.to_lowercase().contains(tenant.marker()) {
                    let line = format!("{} {} with {more} as {caller}", route.method, route.path);
                    self.fault(format!("{line} tells of the other tenant: {objects}"));
                }
            }
        }
    }

    fn auditor(&mut self, caller: &str, document: &Document, tenant: &Tenant) {
        for route in document.routes.iter().filter(|route| route.method != "GET") {
            let Some(answer) = self.ask(caller, route, tenant) else { continue };
            if (200..300).contains(&answer.status) {
                self.fault(format!("{} {} as {caller}: {}: a write", route.method, route.path, answer.status));
            }
        }
    }

    /// Every field that the document gives to the level above, sent by whoever has the object.
    fn what_is_decided_above(&mut self, document: &Document, tenant: &Tenant, other: &Tenant) -> usize {
        let mut walked = 0;
        for route in document.routes.iter().filter(|route| route.method == "PUT") {
            let fields = route.of_above();
            let role = match route.resource.as_str() {
                "email_account" | "policy_user" => "account",
                role => role,
            };
            let (caller, place) = (tenant.caller(role), tenant.place(&route.resource));
            for field in fields {
                walked += 1;
                let line = format!("PUT {place} {field} as {caller}");
                let ask = |body: &str| {
                    self.operator.request(&caller, if body.is_empty() { "GET" } else { "PUT" }, &place, body)
                };
                let was =
                    self.connection.ask(&ask("")).map(|answer| answer.json().unwrap_or_default()).unwrap_or_default();
                let given: Value = match &was[&field] {
                    Value::Bool(flag) => (!flag).into(),
                    Value::String(link) if link.starts_with('/') => other.place(&field).into(),
                    Value::String(_) if field == "status" => "inactive".into(),
                    Value::String(_) => "changed".into(),
                    _ => 4_242.into(),
                };
                let answer = self.connection.ask(&ask(&serde_json::json!({ &field: given }).to_string()));
                let told = answer.as_ref().ok().map(|it| (it.status, it.header("Doorlist-Not-Applied"), it.json()));
                let stays =
                    matches!(&told, Some((202, Some(names), Ok(now))) if *names == field && now[&field] == was[&field]);
                if !stays {
                    self.faults.push(format!("{line}: {given} instead of {}: {answer:?}", was[&field]));
                }
            }
        }
        walked
    }

    /// All that a tenant has, as its own admin sees it.
    fn seen(&mut self, caller: &str, document: &Document, tenant: &Tenant) -> BTreeMap<String, Value> {
        let ours = |route: &&Route| route.method == "GET" && tenant.has(&route.resource) && !route.is_not_done();
        let mut seen = BTreeMap::new();
        for route in document.routes.iter().filter(ours) {
            if let Some(answer) = self.ask(caller, route, tenant) {
                let mut body = answer.json().unwrap_or_else(|_| answer.text().into());
                forget_restless(&mut body);
                seen.insert(route.path.clone(), serde_json::json!({"status": answer.status, "body": body}));
            }
        }
        seen
    }
}

fn joint(target: &str, more: &str) -> &'static str {
    match (more.is_empty(), target.contains('?')) {
        (true, _) => "",
        (false, true) => "&",
        (false, false) => "?",
    }
}

fn forget_restless(value: &mut Value) {
    match value {
        Value::Object(keys) => {
            keys.retain(|key, _| !RESTLESS.contains(&key.as_str()));
            keys.values_mut().for_each(forget_restless);
        }
        Value::Array(elements) => elements.iter_mut().for_each(forget_restless),
        _ => {}
    }
}

#[test]
fn nobody_sees_or_changes_what_is_not_theirs() {
    let server = Server::with(Settings::default());
    let mut operator = OperatorClient::open(&server);
    let a = Tenant::found(&mut operator, "amarker");
    let b = Tenant::found(&mut operator, "bmarker");
    let mut connection = Connection::to(server.web());
    let answer = connection.ask(&operator.request("nobody", "GET", "/api/v1/openapi.json", "")).unwrap();
    assert_eq!(answer.status, 200, "openapi.json: {}", answer.text());
    let document = Document::read(&answer.json().unwrap());
    assert!(document.routes.len() >= 80, "{} routes", document.routes.len());

    let mut matrix = Matrix { operator: &operator, connection, faults: Vec::new() };
    matrix.control(&document, &a);
    let owner = a.caller("reseller");
    let before = matrix.seen(&owner, &document, &a);
    matrix.nobody(&document, &a);
    for role in ROLES {
        matrix.stranger(&b.caller(role), &document, &a);
        matrix.stranger_asks_for_more(&b.caller(role), &document, &a);
    }
    matrix.auditor(&a.caller("auditor"), &document, &a);
    let after = matrix.seen(&owner, &document, &a);
    for (path, was) in &before {
        if after.get(path) != Some(was) {
            matrix.fault(format!("{path} of A was changed by others:\n  - {was}\n  + {:?}", after.get(path)));
        }
    }
    let walked = matrix.what_is_decided_above(&document, &a, &b);
    assert!(walked >= 13, "{walked} fields");
    // Those who may: what comes of it is told by the facts, here it must only be no error of the server's own.
    let (deletes, others): (Vec<&Route>, Vec<&Route>) =
        document.routes.iter().partition(|route| route.method == "DELETE");
    let callers = ["account", "domain", "customer", "reseller"].map(|role| a.caller(role));
    for route in others.into_iter().chain(deletes) {
        for caller in callers.iter().map(String::as_str).chain(["operator"]) {
            matrix.ask(caller, route, &a);
        }
    }
    let faults = matrix.faults;
    assert!(faults.is_empty(), "{} faults:\n\n{}\n", faults.len(), faults.join("\n"));
}
