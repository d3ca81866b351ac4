//! Parts of the MailRoute API that Doorlist does not support: each answers 501 with its name.

use super::exchange::{Ask, BODY_MAX, Fault, exchange};
use super::gate::ApiState;
use axum::extract::{Request, State};
use axum::response::Response;

/// Unsupported paths with their names.
pub(crate) const MISSING: [(&str, &str); 5] = [
    ("/api/v1/notification_account_task", "notification tasks of accounts: no digests are sent"),
    ("/api/v1/notification_domain_task", "notification tasks of domains: no digests are sent"),
    ("/api/v1/outbound_server", "outbound servers: this is an inbound gateway"),
    ("/api/v1/quarantine", "a quarantine: mail is refused or delivered, never kept back"),
    ("/api/v2", "version 2 of the API: it is about a quarantine, and there is none"),
];

/// Answers 501 with the name of the missing part, to authenticated callers.
pub(crate) async fn missing(State(state): State<ApiState>, request: Request) -> Response {
    exchange(state, request, BODY_MAX, async |ask: Ask| {
        let (path, what) = MISSING.iter().find(|(path, _)| ask.path.starts_with(path)).unwrap_or(&("this", "it"));
        let name = path.trim_start_matches("/api/v1/");
        Err(Fault::Missing(format!("{name} is not offered by this Doorlist: {what}")))
    })
    .await
}
