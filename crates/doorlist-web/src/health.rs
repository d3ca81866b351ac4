//! `/healthz`, `/readyz` and the front page. The caller defines what readiness means.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use doorlist_actions::Waited;
use std::sync::Arc;

const FRONT: &str = "\
Doorlist: an inbound mail gateway that knows which recipients exist.

  /healthz   200 while the process is running
  /readyz    200 while mail is accepted and can be stored; otherwise 503 and the reasons, one per line

  /api/v1/   the API, with a key of `doorlist apikey create`; /api/v1/openapi.json describes it

The metrics listener (metrics.listen) answers the first two paths, too. To configure the
gateway, use the command `doorlist`; start with `doorlist --help`.
";

/// Reports whether mail is accepted.
pub trait Readiness: Send + Sync + 'static {
    /// Reasons for not being ready, in words for an operator; empty when ready. Asked for at every request, however many
    /// there are; the answer comes within seconds.
    fn reasons(&self) -> Waited<'_, Vec<String>>;
}

pub fn front_page() -> Router {
    Router::new().route("/", get(|| async { FRONT }))
}

/// The health routes of every listener.
pub fn health(readiness: Arc<dyn Readiness>) -> Router {
    Router::new().route("/healthz", get(|| async { "ok\n" })).route("/readyz", get(ready)).with_state(readiness)
}

async fn ready(State(readiness): State<Arc<dyn Readiness>>) -> (StatusCode, String) {
    let reasons = readiness.reasons().await;
    if reasons.is_empty() {
        return (StatusCode::OK, "ready\n".to_owned());
    }
    let lines = reasons.iter().flat_map(|reason| [reason.as_str(), "\n"]).collect();
    (StatusCode::SERVICE_UNAVAILABLE, lines)
}
