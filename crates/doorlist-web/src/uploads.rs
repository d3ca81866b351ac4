//! `/upload/{token}`: the page where a customer without a login uploads the file that a link asks for.
//!
//! Without a valid link every client gets the same answer and costs no memory: the link is checked before the body is
//! read. The token is only in the URL and never printed.

mod body;
pub(crate) mod page;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use doorlist_actions::{ActionError, ErrorKind, Services, UploadAnswer};
use doorlist_core::address::DomainName;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Maximum octets of a file.
pub const UPLOAD_FILE_MAX: usize = 100 * 1024 * 1024;
/// Maximum number of concurrent uploads; each is in memory while it is parsed.
pub const UPLOADS_AT_ONCE_MAX: usize = 2;
/// Octets of a body in addition to its file: boundaries, names.
const BODY_SLACK: usize = 64 * 1024;
/// Retry-After if the server is busy.
const AGAIN_AFTER: Duration = Duration::from_secs(60);
/// Maximum characters of a token.
const TOKEN_CHARS_MAX: usize = 128;

/// Whether a text has the form of a token. Others are rejected without a look-up.
pub(crate) fn is_token(text: &str) -> bool {
    (1..=TOKEN_CHARS_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// Why a file was not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
enum UploadRefused {
    /// The link is unknown, used or expired.
    NoLink,
    /// The file is unusable for this reason; the link can be used again.
    Unfit(String),
    /// The file cannot be accepted now for this reason; the link can be used again.
    NotNow(String),
    /// The list is not loaded yet, or the store is unavailable; details are not shown.
    Away,
}

/// Details of the store are only logged.
impl From<ActionError> for UploadRefused {
    fn from(error: ActionError) -> Self {
        match error.kind() {
            ErrorKind::NotFound => UploadRefused::NoLink,
            ErrorKind::Data | ErrorKind::Usage => UploadRefused::Unfit(error.to_string()),
            ErrorKind::Refused | ErrorKind::Moved | ErrorKind::Unconfirmed | ErrorKind::Busy => {
                UploadRefused::NotNow(error.to_string())
            }
            ErrorKind::Store | ErrorKind::Unavailable => {
                tracing::error!("could not accept an uploaded file: {error}");
                UploadRefused::Away
            }
        }
    }
}

#[derive(Clone)]
struct UploadLinks {
    services: Arc<OnceLock<Arc<Services>>>,
    places: Arc<Semaphore>,
}

/// The routes of the page. The services may be opened later: until then no link is called invalid.
pub fn uploads(services: Arc<OnceLock<Arc<Services>>>) -> Router {
    let places = Arc::new(Semaphore::new(UPLOADS_AT_ONCE_MAX));
    Router::new()
        .route("/upload/{token}", get(show).post(hand_in))
        .route("/upload.css", get(style))
        .layer(DefaultBodyLimit::max(UPLOAD_FILE_MAX + BODY_SLACK))
        .layer(map_response(guarded))
        .with_state(UploadLinks { services, places })
}

type UploadToken = Result<Path<String>, PathRejection>;

async fn show(State(links): State<UploadLinks>, token: UploadToken) -> Response {
    match links.link(token).await {
        Ok((_, domain)) => page::form(domain.as_str(), None).into_response(),
        Err(refused) => refuse("", refused),
    }
}

async fn hand_in(State(links): State<UploadLinks>, token: UploadToken, request: Request) -> Response {
    let (token, domain) = match links.link(token).await {
        Ok(link) => link,
        Err(refused) => {
            body::pass_by(request).await;
            return refuse("", refused);
        }
    };
    let Ok(place) = Arc::clone(&links.places).try_acquire_owned() else {
        body::pass_by(request).await;
        return refuse(domain.as_str(), busy());
    };
    let file = match body::file(request).await {
        Ok(file) => file,
        Err(unread) => return form_again(unread.status(), domain.as_str(), &unread.to_string()),
    };
    // A task of its own: a client that goes now must not leave a file half taken.
    let taken = tokio::spawn(async move {
        let taken = links.take(&token, &file.name, file.bytes).await;
        drop(place);
        (taken, file.name)
    });
    match taken.await {
        Ok((Ok(taken), name)) => page::taken(domain.as_str(), &name, &taken).into_response(),
        Ok((Err(refused), _)) => refuse(domain.as_str(), refused),
        Err(_) => refuse(domain.as_str(), UploadRefused::Away),
    }
}

fn busy() -> UploadRefused {
    UploadRefused::NotNow("other files are being processed; upload the file again in a minute".to_owned())
}

impl UploadLinks {
    fn services(&self) -> Result<&Arc<Services>, UploadRefused> {
        self.services.get().ok_or(UploadRefused::Away)
    }

    /// The token and its domain.
    async fn link(&self, token: UploadToken) -> Result<(String, DomainName), UploadRefused> {
        let Ok(Path(token)) = token else { return Err(UploadRefused::NoLink) };
        if !is_token(&token) {
            return Err(UploadRefused::NoLink);
        }
        let domain = self.services()?.upload_link(&token).await?;
        Ok((token, domain))
    }

    async fn take(&self, token: &str, file_name: &str, bytes: Vec<u8>) -> Result<UploadAnswer, UploadRefused> {
        Ok(self.services()?.upload(token, file_name, bytes).await?)
    }
}

fn refuse(domain: &str, refused: UploadRefused) -> Response {
    match refused {
        UploadRefused::NoLink => (StatusCode::NOT_FOUND, page::no_link()).into_response(),
        UploadRefused::Unfit(why) => form_again(StatusCode::UNPROCESSABLE_ENTITY, domain, &why),
        UploadRefused::NotNow(why) => {
            let again = [(header::RETRY_AFTER, HeaderValue::from(AGAIN_AFTER.as_secs()))];
            (again, form_again(StatusCode::SERVICE_UNAVAILABLE, domain, &why)).into_response()
        }
        UploadRefused::Away => (StatusCode::SERVICE_UNAVAILABLE, page::away()).into_response(),
    }
}

fn form_again(status: StatusCode, domain: &str, why: &str) -> Response {
    (status, page::form(domain, Some(why))).into_response()
}

pub(crate) async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], page::STYLE).into_response()
}

/// Adds restrictive headers for browsers; the URL with the token is not sent as a referrer.
pub(crate) async fn guarded(mut response: Response) -> Response {
    const HEADERS: [(header::HeaderName, &str); 5] = [
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        ),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ];
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_store_says_is_not_told() {
        let told = |kind| UploadRefused::from(ActionError::new(kind, "postgres at 10.0.0.7 said"));
        for kind in [ErrorKind::Store, ErrorKind::Unavailable] {
            assert_eq!(told(kind), UploadRefused::Away);
        }
        assert_eq!(told(ErrorKind::NotFound), UploadRefused::NoLink);
        assert!(matches!(told(ErrorKind::Data), UploadRefused::Unfit(_)));
        assert!(matches!(told(ErrorKind::Moved), UploadRefused::NotNow(_)));
        assert!(matches!(told(ErrorKind::Busy), UploadRefused::NotNow(_)));
    }
}
