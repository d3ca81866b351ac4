//! A request that writes is done to its end, its line in the audit included, whatever becomes of its connection: one that
//! breaks or whose time is over must not end in the middle of a change. Must not know what is asked.

use super::answers::failed;
use super::exchange::writes;
use super::gate::ApiState;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;

/// Requests that write at once, those without a connection included; more wait. Connections have a limit of their own, so
/// that only clients which leave again and again come here.
pub(super) const WRITES_AT_ONCE_MAX: usize = 1024;

/// A request that writes gets a task of its own.
pub(super) async fn to_its_end(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    if !writes(request.method()) {
        return next.run(request).await;
    }
    let place = state.place_to_write().await;
    let task = tokio::spawn(async move {
        let response = next.run(request).await;
        drop(place);
        response
    });
    // A task that did not end was broken by an error of ours, and has said so in the log.
    task.await.unwrap_or_else(|_| failed())
}
