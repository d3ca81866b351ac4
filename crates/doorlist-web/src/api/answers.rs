//! Turns results into responses: status, headers, JSON.

use super::conditions::ObjectState;
use super::exchange::{Answer, Fault};
use super::show::{Object, object_of};
use crate::BODY_PACE_MIN;
use axum::body::Body as HttpBody;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use doorlist_actions::{ActionError, ErrorKind};
use serde_json::{Value, json};
use std::time::Duration;

/// Retry-After for temporary obstacles.
const BUSY: Duration = Duration::from_secs(5);

/// Parameters of a list that are named as passed over; further ones are passed over, too.
const PASSED_OVER_NAMED_MAX: usize = 20;
/// Characters of each of these names.
const PASSED_OVER_CHARS_MAX: usize = 64;

/// Names the fields of a request that keep their value, and the parameters of a list that are none of it.
const NOT_APPLIED: HeaderName = HeaderName::from_static("doorlist-not-applied");

/// Stands for several fields together.
const ALL_FIELDS: &str = "__all__";

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// The response to a success. `base` returns the URL prefix of object paths.
pub(super) fn print(answer: Answer, base: impl FnOnce() -> String) -> Response {
    match answer {
        Answer::Shown(value) => shown(with_json(StatusCode::OK, &value), None),
        Answer::Listed(value, passed_over) => {
            let mut response = shown(with_json(StatusCode::OK, &value), None);
            let names: Vec<String> =
                passed_over.iter().take(PASSED_OVER_NAMED_MAX).map(|name| header_word(name)).collect();
            name_not_applied(&mut response, &names.iter().map(String::as_str).collect::<Vec<_>>());
            response
        }
        Answer::Object(object, state) => shown(with_json(StatusCode::OK, &object.into()), Some(&state)),
        Answer::Unchanged(state) => shown(empty(StatusCode::NOT_MODIFIED), Some(&state)),
        Answer::Created { object, path, left, warning } => {
            let mut response = warned(with_json(StatusCode::CREATED, &object.into()), warning);
            name_not_applied(&mut response, &left);
            if let Ok(location) = HeaderValue::from_str(&format!("{}{path}", base())) {
                response.headers_mut().insert(header::LOCATION, location);
            }
            response
        }
        Answer::Changed(object, left, warning) => {
            let mut response = warned(with_json(StatusCode::ACCEPTED, &object.into()), warning);
            name_not_applied(&mut response, &left);
            response
        }
        Answer::Held(value, warning) => warned(with_json(StatusCode::ACCEPTED, &value), Some(warning)),
        Answer::HeldBack(value) => with_json(StatusCode::CONFLICT, &value),
        Answer::AcceptedEmpty => empty(StatusCode::ACCEPTED),
        Answer::Key(key) => {
            let mut response = with_json(StatusCode::ACCEPTED, &json!({ "api_key": key }));
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        }
        Answer::Gone => empty(StatusCode::NO_CONTENT),
    }
}

/// A name that a client wrote, as a word of a header.
fn header_word(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-.[]".contains(c);
    name.chars().take(PASSED_OVER_CHARS_MAX).map(|c| if is_plain(c) { c } else { '?' }).collect()
}

fn name_not_applied(response: &mut Response, left: &[&str]) {
    if let (false, Ok(names)) = (left.is_empty(), HeaderValue::from_str(&left.join(", "))) {
        response.headers_mut().insert(NOT_APPLIED, names);
    }
}

/// A response with a `Warning` of the kind that is no cache's (RFC 7234 section 5.5.7): what was asked was done, and is
/// perhaps not what was meant.
fn warned(mut response: Response, warning: Option<String>) -> Response {
    let text = warning.map(|text| format!("299 - \"{}\"", text.replace(['"', '\\'], "'")));
    if let Some(Ok(value)) = text.map(|text| HeaderValue::from_str(&text)) {
        response.headers_mut().insert(header::WARNING, value);
    }
    response
}

