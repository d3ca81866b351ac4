//! Reports rejected requests to a counter; stores nothing.

use crate::Client;
use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use std::net::IpAddr;
use std::sync::Arc;

/// Counts rejected requests, in bounded memory.
pub trait Refusals: Send + Sync + 'static {
    /// A request of this client was answered with a status of 400 to 499. Must not wait.
    fn count(&self, client: IpAddr, status: u16);
}

/// Wraps routes so that rejected requests are counted.
pub fn counted(router: Router, refusals: Arc<dyn Refusals>) -> Router {
    router.layer(from_fn_with_state(refusals, count))
}

async fn count(State(refusals): State<Arc<dyn Refusals>>, request: Request, next: Next) -> Response {
    let client = request.extensions().get::<Client>().map(|client| client.address);
    let response = next.run(request).await;
    if let Some(client) = client.filter(|_| response.status().is_client_error()) {
        refusals.count(client, response.status().as_u16());
    }
    response
}
