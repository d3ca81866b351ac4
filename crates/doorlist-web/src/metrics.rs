//! `/metrics` in the OpenMetrics text format of Prometheus.

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::registry::Registry;
use std::sync::{Arc, OnceLock};

/// The content type of OpenMetrics text, which is what the encoder writes.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The routes of the metrics listener. The registry may be filled later: until then there are no metrics.
pub fn metrics(registry: Arc<OnceLock<Registry>>) -> Router {
    Router::new()
        .route("/", get(|| async { "Doorlist's metrics are at /metrics\n" }))
        .route("/metrics", get(scrape))
        .with_state(registry)
}

async fn scrape(State(registry): State<Arc<OnceLock<Registry>>>) -> Response {
    let Some(registry) = registry.get() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "the server is starting\n").into_response();
    };
    let mut text = String::new();
    match prometheus_client::encoding::text::encode(&mut text, registry) {
        Ok(()) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "cannot write the metrics\n").into_response(),
    }
}