/// A response with an object, which caches must revalidate.
fn shown(mut response: Response, state: Option<&ObjectState>) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Some(tag) = state.and_then(|state| HeaderValue::from_str(&state.tag()).ok()) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// A response with a JSON body.
pub(crate) fn with_json(status: StatusCode, value: &Value) -> Response {
    let text = doorlist_store::json::to_string(value).unwrap_or_default();
    let mut response = Response::new(HttpBody::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept, Cookie"));
    response
}

/// A response without a body, as the client libraries expect it.
pub(crate) fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(HttpBody::empty());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HTML);
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept, Cookie"));
    response
}

/// What an answer says of an error. Where the fault is the server's, `error_message` says it, too: a client library dies
/// without it.
fn error_body(status: StatusCode, text: &str) -> Object {
    let mut body = object_of(json!({"error": text}));
    if status.is_server_error() {
        body.insert("error_message".to_owned(), text.into());
    }
    body
}

fn error(status: StatusCode, text: &str) -> Response {
    with_json(status, &error_body(status, text).into())
}

/// The response to a failure.
pub(crate) fn refuse(fault: &Fault) -> Response {
    match fault {
        Fault::Unknown => empty(StatusCode::UNAUTHORIZED),
        Fault::NotFound => empty(StatusCode::NOT_FOUND),
        Fault::Method(allowed) => method_not_allowed(allowed),
        Fault::Changed => {
            let text = "the object changed since you read it (If-Match); nothing was done: read it again";
            error(StatusCode::PRECONDITION_FAILED, text)
        }
        Fault::Fields { resource, fields } => with_json(StatusCode::BAD_REQUEST, &json!({*resource: fields})),
        Fault::Bad(text) => error(StatusCode::BAD_REQUEST, text),
        Fault::BadEmpty => empty(StatusCode::BAD_REQUEST),
        Fault::TooLarge(max) => {
            let text = format!("the body is larger than {max} bytes; nothing was changed: split it");
            error(StatusCode::PAYLOAD_TOO_LARGE, &text)
        }
        Fault::TooSlow => {
            let text = format!("the body was sent at less than {BODY_PACE_MIN} bytes per second; nothing was changed");
            error(StatusCode::REQUEST_TIMEOUT, &text)
        }
        Fault::Missing(text) => error(StatusCode::NOT_IMPLEMENTED, text),
        Fault::MissingEmpty => empty(StatusCode::NOT_IMPLEMENTED),
        Fault::NotNow(text) => again(error(StatusCode::SERVICE_UNAVAILABLE, text), BUSY),
        Fault::Action(resource, error) => refuse_action(resource, error),
        Fault::Command(failed) => {
            let status = status_of(failed.kind());
            let mut body = object_of(json!({ "failed": failed }));
            if status.is_server_error() {
                body.extend(error_body(status, &failed.to_string()));
            }
            let response = with_json(status, &body.into());
            if failed.kind() == ErrorKind::Busy { again(response, BUSY) } else { response }
        }
    }
}

fn status_of(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::Refused | ErrorKind::Unconfirmed | ErrorKind::Usage | ErrorKind::Data => StatusCode::BAD_REQUEST,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::Moved => StatusCode::CONFLICT,
        ErrorKind::Unavailable => StatusCode::NOT_IMPLEMENTED,
        ErrorKind::Busy | ErrorKind::Store => StatusCode::SERVICE_UNAVAILABLE,
    }
}

fn method_not_allowed(allowed: &[&str]) -> Response {
    let mut response = empty(StatusCode::METHOD_NOT_ALLOWED);
    let names = allowed.iter().map(|name| name.to_uppercase()).collect::<Vec<_>>().join(", ");
    if let Ok(names) = HeaderValue::from_str(&names) {
        response.headers_mut().insert(header::ALLOW, names);
    }
    response
}

/// The response to an internal error, without details.
pub(super) fn failed() -> Response {
    error(StatusCode::SERVICE_UNAVAILABLE, "Sorry, this request could not be processed. Please try again later.")
}

fn again(mut response: Response, after: Duration) -> Response {
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(after.as_secs().max(1)));
    response
}

