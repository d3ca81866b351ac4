//! The client's address: the peer of the connection, or the one that a trusted proxy names.

use axum::http::HeaderMap;
use doorlist_core::network::Network;
use std::net::{IpAddr, SocketAddr};

const FORWARDED_FOR: &str = "x-forwarded-for";
const FORWARDED_PROTO: &str = "x-forwarded-proto";

/// The client of a request, as a request extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// Its address; IPv4 is never in IPv6 form.
    pub address: IpAddr,
    /// Whether the client used HTTPS, to Doorlist or to the proxy.
    pub https: bool,
}

/// The local address of a request, as a request extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenerAddress(pub SocketAddr);

/// The client of a request. Only listed proxies are trusted: from the right of the chain of addresses, the first one
/// that is not a listed proxy is the client.
pub(super) fn client(proxies: &[Network], peer: IpAddr, tls: bool, headers: &HeaderMap) -> Client {
    let is_proxy = |address: IpAddr| proxies.iter().any(|network| network.contains_peer(address));
    let mut client = Client { address: peer.to_canonical(), https: tls };
    if !is_proxy(peer) {
        return client;
    }
    // A list may come in several lines (RFC 9110 §5.3).
    for hop in headers.get_all(FORWARDED_FOR).iter().rev().flat_map(|line| line.as_bytes().rsplit(|&byte| byte == b','))
    {
        // What is no address was not written by a proxy of ours; nor is anything left of it believed.
        let Some(address) = address(hop) else { break };
        client.address = address;
        if !is_proxy(address) {
            break;
        }
    }
    if let Some(scheme) = headers.get_all(FORWARDED_PROTO).iter().next_back() {
        let scheme = scheme.as_bytes().rsplit(|&byte| byte == b',').next().unwrap_or_default();
        client.https = scheme.trim_ascii().eq_ignore_ascii_case(b"https");
    }
    client
}

/// `192.0.2.1`, `2001:db8::1`; some proxies write the port, too.
fn address(hop: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(hop).ok()?.trim();
    let bare = || text.parse().ok();
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    let in_brackets = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    bare().or_else(with_port).or_else(in_brackets).map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    /// Peer, header lines, the client.
    type Case = (&'static str, &'static [(&'static str, &'static str)], &'static str);

    const CASES: &[Case] = &[
        ("192.0.2.9", &[], "192.0.2.9 http"),
        ("192.0.2.9", &[(FORWARDED_FOR, "198.51.100.1"), (FORWARDED_PROTO, "https")], "192.0.2.9 http"),
        ("2002:a00:1::1", &[(FORWARDED_FOR, "198.51.100.1"), (FORWARDED_PROTO, "https")], "2002:a00:1::1 http"),
        ("10.0.0.1", &[], "10.0.0.1 http"),
        ("10.0.0.1", &[(FORWARDED_FOR, "198.51.100.1"), (FORWARDED_PROTO, "https")], "198.51.100.1 https"),
        ("::ffff:10.0.0.1", &[(FORWARDED_FOR, "::ffff:198.51.100.1")], "198.51.100.1 http"),
        ("fd00::1", &[(FORWARDED_FOR, "2001:db8::7")], "2001:db8::7 http"),
        // What the client claims stands left of what the proxy saw.
        ("10.0.0.1", &[(FORWARDED_FOR, "127.0.0.1, 10.0.0.9, 198.51.100.1")], "198.51.100.1 http"),
        ("10.0.0.1", &[(FORWARDED_FOR, "203.0.113.1, 198.51.100.1 ,10.0.0.7,  10.0.0.8")], "198.51.100.1 http"),
        ("10.0.0.1", &[(FORWARDED_FOR, "203.0.113.1"), (FORWARDED_FOR, "198.51.100.1")], "198.51.100.1 http"),
        ("10.0.0.1", &[(FORWARDED_FOR, "198.51.100.1"), (FORWARDED_FOR, "10.0.0.2")], "198.51.100.1 http"),
        ("10.0.0.1", &[(FORWARDED_FOR, "10.0.0.3, 10.0.0.2")], "10.0.0.3 http"),
        ("10.0.0.1", &[(FORWARDED_FOR, "198.51.100.1:4711")], "198.51.100.1 http"),
        ("10.0.0.1", &[(FORWARDED_FOR, "[2001:db8::7]:4711")], "2001:db8::7 http"),
        ("10.0.0.1", &[(FORWARDED_FOR, "[2001:db8::7]")], "2001:db8::7 http"),
        ("10.0.0.1", &[(FORWARDED_FOR, "")], "10.0.0.1 http"),
        ("10.0.0.1", &[(FORWARDED_FOR, "203.0.113.1, unknown")], "10.0.0.1 http"),
        ("10.0.0.1", &[(FORWARDED_FOR, "203.0.113.1, nonsense, 10.0.0.2")], "10.0.0.2 http"),
        ("10.0.0.1", &[(FORWARDED_FOR, "198.51.100.1"), ("forwarded", "for=203.0.113.1")], "198.51.100.1 http"),
        ("10.0.0.1", &[(FORWARDED_PROTO, "https, http")], "10.0.0.1 http"),
        ("10.0.0.1", &[(FORWARDED_PROTO, "http"), (FORWARDED_PROTO, " HTTPS ")], "10.0.0.1 https"),
        ("10.0.0.1", &[(FORWARDED_PROTO, "httpsx")], "10.0.0.1 http"),
    ];

    fn asked(peer: &str, tls: bool, lines: &[(&'static str, &'static str)]) -> String {
        let proxies = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().unwrap());
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let client = client(&proxies, peer.parse().unwrap(), tls, &headers);
        format!("{} {}", client.address, if client.https { "https" } else { "http" })
    }

    #[test]
    fn only_listed_proxies_are_believed_and_only_what_they_saw() {
        for (peer, lines, expected) in CASES {
            assert_eq!(asked(peer, false, lines), *expected, "{peer} {lines:?}");
        }
    }

    #[test]
    fn tls_of_our_own_is_https_unless_a_proxy_knows_better() {
        assert_eq!(asked("192.0.2.9", true, &[(FORWARDED_PROTO, "http")]), "192.0.2.9 https");
        assert_eq!(asked("10.0.0.1", true, &[]), "10.0.0.1 https");
        assert_eq!(asked("10.0.0.1", true, &[(FORWARDED_PROTO, "http")]), "10.0.0.1 http");
    }
}
