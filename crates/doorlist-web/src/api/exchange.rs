//! One request of the API, from bytes to bytes: who asks, the body, what is answered, and the line in the audit. What a
//! noun does with it is not known here.

use super::body::Wrong;
use super::conditions::{Conditions, State};
use super::gate::{ApiState, AuditLine};
use super::show::Object;
use axum::body::Body as HttpBody;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use doorlist_actions::desk::{Desk, DeskError};
use doorlist_actions::{ActionError, ErrorKind};
use http_body_util::{BodyExt, Limited};
use serde_json::{Value, json};

/// Octets of a body.
pub(crate) const BODY_MAX: usize = 1024 * 1024;
/// Octets of a body with many objects: a state that is pushed, a file.
pub(crate) const LARGE_BODY_MAX: usize = 64 * 1024 * 1024;

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// A request whose caller is known.
pub(crate) struct Ask {
    pub(crate) desk: Desk,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) conditions: Conditions,
    pub(crate) body: Vec<u8>,
}

/// What is answered when all went well.
#[derive(Debug)]
pub(crate) enum Answer {
    /// 200 with this.
    Shown(Value),
    /// 200 with an object in this state.
    Object(Object, State),
    /// 304: the client has this state already.
    Unchanged(State),
    /// 201: an object was made; its path.
    Created(Value, String),
    /// 202 with the object as it is now.
    Accepted(Value),
    /// 202 and nothing else.
    AcceptedEmpty,
    /// 202 with a key that was made, told once; the content type is without a charset.
    Key(String),
    /// 204.
    Gone,
}

