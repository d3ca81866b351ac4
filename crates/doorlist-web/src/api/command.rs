//! `command`: the commands of `doorlist --server`. The body is the same request as on the control socket;
//! `doorlist-actions` decides whether it may be sent from another machine and whether the caller may send it.

use super::exchange::{Answer, Ask, Fault, Unread, exchange_unread};
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
    exchange_unread(state, request, async |ask: Ask, unread: Unread| {
        if ask.method != Method::POST {
            return Err(Fault::Method(&["post"]));
        }
        ask.desk.may_command().map_err(|error| Fault::Desk("", error))?;
        let (body, _place) = unread.read(LARGE_BODY_MAX).await?;
        let parsed = ask.desk.work().compute(move || wish(&body)).await;
        let wish = parsed.map_err(Fault::Command)??;
        match Box::pin(ask.desk.command(wish)).await {
            Ok(done) => Ok(Answer::Shown(json!({ "done": done }))),
            Err(error) => Err(Fault::Command(error.into())),
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
