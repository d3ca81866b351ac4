//! `command`: the commands of `doorlist --server`. The request is the one that goes over the control socket; whether it
//! may travel, and whether this caller may, is for the actions to say.

use super::exchange::{Answer, Ask, Fault, UnreadBody, exchange_unread};
use super::gate::ApiState;
use super::large::{LARGE_BODY_MAX, bounded};
use axum::extract::{Request, State};
use axum::http::Method;
use axum::response::Response;
use serde_json::json;

pub(crate) const PATH: &str = "/api/v1/command/";
/// Values of a command: what is large in it is one text, a file.
const VALUES_MAX: usize = 100_000;

pub(crate) async fn command(State(state): State<ApiState>, request: Request) -> Response {
    exchange_unread(state, request, async |ask: Ask, unread: UnreadBody| {
        if ask.method != Method::POST {
            return Err(Fault::Method(&["post"]));
        }
        ask.actions.may_command().map_err(|error| Fault::Action("", error))?;
        let (body, _place) = unread.read(LARGE_BODY_MAX).await?;
        let parsed = ask.actions.work().compute(move || wish(&body)).await;
        let wish = parsed.map_err(Fault::Command)??;
        match Box::pin(ask.actions.run(wish)).await {
            Ok(done) => Ok(Answer::Shown(json!({ "done": done }))),
            Err(error) => Err(Fault::Command(error)),
        }
    })
    .await
}

fn wish(bytes: &[u8]) -> Result<doorlist_actions::Request, Fault> {
    bounded(bytes, VALUES_MAX)?;
    serde_json::from_slice(bytes).map_err(|error| match error.is_data() {
        true => Fault::Bad(format!("the body is not a command request: {error}")),
        false => Fault::Bad(format!("the body is not JSON: {error}")),
    })
}
