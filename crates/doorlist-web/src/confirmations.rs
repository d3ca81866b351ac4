//! `/contact/{token}`: the page behind the link of a confirmation mail. Opening it changes nothing, so that programs
//! that follow links confirm nothing: the button confirms, once.

use crate::uploads::page::{document, escape};
use crate::uploads::{guarded, is_token};
use crate::{Client, Rate, RateLimits};
use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{DefaultBodyLimit, Extension, Path, State};
use axum::http::StatusCode;
use axum::middleware::map_response;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use doorlist_actions::{ActionError, ErrorKind, Services};
use doorlist_core::network::SourceKey;
use doorlist_store::contact_book::AskedContact;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// Maximum octets of a body: the form has no fields.
const BODY_MAX: usize = 1024;
/// Burst of requests from one address (IPv6: /64); one is returned per [`PAGE_EVERY`].
const PAGES_MAX: u32 = 20;
/// One page in this time; see [`PAGES_MAX`].
const PAGE_EVERY: Duration = Duration::from_secs(3);
/// Maximum number of addresses with a rate limit state.
const ADDRESSES_MAX: usize = 10_000;

/// Why nothing was confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ConfirmationRefused {
    /// The link is unknown, used or expired.
    NoLink,
    /// The list is not loaded yet, or the store is unavailable; details are not shown.
    Away,
}

/// Details of the store are only logged.
impl From<ActionError> for ConfirmationRefused {
    fn from(error: ActionError) -> Self {
        if error.kind() == ErrorKind::NotFound {
            return ConfirmationRefused::NoLink;
        }
        tracing::error!("could not confirm a contact: {error}");
        ConfirmationRefused::Away
    }
}

#[derive(Clone)]
struct ConfirmationLinks {
    services: Arc<OnceLock<Arc<Services>>>,
    pages: Arc<Mutex<RateLimits<SourceKey>>>,
}

/// The routes of the page. Its style is that of [`crate::uploads()`]. The services may be opened later: until then no link
/// is called invalid.
pub fn confirmations(services: Arc<OnceLock<Arc<Services>>>) -> Router {
    let rate = Rate { burst: PAGES_MAX, every: PAGE_EVERY };
    let pages = Arc::new(Mutex::new(RateLimits::new(rate, ADDRESSES_MAX)));
    Router::new()
        .route("/contact/{token}", get(show).post(confirm))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .layer(map_response(guarded))
        .with_state(ConfirmationLinks { services, pages })
}

type ConfirmationToken = Result<Path<String>, PathRejection>;

async fn show(
    State(links): State<ConfirmationLinks>,
    client: Option<Extension<Client>>,
    token: ConfirmationToken,
) -> Response {
    let token = match links.admit(client, token) {
        Ok(token) => token,
        Err(answer) => return *answer,
    };
    match links.look(&token).await {
        Ok(asked) => form(&asked).into_response(),
        Err(refused) => refuse(refused),
    }
}

async fn confirm(
    State(links): State<ConfirmationLinks>,
    client: Option<Extension<Client>>,
    token: ConfirmationToken,
) -> Response {
    let token = match links.admit(client, token) {
        Ok(token) => token,
        Err(answer) => return *answer,
    };
    match links.confirm(&token).await {
        Ok(()) => confirmed().into_response(),
        Err(refused) => refuse(refused),
    }
}

impl ConfirmationLinks {
    fn services(&self) -> Result<&Services, ConfirmationRefused> {
        self.services.get().map(|services| &**services).ok_or(ConfirmationRefused::Away)
    }

    /// What a link is about; changes nothing.
    async fn look(&self, token: &str) -> Result<AskedContact, ConfirmationRefused> {
        Ok(self.services()?.confirmation_link(token).await?)
    }

    async fn confirm(&self, token: &str) -> Result<(), ConfirmationRefused> {
        Ok(self.services()?.confirm_by_link(token).await?)
    }

    /// Checks the form of a token and the rate limit.
    fn admit(&self, client: Option<Extension<Client>>, token: ConfirmationToken) -> Result<String, Box<Response>> {
        let address = client.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |Extension(client)| client.address);
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        if pages.check(&SourceKey::from(address), Instant::now()).is_err() {
            return Err(Box::new((StatusCode::TOO_MANY_REQUESTS, too_often()).into_response()));
        }
        match token {
            Ok(Path(token)) if is_token(&token) => Ok(token),
            _ => Err(Box::new(refuse(ConfirmationRefused::NoLink))),
        }
    }
}

fn refuse(refused: ConfirmationRefused) -> Response {
    match refused {
        ConfirmationRefused::NoLink => (StatusCode::NOT_FOUND, no_link()).into_response(),
        ConfirmationRefused::Away => (StatusCode::SERVICE_UNAVAILABLE, away()).into_response(),
    }
}

fn form(asked: &AskedContact) -> Html<String> {
    let (address, customer) = (escape(&asked.address.to_string()), escape(&asked.customer));
    let content = format!(
        "<p>The customer <strong>{customer}</strong> named <strong>{address}</strong> as its technical contact.</p>\n\
         <p>If you confirm this, the address gets short notices of mail for postmaster or abuse that the customer's own \
         mail server refused. A notice never has the message. If you do not want them, close this page.</p>\n\
         <form method=\"post\">\n<p><button type=\"submit\">Confirm</button></p>\n</form>\n"
    );
    document("Notices about mail", &content)
}

fn confirmed() -> Html<String> {
    let thanks = "Thank you: the address is confirmed. You can close this page.";
    document("Confirmed", &format!("<div class=\"done\" role=\"status\"><p>{thanks}</p></div>\n"))
}

/// The page for every invalid link.
fn no_link() -> Html<String> {
    document(
        "This link is not valid",
        "<p>It was used, it has expired, or a part of it is missing. Ask the operator of the mail gateway.</p>\n",
    )
}

fn away() -> Html<String> {
    document(
        "Not available at the moment",
        "<p>Nothing was confirmed. The link stays valid: try again in a few minutes.</p>\n",
    )
}

fn too_often() -> Html<String> {
    document("Too many requests", "<p>Nothing was confirmed. Try again in a minute.</p>\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_from_outside_is_text() {
        let evil = "<img src=x onerror=alert(1)>\"'&\u{202E}\u{7}".to_owned();
        let Ok(address) = "ann&'b@else.test".parse() else { unreachable!("an address") };
        let Html(page) = form(&AskedContact { address, customer: evil });
        assert!(!page.contains("<img") && page.contains("&lt;img src=x"), "{page}");
        assert!(page.contains("ann&amp;&#39;b@else.test"), "{page}");
        assert!(!page.contains(['\u{202E}', '\u{7}']), "{page}");
    }
}
