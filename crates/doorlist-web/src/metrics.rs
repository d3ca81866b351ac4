//! `/metrics` in the two text formats of Prometheus: OpenMetrics for whoever asks for it, else the older one.

mod plain_text;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::registry::Registry;
use std::sync::{Arc, OnceLock};

/// OpenMetrics text, which is what the encoder writes.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PLAIN_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The routes of the metrics listener. The registry may be filled later: until then there are no metrics.
pub fn metrics(registry: Arc<OnceLock<Registry>>) -> Router {
    Router::new()
        .route("/", get(|| async { "Doorlist's metrics are at /metrics\n" }))
        .route("/metrics", get(scrape))
        .with_state(registry)
}

async fn scrape(State(registry): State<Arc<OnceLock<Registry>>>, headers: HeaderMap) -> Response {
    let Some(registry) = registry.get() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "the server is starting\n").into_response();
    };
    let mut text = String::new();
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let vary = (header::VARY, "Accept");
    match prometheus_client::encoding::text::encode(&mut text, registry) {
        Ok(()) if wants_open_metrics(accept) => ([(header::CONTENT_TYPE, OPEN_METRICS), vary], text).into_response(),
        Ok(()) => {
            let text = plain_text::from_open_metrics(&text);
            ([(header::CONTENT_TYPE, PLAIN_TEXT), vary], text).into_response()
        }
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "cannot write the metrics\n").into_response(),
    }
}

/// Whether OpenMetrics is named (RFC 9110 section 12.5.1), and nothing else is liked more.
fn wants_open_metrics(accept: &str) -> bool {
    let quality = |wanted: fn(&str) -> bool| {
        let of_part = |part: &str| {
            let mut words = part.split(';').map(str::trim);
            let is_wanted = words.next().is_some_and(wanted);
            let quality = words.find_map(|word| word.strip_prefix("q=")?.parse::<f32>().ok()).unwrap_or(1.0);
            is_wanted.then_some(quality)
        };
        accept.split(',').filter_map(of_part).fold(0.0, f32::max)
    };
    let open = quality(|kind| kind.eq_ignore_ascii_case("application/openmetrics-text"));
    open > 0.0 && open >= quality(|kind| kind.eq_ignore_ascii_case("text/plain"))
}

#[cfg(test)]
mod tests {
    use super::wants_open_metrics;

    #[test]
    fn open_metrics_is_for_whoever_asks_for_it() {
        let prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;\
                          q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        for accept in [prometheus, "application/openmetrics-text", "text/plain;q=0.5, application/openmetrics-text"] {
            assert!(wants_open_metrics(accept), "{accept}");
        }
        for accept in [
            "",
            "*/*",
            "text/plain",
            "text/plain, application/openmetrics-text;q=0.9",
            "text/html,*/*",
            "application/openmetrics-text;q=0",
        ] {
            assert!(!wants_open_metrics(accept), "{accept}");
        }
    }
}
