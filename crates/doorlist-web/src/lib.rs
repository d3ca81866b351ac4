//! The HTTP listeners: the API, health, metrics and the pages behind links. The only crate that knows axum.
//!
//! It must not depend on SMTP, SQL or the configuration: the binary passes in the readiness check and the registry of
//! metrics.

mod answer_headers;
mod api;
mod base_url;
mod confirmations;
mod health;
mod https_link;
mod listener;
mod metrics;
mod rate;
mod refusals;
mod uploads;

pub use answer_headers::api_headers;
pub use api::{ApiConfig, ApiState, AuditLine, LARGE_BODY_MAX, Trail, api, openapi_document};
pub use axum::Router;
pub use base_url::base_url;
pub use confirmations::confirmations;
pub use health::{Readiness, front_page, health};
pub use listener::{
    BODY_MAX, BODY_PACE_MIN, BODY_PART_MAX, CONNECTION_MAX, CONNECTIONS_MAX, CONNECTIONS_PER_ADDRESS_MAX, Certificates,
    Client, HEAD_LINES_MAX, HEAD_MAX, HEADER_READ_MAX, HEALTH_CONNECTION_MAX, HEALTH_CONNECTIONS_MAX, KEEP_ALIVE_MAX,
    ListenerAddress, TLS_HANDSHAKE_MAX, WebListener, serve,
};
pub use metrics::metrics;
pub use rate::{Rate, RateKey, RateLimits, RetryAfter};
pub use refusals::{Refusals, counted};
pub use uploads::{UPLOAD_FILE_MAX, UPLOADS_AT_ONCE_MAX, uploads};
