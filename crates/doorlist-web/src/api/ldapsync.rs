//! `ldapsync/remote_data`: the full state of a domain, pushed by a script near its directory, whole or in parts.

use super::exchange::{Answer, Ask, Fault, Unread, exchange_unread, of};
use super::gate::ApiState;
use super::large::{LARGE_BODY_MAX, bounded};
use super::query;
use axum::extract::{Request, State};
use axum::http::Method;
use axum::response::Response;
use doorlist_actions::desk::{DeskError, PushPartOf, PushWish};
use doorlist_actions::{PushAnswer, PushItem};
use doorlist_core::address::DomainName;
use doorlist_core::shrink_guard::OperationLimits;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

pub(crate) const PATH: &str = "/api/v1/ldapsync/remote_data/";
const NOUN: &str = "ldapsync";

/// Values of a push: a million accounts with their aliases.
const VALUES_MAX: usize = 5_000_000;

pub(crate) async fn remote_data(State(state): State<ApiState>, request: Request) -> Response {
    exchange_unread(state, request, async |ask: Ask, unread: Unread| {
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
        of(NOUN, ask.desk.may_be_pushed(&domain).await)?;
        let (body, _place) = unread.read(LARGE_BODY_MAX).await?;
        let (items, limits) = items(&body)?;
        drop(body);
        let in_parts = part.is_some();
        let wish = PushWish { domain, items, limits, is_test, part };
        answer(ask.desk.push(wish).await, in_parts)
    })
    .await
}

fn answer(pushed: Result<PushAnswer, DeskError>, in_parts: bool) -> Result<Answer, Fault> {
    match pushed {
        // Whoever sends parts is an agent of ours, and reads the whole report.
        Ok(answer) if in_parts => Ok(Answer::Shown(json!(answer))),
        Ok(PushAnswer::Done(report)) => Ok(Answer::Shown(shown(&report))),
        Ok(PushAnswer::Taken(taken)) => Ok(Answer::Shown(json!(taken))),
        Err(DeskError::Failed(failed)) if in_parts => Err(Fault::Command(failed)),
        Err(error @ DeskError::Invalid { .. }) if in_parts => Err(Fault::Command(error.into())),
        Err(error) => Err(Fault::Desk(NOUN, error)),
    }
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

/// A push with its limits.
#[derive(Deserialize)]
struct Pushed {
    #[serde(default)]
    limits: OperationLimits,
    items: Option<Vec<PushItem>>,
}

/// The array of accounts, or an object that has it, and how many changes may be made.
fn items(bytes: &[u8]) -> Result<(Vec<PushItem>, OperationLimits), Fault> {
    bounded(bytes, VALUES_MAX)?;
    let wrong = |error: serde_json::Error| match error.is_data() {
        true => Fault::Bad(format!("an account of the list, or a limit, is wrong: {error}")),
        false => Fault::Bad(format!("the body is not JSON: {error}")),
    };
    let pushed = match bytes.trim_ascii_start().first() {
        Some(b'[') => {
            Pushed { limits: OperationLimits::default(), items: Some(serde_json::from_slice(bytes).map_err(wrong)?) }
        }
        Some(b'{') => serde_json::from_slice(bytes).map_err(wrong)?,
        _ => {
            let _: IgnoredAny = serde_json::from_slice(bytes).map_err(wrong)?;
            Pushed { limits: OperationLimits::default(), items: None }
        }
    };
    let no_list = || Fault::Bad("the body must be a list of objects with email and aliases".to_owned());
    Ok((pushed.items.ok_or_else(no_list)?, pushed.limits))
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
