#![allow(clippy::panic)]

use super::*;
use crate::request::Request;

/// A request as it travels, and what it reaches: `here`, `all`, or the names with `?` for one that only looks.
const TABLE: &[(&str, &str)] = &[
    (
        r#"{"action":"account_add","addresses":["b@two.test","a@one.test","c@two.test"],"list":false}"#,
        "one.test two.test",
    ),
    (r#"{"action":"account_remove","addresses":["a@one.test"]}"#, "one.test"),
    (r#"{"action":"account_show","address":"a@one.test"}"#, "one.test?"),
    (r#"{"action":"account_list","filter":{"domain":"one.test","search":null,"after":null,"limit":1}}"#, "one.test?"),
    (r#"{"action":"alias_add","account":"a@one.test","locals":["b"]}"#, "one.test"),
    (r#"{"action":"alias_remove","addresses":["a@one.test"]}"#, "one.test"),
    (r#"{"action":"import","domain":"one.test","source":"file","file":"ann"}"#, "one.test?"),
    (r#"{"action":"import","domain":"one.test","source":"file","file":"ann","apply":true}"#, "one.test"),
    (r#"{"action":"import_request","domain":"one.test","source":"file","days":null}"#, "one.test"),
    (r#"{"action":"export","domain":"one.test","format":"csv","after":null}"#, "one.test?"),
    (r#"{"action":"plan_list","domain":"one.test","before":null,"limit":1}"#, "one.test?"),
    (r#"{"action":"plan_list","domain":null,"before":null,"limit":1}"#, "all"),
    (r#"{"action":"plan_show","id":7,"after":null,"limit":1}"#, "plan 7?"),
    (r#"{"action":"plan_apply","id":7,"reason":null}"#, "plan 7"),
    (r#"{"action":"plan_discard","id":7}"#, "plan 7"),
    (r#"{"action":"changes_list","domain":"one.test","before":null,"limit":1}"#, "one.test?"),
    (r#"{"action":"changes_list","domain":null,"before":null,"limit":1}"#, "all"),
    (r#"{"action":"changes_show","id":7,"after":null,"limit":1}"#, "change 7?"),
    (r#"{"action":"changes_undo","id":7}"#, "change 7"),
    (r#"{"action":"check","address":"a@one.test"}"#, "one.test?"),
    (r#"{"action":"check","address":"postmaster"}"#, "here"),
    (r#"{"action":"domain_add","name":"one.test","servers":[],"customer":null}"#, "here"),
    (r#"{"action":"domain_list"}"#, "here"),
    (r#"{"action":"domain_show","name":"one.test"}"#, "here"),
    (r#"{"action":"domain_remove","name":"one.test"}"#, "here"),
    (r#"{"action":"domain_mode","name":"one.test","mode":"enforce","now":true,"confirmed":null}"#, "here"),
    (r#"{"action":"domain_set","name":"one.test"}"#, "here"),
    (r#"{"action":"domain_alias_add","name":"one.test","alias":"two.test"}"#, "here"),
    (r#"{"action":"domain_alias_remove","alias":"two.test"}"#, "here"),
    (r#"{"action":"source_list"}"#, "here"),
    (r#"{"action":"source_show","name":"office"}"#, "here"),
    (r#"{"action":"source_remove","name":"office","withdraw":true}"#, "here"),
    (r#"{"action":"sync_test","name":"office"}"#, "here"),
    (r#"{"action":"sync_preview","name":"office"}"#, "here"),
    (r#"{"action":"sync_run","name":"office","reason":null}"#, "here"),
    (r#"{"action":"sync_history","name":"office","before":null,"limit":1}"#, "here"),
    (r#"{"action":"push","domain":"one.test","items":[],"apply":true}"#, "here"),
    (r#"{"action":"queue_list","filter":{"domain":null,"after":null,"limit":1}}"#, "here"),
];

fn said(reach: &Reach) -> String {
    let mark = |looks: &bool| if *looks { "?" } else { "" };
    match reach {
        Reach::Machine => "here".to_owned(),
        Reach::Seen => "all".to_owned(),
        Reach::Domains { names, looks } => {
            let names: Vec<&str> = names.iter().map(DomainName::as_str).collect();
            names.join(" ") + mark(looks)
        }
        Reach::Change { id, looks } => format!("change {id}{}", mark(looks)),
        Reach::Plan { id, looks } => format!("plan {}{}", id.0, mark(looks)),
    }
}

#[test]
fn every_request_reaches_what_it_names_and_no_more() {
    for (json, expected) in TABLE {
        let request: Request = serde_json::from_str(json).unwrap_or_else(|error| panic!("{json}: {error}"));
        assert_eq!(said(&request.reach()), *expected, "{json}");
    }
}
