//! `/healthz`, `/readyz` and the page that says where to look. What readiness consists of is not known here.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use std::sync::Arc;

/// What `/` says until there is a page.
const FRONT: &str = "\
Doorlist: an inbound mail gateway that knows who is on the list.

  /healthz   200 while the process lives
  /readyz    200 while mail is accepted; else 503 and the reasons, one a line

Metrics are on a listener of their own (metrics.listen), which answers these two,
too. Everything else is done with the command `doorlist`; begin with `doorlist --help`.
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
