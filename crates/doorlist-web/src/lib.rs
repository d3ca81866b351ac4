//! The desk: health, metrics and the page for handing in a file over HTTP, later the API and the page. The only crate that knows axum.
//!
//! It must not know SMTP, SQL, the configuration or how the server is wired: whoever starts it passes in what can tell
//! whether Doorlist is ready, and the registry that holds the metrics.

mod health;
mod listener;
mod metrics;
mod uploads;

pub use axum::Router;
pub use health::{Readiness, health};
pub use listener::{CONNECTIONS_MAX, HEADER_READ_MAX, serve};
pub use metrics::metrics;
pub use uploads::{UPLOAD_FILE_MAX, UPLOADS_AT_ONCE_MAX, UploadAnswer, UploadRefused, UploadTaken, Uploads, uploads};
