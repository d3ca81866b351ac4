//! One request and its answer, between hyper and the router: the client's address, the body, and whether the
//! connection stays open.

use super::activity::Activity;
use super::admission::{Admitted, TooMany};
use super::answer_body::{AnswerBody, Answering};
use super::body::{Came, Left, TimedBody};
use super::client::{Client, ListenerAddress, client};
use super::{ANSWER_MAX, CONNECTION_MAX, head};
use axum::Router;
use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version, header};
use axum::response::IntoResponse;
use doorlist_core::network::Network;
use hyper::body::{Body as _, Incoming};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::time::Instant;

const CODED: &str = "Content-Encoding is not supported: send the body without it\n";
const SLOW: &str = "the body was not received in time\n";
const MANY: &str = "this client has too many running requests; send the request again when one is answered\n";
/// Retry-After in seconds for too many running requests.
const MANY_RETRY: HeaderValue = HeaderValue::from_static("1");

/// The state that all requests of a connection share.
pub(super) struct Exchange {
    router: TowerToHyperService<Router>,
    proxies: Arc<[Network]>,
    peer: SocketAddr,
    local: SocketAddr,
    tls: bool,
    admitted: Admitted,
    begun: Instant,
    closing: AtomicBool,
    came: Arc<Came>,
}

/// What a request says about connection and body.
struct RequestTerms {
    version: Version,
    keep_alive: bool,
    expects: bool,
}

impl Exchange {
    /// For a new connection.
    pub(super) fn new(
        router: Router,
        proxies: Arc<[Network]>,
        (peer, local): (SocketAddr, SocketAddr),
        tls: bool,
        admitted: Admitted,
    ) -> Self {
        let router = TowerToHyperService::new(router);
        // A place for health is for one request.
        let (closing, came) = (AtomicBool::new(admitted.health_only), Arc::default());
        Self { router, proxies, peer, local, tls, admitted, begun: Instant::now(), closing, came }
    }

    pub(super) fn activity(&self) -> &Arc<Activity> {
        &self.admitted.activity
    }

    /// Deadline of the running request.
    pub(super) fn end(&self) -> Instant {
        self.begun + CONNECTION_MAX + ANSWER_MAX + self.came.longer()
    }

    /// The next answer is the last one of the connection.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }

    pub(super) async fn answer(&self, request: Request<Incoming>) -> Result<Response<AnswerBody>, Infallible> {
        let Some(mut answering) = Answering::begin(self.activity()) else {
            // Another connection has the place of this one, which is being dropped.
            return std::future::pending().await;
        };
        let (mut head, body) = request.into_parts();
        let terms = RequestTerms::of(&head);
        self.came.begin();
        let (response, stays) = match head::check(&mut head) {
            // What comes behind such a request may be meant otherwise, too.
            Err(fault) => ((StatusCode::BAD_REQUEST, fault).into_response(), false),
            Ok(()) => self.settle(head, body, &terms, &mut answering).await?,
        };
        let mut response = response.map(|body| AnswerBody::new(body, answering));
        say_connection(&mut response, stays);
        if terms.version == Version::HTTP_10 {
            // Else hyper adds what the request wished for.
            *response.version_mut() = Version::HTTP_10;
        }
        Ok(response)
    }

    /// The answer, and whether the connection stays open.
    async fn settle(
        &self,
        head: Parts,
        body: Incoming,
        terms: &RequestTerms,
        answering: &mut Answering,
    ) -> Result<(Response<Body>, bool), Infallible> {
        let client = client(&self.proxies, self.peer.ip(), self.tls, &head.headers);
        let (mut response, left) = match self.admitted.admission.request(self.peer.ip(), client.address) {
            Ok(counted) => {
                answering.counted = counted;
                self.ask(head, body, client).await?
            }
            Err(TooMany) => (
                (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, MANY_RETRY)], MANY).into_response(),
                Some(Left::unseen(body)),
            ),
        };
        let mut reusable = false;
        if let Some(left) = left {
            if left.too_slow {
                response = (StatusCode::REQUEST_TIMEOUT, SLOW).into_response();
            }
            self.activity().awaits_body(true);
            reusable = left.pass_by(terms.expects).await;
            self.activity().awaits_body(false);
        }
        let stays = reusable && self.goes_on() && terms.allow(&response);
        Ok((response, stays))
    }

    fn goes_on(&self) -> bool {
        !self.closing.load(Ordering::Relaxed) && self.begun.elapsed() < CONNECTION_MAX
    }

    /// The router's answer, and the rest of the body unless the router still has it.
    async fn ask(
        &self,
        mut head: Parts,
        body: Incoming,
        client: Client,
    ) -> Result<(Response<Body>, Option<Left>), Infallible> {
        if !body.is_end_stream() && is_coded(&head.headers) {
            let refused = (StatusCode::UNSUPPORTED_MEDIA_TYPE, CODED).into_response();
            return Ok((refused, Some(Left::unseen(body))));
        }
        head.extensions.insert(client);
        head.extensions.insert(ListenerAddress(self.local));
        // Some clients send the body of their last POST again and again.
        if matches!(head.method, Method::GET | Method::HEAD | Method::DELETE) {
            let response = self.router.call(Request::from_parts(head, Body::empty())).await?;
            return Ok((response, Some(Left::unseen(body))));
        }
        let (body, mut left) = TimedBody::new(body, Arc::clone(&self.came), Arc::clone(self.activity()));
        let response = self.router.call(Request::from_parts(head, Body::new(body))).await?;
        Ok((response, left.try_recv().ok()))
    }
}

impl RequestTerms {
    fn of(head: &Parts) -> Self {
        let (headers, version) = (&head.headers, head.version);
        let says = |word: &str| lists(headers, header::CONNECTION, word);
        // hyper reads a request with both lengths by its chunks, and does not show that there were two: no other request
        // is read behind one that may be meant to smuggle (RFC 9112 §6.1).
        let one_length = !headers.contains_key(header::TRANSFER_ENCODING);
        let wanted = !says("close") && (version == Version::HTTP_11 || says("keep-alive"));
        Self { version, keep_alive: one_length && wanted, expects: headers.contains_key(header::EXPECT) }
    }

    /// Whether the connection may stay open: with HTTP/1.0, an answer of unknown length ends with its connection.
    fn allow(&self, response: &Response<Body>) -> bool {
        let has_end = self.version == Version::HTTP_11 || response.body().size_hint().exact().is_some();
        self.keep_alive && has_end && !lists(response.headers(), header::CONNECTION, "close")
    }
}

/// Sets the Connection header: some clients otherwise wait for the close after an answer without a body.
fn say_connection<B>(response: &mut Response<B>, stays: bool) {
    let word = HeaderValue::from_static(if stays { "keep-alive" } else { "close" });
    response.headers_mut().insert(header::CONNECTION, word);
}

/// Whether the body has a content coding.
fn is_coded(headers: &HeaderMap) -> bool {
    let other_than = |name, plain: &str| {
        let values = headers.get_all(name).iter();
        values.into_iter().any(|value| !value.as_bytes().trim_ascii().eq_ignore_ascii_case(plain.as_bytes()))
    };
    other_than(header::CONTENT_ENCODING, "identity") || other_than(header::TRANSFER_ENCODING, "chunked")
}

/// Whether the lines of this name list `word`.
fn lists(headers: &HeaderMap, name: header::HeaderName, word: &str) -> bool {
    let words = headers.get_all(name).iter().flat_map(|line| line.as_bytes().split(|&byte| byte == b','));
    words.into_iter().any(|listed| listed.trim_ascii().eq_ignore_ascii_case(word.as_bytes()))
}
