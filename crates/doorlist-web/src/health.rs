//! `/healthz`, `/readyz` and the front page. The caller defines what readiness means.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use std::sync::Arc;

/// What `/` says until there is a page.
const FRONT: &str = "\
Doorlist: an inbound mail gateway that knows which recipients exist.

  /healthz   200 while the process is running
  /readyz    200 while mail is accepted; otherwise 503 and the reasons, one per line

The metrics listener (metrics.listen) answers both paths, too. To configure the
gateway, use the command `doorlist`; start with `doorlist --help`.
";

/// Can tell whether mail is accepted.
pub trait Readiness: Send + Sync + 'static {
    /// Why not, one reason an entry, in words for an operator; empty when ready. Asked at every request: it must not
    /// block.
    fn reasons(&self) -> Vec<String>;
}

pub fn front_page() -> Router {
    Router::new().route("/", get(|| async { FRONT }))
}

/// The routes about health, for every listener. They wait for nothing.
pub fn health(readiness: Arc<dyn Readiness>) -> Router {
    Router::new().route("/healthz", get(|| async { "ok\n" })).route("/readyz", get(ready)).with_state(readiness)
}

async fn ready(State(readiness): State<Arc<dyn Readiness>>) -> (StatusCode, String) {
    let reasons = readiness.reasons();
    if reasons.is_empty() {
        return (StatusCode::OK, "ready\n".to_owned());
    }
    let lines = reasons.iter().flat_map(|reason| [reason.as_str(), "\n"]).collect();
    (StatusCode::SERVICE_UNAVAILABLE, lines)
}
