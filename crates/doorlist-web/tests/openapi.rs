//! The OpenAPI document in the checkout is the one that the code makes: whoever changes the API shows it in the same
//! commit.
#![allow(clippy::unwrap_used)]

use serde_json::Value;

#[test]
fn the_document_in_the_checkout_is_the_one_of_the_code() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
    let written: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let made = doorlist_web::openapi_document();
    let paths = |document: &Value| document["paths"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(paths(&written), paths(&made));
    for (path, operations) in made["paths"].as_object().unwrap() {
        assert_eq!(&written["paths"][path], operations, "{path}");
    }
    assert!(written == made, "docs/openapi.json: cargo run -p doorlist-web --example openapi > docs/openapi.json");
}

#[test]
fn every_operation_has_a_name_of_its_own() {
    let document = doorlist_web::openapi_document();
    let operations =
        document["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values());
    let mut ids: Vec<&str> = operations.filter_map(|operation| operation["operationId"].as_str()).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all);
}
