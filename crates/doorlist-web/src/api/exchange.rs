//! One API request from bytes to bytes: authentication, body, answer and audit entry.

use super::answers::{print, refuse};
use super::body::Wrong;
use super::conditions::{Conditions, ObjectState};
use super::gate::{ApiState, AuditLine};
use super::large::{BodyPieces, LargeBodySlot, LargeBodySlots};
use super::show::Object;
use axum::body::Body as HttpBody;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use doorlist_actions::{ActionError, Actions, Caller};
use http_body_util::{BodyExt, Limited};
use serde_json::Value;

/// Maximum octets of a body.
pub(crate) const BODY_MAX: usize = 1024 * 1024;

/// Maximum characters of a path in the audit; longer than any path of an object.
const KEPT_PATH_MAX: usize = 512;

pub(crate) struct Ask {
    pub(crate) actions: Actions,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) conditions: Conditions,
    /// Empty if the handler reads it itself.
    pub(crate) body: Vec<u8>,
}

#[derive(Debug)]
pub(crate) enum Answer {
    /// 200 with this body.
    Shown(Value),
    /// A page of a list, and the names of parameters that were passed over.
    Listed(Value, Vec<String>),
    /// 200 with an object in this state.
    Object(Object, ObjectState),
    /// 304: the client already has this state.
    Unchanged(ObjectState),
    /// 201: the created object, its path, the given fields that were not applied, and a warning.
    Created { object: Object, path: String, left: Vec<&'static str>, warning: Option<String> },
    /// 202 with the updated object or with counts, the given fields that were not applied, and a warning.
    Changed(Object, Vec<&'static str>, Option<String>),
    /// 202 with what is kept and waits for a person, and a warning that says so.
    Held(Value, String),
    /// 409 with the same, for a client that asked for a failure.
    HeldBack(Value),
    /// 202 without a body.
    AcceptedEmpty,
    /// 202 with a new key, shown once; the content type has no charset.
    Key(String),
    /// 204 without a body.
    Gone,
}

#[derive(Debug)]
pub(crate) enum Fault {
    /// 401 without a body: unknown key.
    Unknown,
    /// 404 without a body: missing, or not visible to the caller.
    NotFound,
    /// 405 with the allowed methods.
    Method(&'static [&'static str]),
    /// 412: the object is in another state than If-Match.
    Changed,
    Fields {
        resource: &'static str,
        fields: Wrong,
    },
    Bad(String),
    /// 400 without a body.
    BadEmpty,
    /// 413: body too large.
    TooLarge(usize),
    /// 408: body too slow.
    TooSlow,
    /// 501: this server does not offer it.
    Missing(String),
    /// 501 without a body.
    MissingEmpty,
    NotNow(String),
    /// What the actions said, of a resource.
    Action(&'static str, ActionError),
    /// The full error of a command.
    Command(ActionError),
}

impl Fault {
    pub(crate) fn no_object(shown: &str) -> Self {
        Fault::Bad(format!("Could not find the provided object via resource URI '{shown}'."))
    }
}

/// What the actions says becomes an answer of this resource.
pub(crate) fn of<T>(resource: &'static str, result: Result<T, ActionError>) -> Result<T, Fault> {
    result.map_err(|error| Fault::Action(resource, error))
}

impl From<doorlist_store::StoreError> for Fault {
    fn from(error: doorlist_store::StoreError) -> Self {
        Fault::Action("", error.into())
    }
}

/// A body that was not read yet.
pub(crate) struct UnreadBody {
    body: HttpBody,
    places: LargeBodySlots,
    key: u32,
}

impl UnreadBody {
    /// Reads all of it. The slot must be kept while any of it is in memory.
    pub(crate) async fn read(self, max: usize) -> Result<(Vec<u8>, Option<LargeBodySlot>), Fault> {
        self.places.read(self.body, max, self.key).await
    }

    /// Reads it piece by piece.
    pub(crate) fn pieces(self, max: usize) -> Result<BodyPieces, Fault> {
        self.places.pieces(self.body, max, self.key)
    }
}

/// Handles one request: authenticates, then calls `act`.
pub(crate) async fn exchange<F>(state: ApiState, request: Request, body_max: usize, act: F) -> Response
where
    F: AsyncFnOnce(Ask) -> Result<Answer, Fault>,
{
    let read_and_act = async |mut ask: Ask, unread: UnreadBody| {
        (ask.body, _) = unread.read(body_max).await?;
        act(ask).await
    };
    exchange_unread(state, request, read_and_act).await
}

/// Handles one request whose body is read by `act`, after it has checked permissions.
pub(crate) async fn exchange_unread<F>(state: ApiState, request: Request, act: F) -> Response
where
    F: AsyncFnOnce(Ask, UnreadBody) -> Result<Answer, Fault>,
{
    let (parts, body) = request.into_parts();
    let head_only = parts.method == Method::HEAD;
    let (caller, answered) = done(&state, &parts, body, act).await;
    let mut response = match answered {
        Ok(answer) => print(answer, || state.base(&parts)),
        Err(fault) => refuse(&fault),
    };
    if let Some(caller) = caller.filter(|_| writes(&parts.method) && is_kept(response.status())) {
        let line = AuditLine {
            client: state.client(&parts),
            login: caller.login,
            key: caller.key,
            scopes: caller.access.grants.iter().map(|grant| grant.scope).collect(),
            method: parts.method.to_string(),
            path: kept(parts.uri.path()),
            status: response.status().as_u16(),
        };
        state.trail().note(line);
    }
    if head_only {
        *response.body_mut() = HttpBody::empty();
    }
    response
}

async fn done<F>(state: &ApiState, parts: &Parts, body: HttpBody, act: F) -> (Option<Caller>, Result<Answer, Fault>)
where
    F: AsyncFnOnce(Ask, UnreadBody) -> Result<Answer, Fault>,
{
    let actions = match state.admit(parts).await {
        Ok(actions) => actions,
        Err(fault) => {
            // What is under way is read, so that the answer gets through and the connection can go on.
            let mut body = Limited::new(body, BODY_MAX);
            while let Some(Ok(_)) = body.frame().await {}
            return (None, Err(fault));
        }
    };
    let who = Some(actions.caller().clone());
    let ask = Ask {
        actions,
        method: parts.method.clone(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        conditions: Conditions::of(&parts.headers),
        body: Vec::new(),
    };
    let key = ask.actions.caller().key_id;
    (who, act(ask, UnreadBody { body, places: state.places().clone(), key }).await)
}

/// Whether the audit records a write request with this status: changes, possible partial changes, and forbidden
/// attempts of a known login. Invalid, rate-limited and not found requests are only counted.
fn is_kept(status: StatusCode) -> bool {
    let is_refused = status.is_client_error() || status == StatusCode::NOT_IMPLEMENTED;
    !is_refused || status == StatusCode::FORBIDDEN
}

/// A path for the audit: shortened, and only visible ASCII.
fn kept(path: &str) -> String {
    let mut kept = String::new();
    for (place, character) in path.chars().enumerate() {
        if place == KEPT_PATH_MAX {
            kept.push_str("...");
            break;
        }
        match character {
            c if c.is_ascii_graphic() => kept.push(c),
            c => kept.extend(c.escape_unicode()),
        }
    }
    kept
}

/// Whether a request of this method may change something.
pub(super) fn writes(method: &Method) -> bool {
    matches!(*method, Method::POST | Method::PUT | Method::PATCH | Method::DELETE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_refused_for_its_own_sake_is_not_kept() {
        for (status, keeps) in [
            (200, true),
            (201, true),
            (204, true),
            (304, true),
            (403, true),
            (500, true),
            (503, true),
            (400, false),
            (401, false),
            (404, false),
            (405, false),
            (408, false),
            (409, false),
            (412, false),
            (413, false),
            (429, false),
            (501, false),
        ] {
            let status = StatusCode::from_u16(status).unwrap_or_default();
            assert_eq!(is_kept(status), keeps, "{status}");
        }
    }

    #[test]
    fn a_kept_path_is_short_and_visible() {
        assert_eq!(kept("/api/v1/domain/1/"), "/api/v1/domain/1/");
        assert_eq!(kept("/\u{9b}\u{202e} x\u{e9}"), "/\\u{9b}\\u{202e}\\u{20}x\\u{e9}");
        let long = kept(&"\u{10ffff}".repeat(16 * 1024));
        assert!(long.len() <= KEPT_PATH_MAX * "\\u{10ffff}".len() + 3 && long.ends_with("..."), "{}", long.len());
    }
}
