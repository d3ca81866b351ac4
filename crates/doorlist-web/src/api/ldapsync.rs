//! `ldapsync/remote_data`: the full state of a domain, pushed by a script near its directory, at once or in parts.

use super::exchange::{Answer, Ask, Fault, UnreadBody, exchange_unread, of};
use super::gate::ApiState;
use super::large::{BodyPieces, LARGE_BODY_MAX, ValueCount};
use super::query;
use axum::extract::{Request, State};
use axum::http::Method;
use axum::response::Response;
use doorlist_actions::{ActionError, PushPartOf, PushWish};
use doorlist_actions::{PushAnswer, PushFault, PushReader, PushState, WorkPool};
use doorlist_core::address::DomainName;
use doorlist_core::change::PlanId;
use serde_json::{Value, json};

pub(crate) const PATH: &str = "/api/v1/ldapsync/remote_data/";
const RESOURCE: &str = "ldapsync";

const PIECE: usize = 256 * 1024;
/// Maximum values of a push: a million accounts with their aliases.
const VALUES_MAX: usize = 5_000_000;

pub(crate) async fn remote_data(State(state): State<ApiState>, request: Request) -> Response {
    exchange_unread(state, request, async |ask: Ask, unread: UnreadBody| {
        if ask.method != Method::POST {
            return Err(Fault::Method(&["post"]));
        }
        let parameters = query::parameters(&ask.query)?;
        let parameter = |name: &str| parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let domain = parameter("domain").ok_or_else(|| Fault::Bad("give the domain as ?domain=NAME".to_owned()))?;
        let domain: DomainName =
            domain.trim().parse().map_err(|why| Fault::Bad(format!("{domain:?} is not a domain name: {why}")))?;
        let is_test = match parameter("test_run") {
            None => false,
            Some(text) => query::flag(text).ok_or_else(|| Fault::Bad("test_run must be 0 or 1".to_owned()))?,
        };
        let hold_fails = match parameter("on_hold") {
            None | Some("accept") => false,
            Some("error") => true,
            Some(_) => return Err(Fault::Bad("on_hold must be accept or error".to_owned())),
        };
        let part = part(&parameter)?;
        of(RESOURCE, ask.actions.may_be_pushed(&domain).await)?;
        let in_parts = part.is_some();
        let reader = of(RESOURCE, ask.actions.push_reader(&domain, in_parts).await)?;
        // A large body keeps its place until the push is done.
        let mut pieces = unread.pieces(LARGE_BODY_MAX)?;
        match read(&mut pieces, reader, ask.actions.work()).await? {
            Ok(state) => {
                let pushed = ask.actions.push(PushWish { domain, state, is_test, part }).await;
                answer(pushed, in_parts, HoldAnswer { is_test, fails: hold_fails })
            }
            Err(PushFault::Text(text)) => Err(Fault::Bad(text)),
            Err(PushFault::Limit(error)) => answer(Err(error), in_parts, HoldAnswer { is_test, fails: hold_fails }),
        }
    })
    .await
}

/// What the sender of a push that is held back hears.
#[derive(Clone, Copy)]
struct HoldAnswer {
    /// Nothing waits then: the sender only looked.
    is_test: bool,
    fails: bool,
}

fn answer(pushed: Result<PushAnswer, ActionError>, in_parts: bool, held: HoldAnswer) -> Result<Answer, Fault> {
    match pushed {
        Ok(PushAnswer::Done(report)) => {
            // Whoever sends parts is an agent of ours, and reads the whole report.
            let body = if in_parts { json!(report) } else { shown(&report) };
            let plan = &report.plan;
            Ok(match plan.held.as_ref().filter(|_| !plan.written) {
                Some(_) if held.fails => Answer::HeldBack(body),
                Some(why) if !held.is_test => Answer::Held(body, not_applied(why, plan.plan)),
                _ => Answer::Shown(body),
            })
        }
        Ok(PushAnswer::Taken(taken)) => Ok(Answer::Shown(json!(taken))),
        Err(error @ (ActionError::Failed { .. } | ActionError::Invalid { .. })) if in_parts => {
            Err(Fault::Command(error))
        }
        Err(error) => Err(Fault::Action(RESOURCE, error)),
    }
}

fn not_applied(why: &str, plan: Option<PlanId>) -> String {
    let waits = plan.map(|id| format!("; it waits as plan {} for a person", id.0)).unwrap_or_default();
    format!("the push was not applied: {why}{waits}")
}

/// The part of a push in parts: all three parameters, or none.
fn part<'a>(parameter: &impl Fn(&str) -> Option<&'a str>) -> Result<Option<PushPartOf>, Fault> {
    let number = |name: &str| parameter(name).and_then(|text| text.parse::<u32>().ok());
    match (parameter("push"), number("part"), number("parts")) {
        (None, None, None) => Ok(None),
        (Some(push), Some(part), Some(parts)) => Ok(Some(PushPartOf { push: push.to_owned(), part, parts })),
        _ => Err(Fault::Bad("a push in parts requires push, part and parts".to_owned())),
    }
}

/// Parses a push while it is received, on the threads for heavy work. An admitted push is read to its end.
async fn read(
    pieces: &mut BodyPieces,
    mut reader: PushReader,
    work: &WorkPool,
) -> Result<Result<PushState, PushFault>, Fault> {
    let (mut pool, mut count) = (work.clone(), ValueCount::default());
    loop {
        let mut octets = Vec::new();
        let is_last = loop {
            match pieces.next().await? {
                None => break true,
                Some(piece) => octets.extend_from_slice(&piece),
            }
            if octets.len() >= PIECE {
                break false;
            }
        };
        let parse = move || {
            count.take(&octets, VALUES_MAX)?;
            Ok::<_, Fault>(reader.take(&octets).map(|()| (reader, count)))
        };
        match pool.compute(parse).await.map_err(Fault::Command)?? {
            Ok((reader, _)) if is_last => return Ok(reader.finish()),
            Ok(so_far) => (reader, count) = so_far,
            Err(fault) => return Ok(Err(fault)),
        }
        pool = work.for_those_who_wait();
    }
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
