//! `command`: the commands of `doorlist --server`. The request is the one that goes over the control socket; whether it
//! may travel, and whether this caller may, is the desk's to say.

use super::body;
use super::exchange::{Answer, Ask, Fault, LARGE_BODY_MAX, exchange};
use super::gate::ApiState;
use axum::extract::{Request, State};
use axum::http::Method;
use axum::response::Response;
use serde_json::json;

pub(crate) const PATH: &str = "/api/v1/command/";

pub(crate) async fn command(State(state): State<ApiState>, request: Request) -> Response {
    exchange(state, request, LARGE_BODY_MAX, async |ask: Ask| {
        if ask.method != Method::POST {
            return Err(Fault::Method(&["post"]));
        }
        let wish: doorlist_actions::Request = serde_json::from_value(body::json(&ask.body)?)
            .map_err(|error| Fault::Bad(format!("the body is no request of a command: {error}")))?;
        match ask.desk.command(wish).await {
            Ok(done) => Ok(Answer::Shown(json!({ "done": done }))),
            Err(error) => Err(Fault::Command(error.into())),
        }
    })
    .await
}