fn refuse_action(resource: &str, failed: &ActionError) -> Response {
    let text = |status| error(status, &failed.to_string());
    let invalid =
        |field: &str, message: &str| with_json(StatusCode::BAD_REQUEST, &json!({resource: {field: [message]}}));
    match failed {
        ActionError::NotFound => empty(StatusCode::NOT_FOUND),
        ActionError::Forbidden | ActionError::BeyondKey => text(StatusCode::FORBIDDEN),
        ActionError::Invalid { field: "", message } => invalid(ALL_FIELDS, message),
        ActionError::Invalid { field, message } => invalid(field, message),
        ActionError::NoObject { resource, id } => refuse(&Fault::no_object(&super::link::uri(resource, *id))),
        ActionError::Bad(_) => text(StatusCode::BAD_REQUEST),
        ActionError::Limit { again: after, .. } => again(text(StatusCode::TOO_MANY_REQUESTS), *after),
        ActionError::Failed { kind, message } => match kind {
            ErrorKind::NotFound => empty(StatusCode::NOT_FOUND),
            ErrorKind::Moved => text(StatusCode::CONFLICT),
            // What the store said is for the operator's eyes.
            ErrorKind::Store => {
                tracing::error!("an API request failed: {message}");
                self::failed()
            }
            ErrorKind::Busy => again(text(StatusCode::SERVICE_UNAVAILABLE), BUSY),
            ErrorKind::Unavailable => text(StatusCode::NOT_IMPLEMENTED),
            ErrorKind::Refused | ErrorKind::Usage | ErrorKind::Data | ErrorKind::Unconfirmed => {
                invalid(ALL_FIELDS, message)
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    /// Whatever strangers wrote, also in a message of an error.
    #[tokio::test]
    async fn nothing_hidden_is_in_an_answer_and_its_value_is_the_same() {
        let text = "a\u{9b}31m\u{7f}\u{202e}\u{200b}\u{feff}\u{e0041}é";
        for response in [with_json(StatusCode::OK, &json!({ "error": text })), refuse(&Fault::Bad(text.to_owned()))] {
            let body = response.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
            let written = String::from_utf8_lossy(&body);
            assert!(!written.contains(doorlist_core::visible::is_hidden), "{}", written.escape_unicode());
            assert_eq!(serde_json::from_slice::<Value>(&body).ok(), Some(json!({ "error": text })));
        }
    }

    #[tokio::test]
    async fn an_error_of_the_servers_own_is_told_under_both_names() {
        let faults = [
            Fault::Missing("no such part".to_owned()),
            Fault::NotNow("starting".to_owned()),
            Fault::Action("ldapsync", ActionError::new(ErrorKind::Busy, "in a moment")),
            Fault::Action("ldapsync", ActionError::new(ErrorKind::Store, "the store is away")),
            Fault::Action("ldapsync", ActionError::new(ErrorKind::Unavailable, "with a later version")),
            Fault::Command(ActionError::new(ErrorKind::Busy, "in a moment")),
            Fault::Command(ActionError::new(ErrorKind::Unavailable, "with a later version")),
        ];
        for response in faults.iter().map(refuse).chain([failed()]) {
            assert!(response.status().is_server_error(), "{response:?}");
            let body = response.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
            let body: Value = serde_json::from_slice(&body).unwrap_or_default();
            assert!(body["error"].as_str().is_some_and(|text| !text.is_empty()), "{body}");
            assert_eq!(body["error"], body["error_message"], "{body}");
        }
    }

    #[test]
    fn who_comes_in_an_awkward_moment_is_told_when_to_come_again() {
        let busy = || ActionError::new(ErrorKind::Busy, "in a moment");
        let faults =
            [Fault::Command(busy()), Fault::Action("ldapsync", busy()), Fault::NotNow("in a moment".to_owned())];
        for fault in faults {
            let response = refuse(&fault);
            assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE, "{fault:?}");
            assert_eq!(response.headers().get(header::RETRY_AFTER), Some(&HeaderValue::from(5)), "{fault:?}");
        }
        let never = ActionError::new(ErrorKind::Unavailable, "with a later version");
        for fault in [Fault::Command(never.clone()), Fault::Action("ldapsync", never)] {
            let response = refuse(&fault);
            assert_eq!(response.status(), StatusCode::NOT_IMPLEMENTED, "{fault:?}");
            assert!(!response.headers().contains_key(header::RETRY_AFTER), "{fault:?}");
        }
    }
}
