//! `openapi.json` says the truth: Schemathesis sends a running server what the document allows and what it does not, as the
//! operator, and no answer may be one that the document does not describe, or an error of the server's own.

use std::time::Duration;

use doorlist_testbed::schemathesis;
use serde_json::json;

use super::http::{Connection, Request};
use crate::server::Server;

const OPERATOR: &str = "root@operator.example.test";
/// How long it goes on.
const TIME: Duration = Duration::from_secs(90);

#[test]
fn every_answer_is_one_that_the_document_describes() {
    let server = Server::start();
    server.done(&["admin", "create", OPERATOR]);
    let key = server.done(&["apikey", "create", OPERATOR, "--login-key-only"]);
    let authorization = format!("ApiKey {}", key.trim());
    let ask = |method: &str, target: &str, body: &str| {
        let headers = [
            ("Host", server.web().to_string()),
            ("Authorization", authorization.clone()),
            ("Content-Type", "application/json".to_owned()),
            ("Content-Length", body.len().to_string()),
        ];
        let request = Request {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: headers.map(|(name, value)| (name.to_owned(), value)).to_vec(),
            body: body.as_bytes().to_vec(),
        };
        Connection::to(server.web()).ask(&request).unwrap()
    };
    assert_eq!(ask("GET", "/api/v1/openapi.json", "").status, 200);
    // Objects with small numbers, so that it finds some.
    let made = ask("POST", "/api/v1/customer/", &json!({"name": "schema"}).to_string());
    assert_eq!(made.status, 201, "{}", made.text());
    let customer = made.json().unwrap()["id"].clone();
    let domain = json!({"name": "schema.example.test", "customer": format!("/api/v1/customer/{customer}/")});
    let made = ask("POST", "/api/v1/domain/", &domain.to_string());
    assert_eq!(made.status, 201, "{}", made.text());

    let url = format!("http://{}/api/v1/openapi.json", server.web());
    let findings = schemathesis::run(&url, &format!("Authorization: {authorization}"), TIME).unwrap();
    assert!(findings.passed, "{}", findings.report);
    assert!(findings.complete, "there was no time for every operation:\n{}", findings.report);
    // Had it locked itself out, it would have seen nothing but 401.
    assert_eq!(ask("GET", "/api/v1/reseller/", "").status, 200);
}
