//! The desk: health, metrics, later the API and the page. The only crate that knows axum.
