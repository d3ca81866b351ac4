//! Links that a tenant may put on a page: https only, to a host name, and with nothing misleading in them.

use url::{Host, Url};

/// Octets of a link.
const LINK_MAX: usize = 2_000;

/// Whether the text is an ASCII link of the form `https://host/...`: no other scheme, no user or password, no blanks,
/// backslashes, quotes or control characters, which browsers ignore or convert.
pub(crate) fn is_https_link(text: &str) -> bool {
    let is_plain = text.len() <= LINK_MAX
        && text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'"' | b'\'' | b'<' | b'>' | b'`'));
    // The parser takes `https:host` and `https:///host`, too.
    let authority = text.get(..8).filter(|scheme| scheme.eq_ignore_ascii_case("https://")).and_then(|_| text.get(8..));
    let Some(authority) = authority.and_then(|rest| rest.split(['/', '?', '#']).next()).filter(|_| is_plain) else {
        return false;
    };
    let Ok(url) = Url::parse(text) else { return false };
    let is_name = matches!(url.host(), Some(Host::Domain(name)) if name.contains('.') && !name.starts_with('.'));
    url.scheme() == "https" && is_name && !authority.is_empty() && !authority.contains(['@', '%'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_https_to_a_named_host_is_a_link() {
        for text in
            ["https://example.test", "HTTPS://www.example.test/help?a=b#c", "https://example.test:8443/a%20b/@c"]
        {
            assert!(is_https_link(text), "{text}");
        }
        for text in [
            "",
            "http://example.test/",
            "javascript:alert(1)",
            "data:text/html,x",
            " https://example.test",
            "https://example.test/a b",
            "https:example.test",
            "https:///example.test",
            "https://",
            "https://user@example.test/",
            "https://example.test@evil.test/",
            "https://example.test:pw@evil.test/",
            "https://example.test%40evil.test/",
            "https://example.test\\@evil.test/",
            "https://localhost/",
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://[::1]/",
            "https://ex\u{e4}mple.test/",
            "https://example.test/\u{202e}gnp",
            "java\nscript:alert(1)",
            "https://example.test/\n",
            "https://example.test/\"onload=",
            "//example.test/",
            "example.test",
        ] {
            assert!(!is_https_link(text), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_passes_is_https_without_a_user(text in "(https|http|javascript|HTTPS):[ -~\u{200b}]{0,30}") {
            if is_https_link(&text) {
                prop_assert!(text.is_ascii() && !text.contains([' ', '"', '<', '>', '\\']));
                let url = Url::parse(&text).unwrap();
                prop_assert_eq!((url.scheme(), url.username(), url.password()), ("https", "", None));
            }
        }
    }
}
