//! Headers that a request must have exactly once. Otherwise a proxy and Doorlist might use different ones of two
//! values, and see two different requests.

use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderName, HeaderValue, Version, header};

/// Headers with one value (RFC 9110 §5.3). Those that are lists may come in several lines.
static ONCE: [HeaderName; 13] = [
    header::HOST,
    header::AUTHORIZATION,
    header::PROXY_AUTHORIZATION,
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    // A list, but `chunked` may be in it once.
    header::TRANSFER_ENCODING,
    header::CONTENT_LOCATION,
    header::CONTENT_RANGE,
    header::IF_MODIFIED_SINCE,
    header::IF_UNMODIFIED_SINCE,
    header::IF_RANGE,
    header::RANGE,
    header::REFERER,
];

const NO_HOST: &str = "the request has no Host\n";
const BAD_HOST: &str = "Host is not a host name or address\n";
const TWICE: &str = "duplicate header that is only allowed once: Host, Authorization, Content-Type or similar\n";

/// Checks the head. Sets `Host` to that of the target, if the target has one (RFC 9112 §3.2.2).
pub(super) fn check(head: &mut Parts) -> Result<(), &'static str> {
    if ONCE.iter().any(|name| head.headers.get_all(name).iter().nth(1).is_some()) {
        return Err(TWICE);
    }
    match head.headers.get(header::HOST) {
        Some(host) if !is_host(host.as_bytes()) => return Err(BAD_HOST),
        None if head.version >= Version::HTTP_11 => return Err(NO_HOST),
        _ => {}
    }
    if let Some(authority) = head.uri.authority() {
        let host = HeaderValue::from_str(authority.as_str()).ok().filter(|host| is_host(host.as_bytes()));
        head.headers.insert(header::HOST, host.ok_or(BAD_HOST)?);
    }
    Ok(())
}

/// Whether the text is a host with an optional port (RFC 9110 §7.2), or empty.
fn is_host(text: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(text) else { return false };
    text.is_empty() || (!text.contains('@') && text.parse::<Authority>().is_ok())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use axum::http::Request;
    use proptest::prelude::*;

    /// The effective `Host`, or the error.
    fn checked(version: Version, target: &str, lines: &[(&str, &str)]) -> Result<Option<String>, &'static str> {
        let mut request = Request::builder().version(version).uri(target);
        for (name, value) in lines {
            request = request.header(*name, *value);
        }
        let (mut head, ()) = request.body(()).unwrap().into_parts();
        check(&mut head)?;
        Ok(head.headers.get(header::HOST).map(|host| host.to_str().unwrap().to_owned()))
    }

    #[test]
    fn http_1_1_needs_exactly_one_host() {
        let (new, old) = (Version::HTTP_11, Version::HTTP_10);
        assert_eq!(checked(new, "/", &[]), Err(NO_HOST));
        assert_eq!(checked(new, "http://a.test/", &[]), Err(NO_HOST));
        assert_eq!(checked(old, "/", &[]), Ok(None));
        assert_eq!(checked(old, "/", &[("Host", "a.test")]), Ok(Some("a.test".to_owned())));
        for version in [new, old] {
            assert_eq!(checked(version, "/", &[("Host", "a.test"), ("Host", "a.test")]), Err(TWICE));
        }
    }

    #[test]
    fn a_host_is_a_name_or_an_address() {
        for host in ["a.test", "a.test:8080", "192.0.2.1", "[2001:db8::1]:80", "localhost", ""] {
            assert_eq!(checked(Version::HTTP_11, "/", &[("Host", host)]), Ok(Some(host.to_owned())));
        }
        for host in ["a b", "user@a.test", "a.test/x", "a.test, b.test", "a.test?x", "a#b", "[::1", "a:b:c", "ü.test"]
        {
            assert_eq!(checked(Version::HTTP_11, "/", &[("Host", host)]), Err(BAD_HOST), "{host:?}");
        }
    }

    #[test]
    fn a_target_with_a_host_goes_before() {
        let told = |target: &str| checked(Version::HTTP_11, target, &[("Host", "b.test")]);
        assert_eq!(told("http://a.test:81/x"), Ok(Some("a.test:81".to_owned())));
        assert_eq!(told("http://user:secret@a.test/x"), Err(BAD_HOST));
    }

    proptest! {
        #[test]
        fn no_header_with_one_value_comes_twice(name in prop::sample::select(&ONCE[..]), first in "[a-z0-9.]{0,9}", second in "[a-z0-9.]{0,9}") {
            let lines = [("Host", "a.test"), (name.as_str(), first.as_str()), (name.as_str(), second.as_str())];
            prop_assert_eq!(checked(Version::HTTP_11, "/", &lines), Err(TWICE));
        }

        #[test]
        fn lists_may(name in prop::sample::select(vec!["If-Match", "If-None-Match", "Accept", "X-Forwarded-For", "Cookie"])) {
            let lines = [("Host", "a.test"), (name, "\"a\""), (name, "\"b\"")];
            prop_assert_eq!(checked(Version::HTTP_11, "/", &lines), Ok(Some("a.test".to_owned())));
        }
    }
}
