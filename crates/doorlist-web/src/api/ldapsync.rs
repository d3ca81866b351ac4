//! `ldapsync/remote_data`: the full state of a domain, pushed by a script near its directory, whole or in parts.

use super::body;
use super::exchange::{Answer, Ask, Fault, LARGE_BODY_MAX, exchange};
use super::gate::ApiState;
use super::query;
use axum::extract::{Request, State};
use axum::http::Method;
use axum::response::Response;
use doorlist_actions::desk::{DeskError, PushPartOf, PushWish};
use doorlist_actions::{PushAnswer, PushItem};
use doorlist_core::address::DomainName;
use doorlist_core::shrink_guard::OperationLimits;
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
        let part = part(&parameter)?;
        let (items, limits) = items(&ask.body)?;
        let wish = PushWish { domain, items, limits, is_test, part };
        let in_parts = wish.part.is_some();
        match ask.desk.push(wish).await {
            // Whoever sends parts is an agent of ours, and reads the whole report.
            Ok(answer) if in_parts => Ok(Answer::Shown(json!(answer))),
            Ok(PushAnswer::Done(report)) => Ok(Answer::Shown(shown(&report))),
            Ok(PushAnswer::Taken(taken)) => Ok(Answer::Shown(json!(taken))),
            Err(DeskError::Failed(failed)) if in_parts => Err(Fault::Command(failed)),
            Err(error @ DeskError::Invalid { .. }) if in_parts => Err(Fault::Command(error.into())),
            Err(error) => Err(Fault::Desk(NOUN, error)),
        }
    })
    .await
}

/// Which part this is, if the push comes in parts: all three parameters, or none.
fn part<'a>(parameter: &impl Fn(&str) -> Option<&'a str>) -> Result<Option<PushPartOf>, Fault> {
    let number = |name: &str| parameter(name).and_then(|text| text.parse::<u32>().ok());
    match (parameter("push"), number("part"), number("parts")) {
        (None, None, None) => Ok(None),
        (Some(push), Some(part), Some(parts)) => Ok(Some(PushPartOf { push: push.to_owned(), part, parts })),
        _ => Err(Fault::Bad("a push in parts names push, part and parts".to_owned())),
    }
}

/// The array of accounts, or an object that has it, and how many changes may be made.
fn items(bytes: &[u8]) -> Result<(Vec<PushItem>, OperationLimits), Fault> {
    let mut value = body::json(bytes)?;
    let wrong = |error: serde_json::Error| Fault::Bad(format!("an account of the list is wrong: {error}"));
    let mut limits = OperationLimits::default();
    if let Some(object) = value.as_object_mut() {
        if let Some(given) = object.remove("limits") {
            limits = serde_json::from_value(given).map_err(|error| Fault::Bad(format!("limits: {error}")))?;
        }
        value = object.remove("items").unwrap_or(Value::Null);
    }
    if !value.is_array() {
        return Err(Fault::Bad("the body must be a list of objects with email and aliases".to_owned()));
    }
    Ok((serde_json::from_value(value).map_err(wrong)?, limits))
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