/// Why it did not go well.
#[derive(Debug)]
pub(crate) enum Fault {
    /// Nobody of that key. 401, empty.
    Unknown,
    /// Not there, or not for these eyes. 404, empty.
    NotFound,
    /// 405, with what is allowed.
    Method(&'static [&'static str]),
    /// The object is in another state than the change was meant for. 412.
    Changed,
    /// Fields are wrong. 400.
    Fields { noun: &'static str, fields: Wrong },
    /// The request is wrong. 400.
    Bad(String),
    /// 400 and nothing else.
    BadEmpty,
    /// Larger than may be. 413.
    TooLarge(usize),
    /// Not offered. 501.
    Missing(String),
    /// Not offered, and never was. 501, empty.
    MissingEmpty,
    /// Not now. 503.
    NotNow(String),
    /// What the desk said, of a noun.
    Desk(&'static str, DeskError),
    /// A command was not done; whoever gave it wants the whole error.
    Command(ActionError),
}

impl Fault {
    pub(crate) fn no_object(shown: &str) -> Self {
        Fault::Bad(format!("Could not find the provided object via resource URI '{shown}'."))
    }
}

/// What the desk says becomes an answer of this noun.
pub(crate) fn of<T>(noun: &'static str, result: Result<T, DeskError>) -> Result<T, Fault> {
    result.map_err(|error| Fault::Desk(noun, error))
}

impl From<doorlist_store::StoreError> for Fault {
    fn from(error: doorlist_store::StoreError) -> Self {
        Fault::Desk("", error.into())
    }
}

/// Does one request: `act` is what is done for a caller who is known.
pub(crate) async fn exchange<F>(state: ApiState, request: Request, body_max: usize, act: F) -> Response
where
    F: AsyncFnOnce(Ask) -> Result<Answer, Fault>,
{
    let (parts, body) = request.into_parts();
    let head_only = parts.method == Method::HEAD;
    let (caller, answered) = done(&state, &parts, body, body_max, act).await;
    let mut response = match answered {
        Ok(answer) => print(&state, &parts, answer),
        Err(fault) => refuse(&fault),
    };
    if writes(&parts.method) {
        let line = AuditLine {
            client: state.client(&parts),
            caller,
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            status: response.status().as_u16(),
        };
        state.trail().note(line);
    }
    if head_only {
        *response.body_mut() = HttpBody::empty();
    }
    response
}

type Who = Option<(String, String)>;

async fn done<F>(
    state: &ApiState,
    parts: &Parts,
    body: HttpBody,
    body_max: usize,
    act: F,
) -> (Who, Result<Answer, Fault>)
where
    F: AsyncFnOnce(Ask) -> Result<Answer, Fault>,
{
    let desk = match state.admit(parts).await {
        Ok(desk) => desk,
        Err(fault) => {
            // What is under way is read, so that the answer gets through and the connection can go on.
            let _ = read(body, BODY_MAX).await;
            return (None, Err(fault));
        }
    };
    let who = Some((desk.caller().login.clone(), desk.caller().key.clone()));
    let body = match read(body, body_max).await {
        Ok(body) => body,
        Err(fault) => return (who, Err(fault)),
    };
    let ask = Ask {
        desk,
        method: parts.method.clone(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        conditions: Conditions::of(&parts.headers),
        body,
    };
    (who, act(ask).await)
}

fn writes(method: &Method) -> bool {
    matches!(*method, Method::POST | Method::PUT | Method::PATCH | Method::DELETE)
}

async fn read(body: HttpBody, max: usize) -> Result<Vec<u8>, Fault> {
    match Limited::new(body, max).collect().await {
        Ok(body) => Ok(body.to_bytes().to_vec()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(Fault::TooLarge(max)),
        Err(_) => Err(Fault::Bad("the body did not come over whole".to_owned())),
    }
}

fn print(state: &ApiState, parts: &Parts, answer: Answer) -> Response {
    match answer {
        Answer::Shown(value) => shown(with_json(StatusCode::OK, &value), None),
        Answer::Object(object, state) => shown(with_json(StatusCode::OK, &object.into()), Some(&state)),
        Answer::Unchanged(state) => shown(empty(StatusCode::NOT_MODIFIED), Some(&state)),
        Answer::Created(value, path) => {
            let mut response = with_json(StatusCode::CREATED, &value);
            if let Ok(location) = HeaderValue::from_str(&format!("{}{path}", state.base(parts))) {
                response.headers_mut().insert(header::LOCATION, location);
            }
            response
        }
        Answer::Accepted(value) => with_json(StatusCode::ACCEPTED, &value),
        Answer::AcceptedEmpty => empty(StatusCode::ACCEPTED),
        Answer::Key(key) => {
            let mut response = with_json(StatusCode::ACCEPTED, &json!({ "api_key": key }));
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        }
        Answer::Gone => empty(StatusCode::NO_CONTENT),
    }
}

/// What was read: to be asked for again before it is used again.
fn shown(mut response: Response, state: Option<&State>) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Some(tag) = state.and_then(|state| HeaderValue::from_str(&state.tag()).ok()) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// An answer with JSON in it.
pub(crate) fn with_json(status: StatusCode, value: &Value) -> Response {
    let mut response = Response::new(HttpBody::from(value.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept, Cookie"));
    response
}

/// An answer without a body, as the libraries know it.
pub(crate) fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(HttpBody::empty());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HTML);
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept, Cookie"));
    response
}

/// The answer to what cannot be done.
pub(crate) fn refuse(fault: &Fault) -> Response {
    let error = |status, text: &str| with_json(status, &json!({"error": text}));
    match fault {
        Fault::Unknown => empty(StatusCode::UNAUTHORIZED),
        Fault::NotFound => empty(StatusCode::NOT_FOUND),
        Fault::Method(allowed) => method_not_allowed(allowed),
        Fault::Changed => {
            let text = "it was changed since you read it (If-Match); nothing was done: read it again";
            error(StatusCode::PRECONDITION_FAILED, text)
        }
        Fault::Fields { noun, fields } => with_json(StatusCode::BAD_REQUEST, &json!({*noun: fields})),
        Fault::Bad(text) => error(StatusCode::BAD_REQUEST, text),
        Fault::BadEmpty => empty(StatusCode::BAD_REQUEST),
        Fault::TooLarge(max) => {
            let text = format!("the body has more than {max} octets; nothing was changed: split it");
            error(StatusCode::PAYLOAD_TOO_LARGE, &text)
        }
        Fault::Missing(text) => error(StatusCode::NOT_IMPLEMENTED, text),
        Fault::MissingEmpty => empty(StatusCode::NOT_IMPLEMENTED),
        Fault::NotNow(text) => error(StatusCode::SERVICE_UNAVAILABLE, text),
        Fault::Desk(noun, desk) => refuse_desk(noun, desk),
        Fault::Command(failed) => with_json(status_of(failed.kind), &json!({ "failed": failed })),
    }
}

fn status_of(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::Refused | ErrorKind::Unconfirmed | ErrorKind::Usage | ErrorKind::Data => StatusCode::BAD_REQUEST,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::Moved => StatusCode::CONFLICT,
        ErrorKind::Unavailable => StatusCode::NOT_IMPLEMENTED,
        ErrorKind::Store => StatusCode::SERVICE_UNAVAILABLE,
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

fn refuse_desk(noun: &str, error: &DeskError) -> Response {
    match error {
        DeskError::NotFound => empty(StatusCode::NOT_FOUND),
        DeskError::Forbidden => with_json(StatusCode::FORBIDDEN, &json!({"error": error.to_string()})),
        DeskError::Invalid { field, message } => {
            let field = if field.is_empty() { "__all__" } else { field };
            with_json(StatusCode::BAD_REQUEST, &json!({noun: {field: [message]}}))
        }
        DeskError::NoObject { noun, id } => refuse(&Fault::no_object(&super::link::uri(noun, *id))),
        DeskError::Bad(text) => with_json(StatusCode::BAD_REQUEST, &json!({"error": text})),
        DeskError::Limit { message, again } => {
            let mut response = with_json(StatusCode::TOO_MANY_REQUESTS, &json!({"error": message}));
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(again.as_secs().max(1)));
            response
        }
        DeskError::Failed(error) => refuse_action(error),
    }
}

fn refuse_action(error: &ActionError) -> Response {
    match error.kind {
        ErrorKind::NotFound => empty(StatusCode::NOT_FOUND),
        ErrorKind::Moved => with_json(StatusCode::CONFLICT, &json!({"error": error.message})),
        // What the store said is for the operator's eyes.
        ErrorKind::Store => {
            eprintln!("doorlist: a request of the API failed: {}", error.message);
            let text = "Sorry, this request could not be processed. Please try again later.";
            with_json(StatusCode::SERVICE_UNAVAILABLE, &json!({"error_message": text}))
        }
        ErrorKind::Unavailable => with_json(StatusCode::NOT_IMPLEMENTED, &json!({"error": error.message})),
        _ => with_json(StatusCode::BAD_REQUEST, &json!({"error": error.message})),
    }
}
