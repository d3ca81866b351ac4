//! One API request from bytes to bytes: authentication, body, answer and audit entry.

use super::answers::{print, refuse};
use super::body::Wrong;
use super::conditions::{Conditions, State};
use super::gate::{ApiState, AuditLine};
use super::large::{Pieces, Place, Places};
use super::show::Object;
use axum::body::Body as HttpBody;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use doorlist_actions::ActionError;
use doorlist_actions::desk::{Caller, Desk, DeskError};
use http_body_util::{BodyExt, Limited};
use serde_json::Value;

/// Octets of a body.
pub(crate) const BODY_MAX: usize = 1024 * 1024;

/// Characters of a path that the audit keeps: more than the longest one that leads to an object.
const KEPT_PATH_MAX: usize = 512;

/// A request whose caller is known.
pub(crate) struct Ask {
    pub(crate) desk: Desk,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) conditions: Conditions,
    /// Empty for who reads it later.
    pub(crate) body: Vec<u8>,
}

/// What is answered when all went well.
#[derive(Debug)]
pub(crate) enum Answer {
    /// 200 with this body.
    Shown(Value),
    /// 200 with an object in this state.
    Object(Object, State),
    /// 304: the client has this state already.
    Unchanged(State),
    /// 201: an object was made; its path.
    Created(Value, String),
    /// 202 with the object as it is now.
    Accepted(Value),
    /// 202 with the object as it is now, and the fields that were given and keep their value.
    Changed(Object, Vec<&'static str>),
    /// 202 and nothing else.
    AcceptedEmpty,
    /// 202 with a key that was made, told once; the content type is without a charset.
    Key(String),
    /// 204 without a body.
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
    /// It comes too slowly for what it takes away from others. 408.
    TooSlow,
    /// 501: this server does not offer it.
    Missing(String),
    /// Not offered, and never was. 501, empty.
    MissingEmpty,
    /// Not now. 503, with when to come again.
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

/// A body that is not read yet.
pub(crate) struct Unread {
    body: HttpBody,
    places: Places,
    key: u32,
}

impl Unread {
    /// All of it, and the place to be kept while anything of it is in memory.
    pub(crate) async fn read(self, max: usize) -> Result<(Vec<u8>, Option<Place>), Fault> {
        self.places.read(self.body, max, self.key).await
    }

    /// A piece after the other.
    pub(crate) fn pieces(self, max: usize) -> Result<Pieces, Fault> {
        self.places.pieces(self.body, max, self.key)
    }
}

/// Does one request: `act` is what is done for a caller who is known.
pub(crate) async fn exchange<F>(state: ApiState, request: Request, body_max: usize, act: F) -> Response
where
    F: AsyncFnOnce(Ask) -> Result<Answer, Fault>,
{
    let read_and_act = async |mut ask: Ask, unread: Unread| {
        (ask.body, _) = unread.read(body_max).await?;
        act(ask).await
    };
    exchange_unread(state, request, read_and_act).await
}

/// Does one request, the body of which is read when `act` finds that the caller may send it.
pub(crate) async fn exchange_unread<F>(state: ApiState, request: Request, act: F) -> Response
where
    F: AsyncFnOnce(Ask, Unread) -> Result<Answer, Fault>,
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
    F: AsyncFnOnce(Ask, Unread) -> Result<Answer, Fault>,
{
    let desk = match state.admit(parts).await {
        Ok(desk) => desk,
        Err(fault) => {
            // What is under way is read, so that the answer gets through and the connection can go on.
            let mut body = Limited::new(body, BODY_MAX);
            while let Some(Ok(_)) = body.frame().await {}
            return (None, Err(fault));
        }
    };
    let who = Some(desk.caller().clone());
    let ask = Ask {
        desk,
        method: parts.method.clone(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        conditions: Conditions::of(&parts.headers),
        body: Vec::new(),
    };
    let key = ask.desk.caller().key_id;
    (who, act(ask, Unread { body, places: state.places().clone(), key }).await)
}

/// Whether the audit keeps a request that was answered so: what was done, what may be half done, and what a known login
/// tried to do and may not. That a request was wrong, came too often or led nowhere is counted only: nothing was done.
fn is_kept(status: StatusCode) -> bool {
    let is_refused = status.is_client_error() || status == StatusCode::NOT_IMPLEMENTED;
    !is_refused || status == StatusCode::FORBIDDEN
}

/// A path as it is kept: of bounded length, and of visible ASCII alone.
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
