//! Completes write requests, including their audit entry, even if the connection breaks or times out, so that a change
//! never stops halfway. At shutdown, only requests whose clients still wait are awaited.

use super::answers::failed;
use super::exchange::writes;
use super::gate::ApiState;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;

/// Maximum number of concurrent write requests, including those without a connection; further ones wait. Only reached
/// by clients that disconnect again and again.
pub(super) const WRITES_AT_ONCE_MAX: usize = 1024;

/// Runs a write request in its own task.
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::gate::tests::state;
    use super::*;
    use axum::Router;
    use axum::body::Body;
    use axum::http::Method;
    use axum::middleware::from_fn_with_state;
    use axum::routing::any;
    use hyper::service::Service as _;
    use hyper_util::service::TowerToHyperService;
    use std::sync::Arc;
    use std::time::Duration;
    use tokio::sync::Notify;
    use tokio::time::timeout;

    #[tokio::test(start_paused = true)]
    async fn what_is_written_is_done_although_nobody_waits_for_it() {
        for (method, is_done) in [(Method::POST, true), (Method::DELETE, true), (Method::GET, false)] {
            let [begun, go, done] = [(); 3].map(|()| Arc::new(Notify::new()));
            let marks = [&begun, &go, &done].map(Arc::clone);
            let act = move || {
                let [begun, go, done] = marks.clone();
                async move {
                    begun.notify_one();
                    go.notified().await;
                    done.notify_one();
                }
            };
            let router: Router = Router::new().route("/", any(act)).layer(from_fn_with_state(state(), to_its_end));
            let request = Request::builder().method(&method).uri("/").body(Body::empty()).unwrap();
            let mut asked = Box::pin(TowerToHyperService::new(router).call(request));
            tokio::select! {
                _ = &mut asked => unreachable!("it waits"),
                () = begun.notified() => {}
            }
            drop(asked);
            go.notify_one();
            assert_eq!(timeout(Duration::from_secs(60), done.notified()).await.is_ok(), is_done, "{method}");
        }
    }
}
