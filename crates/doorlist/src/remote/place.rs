//! The URL of a remote server, such as `https://doorlist.example.test`, and whether a key may be sent to it.

use std::fmt;
use std::net::IpAddr;

/// Octets of an address.
const URL_MAX: usize = 2_048;

/// Where a Doorlist is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) https: bool,
    /// A name or an IP address, without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// What stands before `/api`, without a slash at its end.
    prefix: String,
    /// Only an address of this machine may be connected to.
    pub(super) only_loopback: bool,
    /// The key may travel unencrypted to another machine.
    shows_key: bool,
}

impl Place {
    /// Parses it. Without encryption only this machine may be named, unless `allow_http` says otherwise: whoever listens
    /// in between could take the key.
    pub(super) fn parse(text: &str, allow_http: bool) -> Result<Self, String> {
        let wrong = |why: &str| format!("invalid server URL, write it as https://doorlist.example.test: {why}");
        if text.len() > URL_MAX || text.bytes().any(|b| !b.is_ascii_graphic()) {
            return Err(wrong("it is too long, or has characters that a URL cannot have"));
        }
        let (scheme, rest) = text.split_once("://").ok_or_else(|| wrong("it must begin with https://"))?;
        let (https, default_port) = match scheme.to_ascii_lowercase().as_str() {
            "https" => (true, 443),
            "http" => (false, 80),
            _ => return Err(wrong("it must begin with https://")),
        };
        let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        if authority.contains('@') {
            return Err(wrong("login and key belong in the key file"));
        }
        if rest.contains(['?', '#', '%', '\\']) {
            return Err(wrong("it must end with the host, or with the path before /api"));
        }
        let (host, port) = split_port(authority).ok_or_else(|| wrong("invalid host or port"))?;
        let port =
            port.map_or(Ok(default_port), str::parse).map_err(|_| wrong("the port must be a number up to 65535"))?;
        if port == 0 || !is_host(host) {
            return Err(wrong("invalid host or port"));
        }
        let local = host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        if !https && !local && !allow_http {
            return Err(
                "http:// sends the key unencrypted: use https://, or allow it with --allow-http (agent: allow_http = \
                 true)"
                    .to_owned(),
            );
        }
        let prefix = path.trim_end_matches('/').to_owned();
        Ok(Self {
            https,
            host: host.to_owned(),
            port,
            prefix,
            only_loopback: !https && !allow_http,
            shows_key: !https && !local,
        })
    }

    /// What a person should know before a key travels there.
    pub(super) fn warning(&self) -> Option<String> {
        self.shows_key.then(|| format!("warning: {self} is not encrypted; anyone on the network path can read the key"))
    }

    /// Host and port as the `Host` header has them.
    pub(super) fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        match (self.https, self.port) {
            (true, 443) | (false, 80) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }

    /// A path of the API on this host.
    pub(super) fn path(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }
}

fn split_port(authority: &str) -> Option<(&str, Option<&str>)> {
    match authority.strip_prefix('[') {
        Some(inner) => {
            let (host, behind) = inner.split_once(']')?;
            match behind {
                "" => Some((host, None)),
                _ => Some((host, Some(behind.strip_prefix(':')?))),
            }
        }
        None => Some(authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)))),
    }
}

fn is_host(text: &str) -> bool {
    let name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    !text.is_empty() && (text.parse::<IpAddr>().is_ok() || text.bytes().all(name))
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", if self.https { "https" } else { "http" }, self.authority(), self.prefix)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::Place;

    #[test]
    fn addresses_are_read_as_people_write_them() {
        for (text, host, port, shown) in [
            ("https://doorlist.example.test", "doorlist.example.test", 443, "https://doorlist.example.test"),
            (
                "HTTPS://doorlist.example.test:8443/",
                "doorlist.example.test",
                8443,
                "https://doorlist.example.test:8443",
            ),
            ("https://example.test/doorlist/", "example.test", 443, "https://example.test/doorlist"),
            ("http://127.0.0.1:8080", "127.0.0.1", 8080, "http://127.0.0.1:8080"),
            ("http://[::1]:8080", "::1", 8080, "http://[::1]:8080"),
            ("http://localhost", "localhost", 80, "http://localhost"),
        ] {
            let place = Place::parse(text, false).unwrap();
            assert_eq!((place.host.as_str(), place.port, place.to_string().as_str()), (host, port, shown), "{text}");
            assert_eq!(place.warning(), None);
        }
        assert_eq!(Place::parse("https://a.test/x", false).unwrap().path("/api/v1/"), "/x/api/v1/");
    }

    #[test]
    fn what_is_none_or_would_show_the_key_is_refused() {
        for (text, word) in [
            ("doorlist.example.test", "must begin with https://"),
            ("ftp://doorlist.example.test", "must begin with https://"),
            ("https://", "host and port"),
            ("https://a.test:0", "host and port"),
            ("https://a.test:99999", "65535"),
            ("https://[::1", "host and port"),
            ("https://a@b.test", "key file"),
            ("https://a.test/?x=1", "must end with the host"),
            ("https://a.test/\r\nX: y", "that a URL cannot have"),
            ("http://doorlist.example.test", "--allow-http"),
            ("http://127.0.0.1.example.test", "--allow-http"),
        ] {
            let why = Place::parse(text, false).unwrap_err();
            assert!(why.contains(word), "{text}: {why}");
        }
        assert_eq!(Place::parse("http://127.0.0.1:8080", true).unwrap().warning(), None);
        let allowed = Place::parse("http://doorlist.example.test", true).unwrap();
        assert!(allowed.warning().unwrap().contains("not encrypted"));
    }
}
