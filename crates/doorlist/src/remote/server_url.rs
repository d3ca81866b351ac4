//! The address of a Doorlist as people write it, `https://doorlist.example.test`, and whether a key may travel there.
//! Does not resolve names.

use std::fmt;
use url::{Host, ParseError, Url};

/// Octets of an address.
const URL_MAX: usize = 2_048;

/// Where a Doorlist is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ServerUrl {
    /// Scheme, host and port, and the path before `/api`.
    url: Url,
    /// Only an address of this machine may be connected to.
    pub(super) only_loopback: bool,
    /// The key may travel unencrypted to another machine.
    shows_key: bool,
}

impl ServerUrl {
    /// Parses it. Without encryption only this machine may be named, unless `allow_http` says otherwise: whoever listens
    /// in between could take the key.
    pub(super) fn parse(text: &str, allow_http: bool) -> Result<Self, String> {
        let wrong = |why: &str| format!("invalid server URL, write it as https://doorlist.example.test: {why}");
        // Browsers forgive blanks, missing slashes and backslashes, and so does the parser; a key travels to nobody who
        // was guessed.
        if text.len() > URL_MAX || text.bytes().any(|b| !b.is_ascii_graphic()) {
            return Err(wrong("it is too long, or has characters that a URL cannot have"));
        }
        let url = Url::parse(text).map_err(|error| wrong(explain(error)))?;
        let https = url.scheme() == "https";
        let behind_scheme = text.get(url.scheme().len()..).and_then(|rest| rest.strip_prefix("://"));
        let Some(rest) = behind_scheme.filter(|_| https || url.scheme() == "http") else {
            return Err(wrong("it must begin with https://"));
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("login and key belong in the key file"));
        }
        if rest.contains(['?', '#', '%', '\\']) {
            return Err(wrong("it must end with the host, or with the path before /api"));
        }
        if rest.starts_with('/') || url.port() == Some(0) {
            return Err(wrong("invalid host or port"));
        }
        let local = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            None => false,
        };
        if !https && !local && !allow_http {
            return Err(
                "http:// sends the key unencrypted: use https://, or allow it with --allow-http (agent: allow_http = \
                 true)"
                    .to_owned(),
            );
        }
        Ok(Self { only_loopback: !https && !allow_http, shows_key: !https && !local, url })
    }

    pub(super) fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// A name or an IP address, without brackets.
    pub(super) fn host(&self) -> String {
        match self.url.host() {
            Some(Host::Ipv6(ip)) => ip.to_string(),
            Some(host) => host.to_string(),
            None => String::new(),
        }
    }

    /// What a person should know before a key travels there.
    pub(super) fn warning(&self) -> Option<String> {
        self.shows_key.then(|| format!("warning: {self} is not encrypted; anyone on the network path can read the key"))
    }

    /// The URL of a path of the API, with its query.
    pub(super) fn url_of(&self, path: &str) -> String {
        format!("{self}{path}")
    }
}

fn explain(error: ParseError) -> &'static str {
    match error {
        ParseError::RelativeUrlWithoutBase => "it must begin with https://",
        ParseError::InvalidPort => "the port must be a number up to 65535",
        _ => "invalid host or port",
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.url.as_str().trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::ServerUrl;

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
            let place = ServerUrl::parse(text, false).unwrap();
            let read = (place.host(), place.url.port_or_known_default().unwrap(), place.to_string());
            assert_eq!(read, (host.to_owned(), port, shown.to_owned()), "{text}");
            assert_eq!(place.warning(), None);
        }
        assert_eq!(ServerUrl::parse("https://a.test/x", false).unwrap().url_of("/api/v1/"), "https://a.test/x/api/v1/");
    }

    #[test]
    fn what_is_none_or_would_show_the_key_is_refused() {
        for (text, word) in [
            ("doorlist.example.test", "must begin with https://"),
            ("ftp://doorlist.example.test", "must begin with https://"),
            ("https:doorlist.example.test", "must begin with https://"),
            ("https://", "host or port"),
            ("https:///doorlist.example.test", "host or port"),
            ("https://a.test:0", "host or port"),
            ("https://a.test:99999", "65535"),
            ("https://[::1", "host or port"),
            ("https://a@b.test", "key file"),
            ("https://a.test/?x=1", "must end with the host"),
            ("https://a.test\\@b.test", "must end with the host"),
            ("https://%61.test", "must end with the host"),
            ("https://a.test/\r\nX: y", "that a URL cannot have"),
            ("http://doorlist.example.test", "--allow-http"),
            ("http://127.0.0.1.example.test", "--allow-http"),
        ] {
            let why = ServerUrl::parse(text, false).unwrap_err();
            assert!(why.contains(word), "{text}: {why}");
        }
        assert_eq!(ServerUrl::parse("http://127.0.0.1:8080", true).unwrap().warning(), None);
        let allowed = ServerUrl::parse("http://doorlist.example.test", true).unwrap();
        assert!(allowed.warning().unwrap().contains("not encrypted"));
    }
}
