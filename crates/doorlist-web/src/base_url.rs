//! The server's own URL for absolute links in answers. Judges what a client claims; looks nothing up.

use axum::http::{HeaderMap, header};
use std::net::SocketAddr;

/// Characters of a host name (RFC 1035 §2.3.4), the dot at its end included.
const HOST_CHARS_MAX: usize = 254;

/// The prefix of absolute URLs, without a trailing slash: `https://mx.example.test`.
///
/// The configured URL, otherwise the `Host` of the client if it is only a name or an address, otherwise the local
/// address of the request.
pub fn base_url(fixed: Option<&str>, https: bool, headers: &HeaderMap, listener: SocketAddr) -> String {
    if let Some(fixed) = fixed {
        return fixed.trim_end_matches('/').to_owned();
    }
    let scheme = if https { "https" } else { "http" };
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = match (hosts.next().map(|host| host.to_str()), hosts.next()) {
        (Some(Ok(host)), None) if is_host_and_port(host) => host.to_ascii_lowercase(),
        _ => listener.to_string(),
    };
    format!("{scheme}://{host}")
}

/// `mx.example.test`, `192.0.2.1:8080`, `[2001:db8::1]:8080`; nothing that means more in a URL or in a header.
fn is_host_and_port(text: &str) -> bool {
    let (is_host, port) = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, port)) => (address.parse::<std::net::Ipv6Addr>().is_ok(), port),
            None => return false,
        },
        None => {
            let (host, port) = text.split_at(text.find(':').unwrap_or(text.len()));
            (is_name(host), port)
        }
    };
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
    is_host && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
}

/// Letters, digits, hyphens, underscores in labels; an IPv4 address is such a name, too.
fn is_name(host: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    host.len() <= HOST_CHARS_MAX && host.strip_suffix('.').unwrap_or(host).split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use axum::http::HeaderValue;

    fn with_host(host: &[u8]) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_bytes(host).unwrap());
        base_url(None, false, &headers, "192.0.2.1:8080".parse().unwrap())
    }

    #[test]
    fn a_host_and_its_port_are_taken_as_they_are() {
        for host in [
            "mx.example.test",
            "mx.example.test.",
            "mx.example.test:8443",
            "localhost",
            "192.0.2.7:80",
            "[2001:db8::1]",
            "[::1]:8080",
            "xn--bcher-kva.example.test",
            "a_b.example.test",
        ] {
            assert_eq!(with_host(host.as_bytes()), format!("http://{host}"));
        }
        assert_eq!(with_host(b"MX.Example.TEST"), "http://mx.example.test");
    }

    #[test]
    fn w11_what_is_no_host_is_not_repeated() {
        let long = format!("{}.test", "a.".repeat(130));
        let label = "a".repeat(64);
        for host in [
            "",
            " ",
            ".",
            "a..b",
            ".a",
            ":80",
            "a:",
            "a:b",
            "a:65536",
            "a:+80",
            "a:80:80",
            "a b",
            "a\tb",
            "a/b",
            "a\\b",
            "a?b",
            "a#b",
            "user@evil.example.test",
            "a@b:80",
            "evil.example.test/..",
            "a\"b",
            "<b>",
            "a%00b",
            "a,b",
            "[::1",
            "[::1]80",
            "[::1]:",
            "[::1%eth0]",
            "[evil.example.test]",
            "::1",
            "http://evil.example.test",
            long.as_str(),
            label.as_str(),
        ] {
            assert_eq!(with_host(host.as_bytes()), "http://192.0.2.1:8080", "{host:?}");
        }
        assert_eq!(with_host("bücher.test".as_bytes()), "http://192.0.2.1:8080");
        for control in [b"a\x80".as_slice(), b"a\xff"] {
            assert_eq!(with_host(control), "http://192.0.2.1:8080");
        }
    }

    #[test]
    fn two_hosts_are_none_and_what_is_fixed_goes_before_all() {
        let mut headers = HeaderMap::new();
        let listener = "[2001:db8::1]:443".parse().unwrap();
        assert_eq!(base_url(None, true, &headers, listener), "https://[2001:db8::1]:443");
        headers.append(header::HOST, HeaderValue::from_static("a.example.test"));
        assert_eq!(base_url(None, true, &headers, listener), "https://a.example.test");
        headers.append(header::HOST, HeaderValue::from_static("b.example.test"));
        assert_eq!(base_url(None, true, &headers, listener), "https://[2001:db8::1]:443");
        let fixed = Some("https://mx.example.test/");
        assert_eq!(base_url(fixed, false, &headers, listener), "https://mx.example.test");
    }
}
