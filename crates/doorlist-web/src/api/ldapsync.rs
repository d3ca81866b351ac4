//! `ldapsync/remote_data`: the full state of a domain, pushed by a script near its directory, whole or in parts.

use super::body;
use super::exchange::{Answer, Ask, Fault, LARGE_BODY_MAX, exchange, of};
use super::gate::ApiState;
use super::query;
use axum::extract::{Request, State};
use axum::http::Method;
use axum::response::Response;
use doorlist_actions::PushItem;
use doorlist_core::address::DomainName;
use serde_json::{Value, json};

pub(crate) const PATH: &str = "/api/v1/ldapsync/remote_data/";
const NOUN: &str = "ldapsync";

pub(crate) async fn remote_data(State(state): State<ApiState>, request: Request) -> Response {
    exchange(state, request, LARGE_BODY_MAX, async |ask: Ask| {
        if ask.method != Method::POST {
            return Err(Fault::Method(&["post"]));
        }
        let parameters = query::parameters(&ask.query)?;
        let parameter = |name: &str| parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let domain = parameter("domain").ok_or_else(|| Fault::Bad("say for which domain: ?domain=NAME".to_owned()))?;
        let domain: DomainName =
            domain.trim().parse().map_err(|why| Fault::Bad(format!("{domain:?} is no domain name: {why}")))?;
        let is_test = match parameter("test_run") {
            None => false,
            Some(text) => query::flag(text).ok_or_else(|| Fault::Bad("test_run is 0 or 1".to_owned()))?,
        };
        let items = items(&ask.body)?;
        let report = of(NOUN, ask.desk.push(&domain, &items, is_test).await)?;
        Ok(Answer::Shown(shown(&report)))
    })
    .await
}

/// The array of accounts, or an object that has it.
fn items(bytes: &[u8]) -> Result<Vec<PushItem>, Fault> {
    let mut value = body::json(bytes)?;
    if let Some(items) = value.get_mut("items") {
        value = items.take();
    }
    if !value.is_array() {
        return Err(Fault::Bad("the body must be a list of objects with email and aliases".to_owned()));
    }
    serde_json::from_value(value).map_err(|error| Fault::Bad(format!("an account of the list is wrong: {error}")))
}

fn shown(report: &doorlist_actions::PushReport) -> Value {
    let plan = &report.plan;
    json!({
        "written": plan.written,
        "added": plan.applied.added,
        "changed": plan.applied.changed,
        "removed": plan.applied.removed,
        "same": plan.applied.same,
        "vetoed": plan.applied.vetoed,
        "held": plan.held,
        "plan": plan.plan.map(|id| id.0),
        "change": plan.applied.change_id,
        "problems": report.problems_total,
        "left_out": report.left_out,
    })
}
