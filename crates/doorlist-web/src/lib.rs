//! The desk: health and metrics over HTTP, later the API and the page. The only crate that knows axum.
//!
//! It must not know SMTP, SQL, the configuration or how the server is wired: whoever starts it passes in what can tell
//! whether Doorlist is ready, and the registry that holds the metrics.

mod health;
mod listener;
mod metrics;

pub use axum::Router;
pub use health::{Readiness, health};
pub use listener::{CONNECTIONS_MAX, HEADER_READ_MAX, serve};
pub use metrics::metrics;
