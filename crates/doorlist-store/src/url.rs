//! Where the store is: the setting `store.url`, read once. Must not print a password, nor open anything.

use std::fmt;
use std::path::{Path, PathBuf};

/// The engine and its place.
#[derive(Clone, PartialEq, Eq)]
pub enum StoreUrl {
    /// Files in this folder, by default the state folder.
    Sqlite(PathBuf),
    /// A PostgreSQL server by connection URL.
    Postgres(String),
}

/// A `store.url` that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    #[error("store.url must be `sqlite:`, `sqlite:/a/folder` or `postgres://...`")]
    NoEngine,
    #[error(
        "it names several servers: name one, whose address moves to the server that takes writes (Patroni or \
         keepalived), or an HAProxy that leads there"
    )]
    SeveralHosts,
}

impl StoreUrl {
    /// Reads `store.url`. Empty or `sqlite:` means the state folder.
    pub fn parse(text: &str, state_dir: &Path) -> Result<Self, UrlError> {
        let text = text.trim();
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            if has_several_hosts(text) {
                return Err(UrlError::SeveralHosts);
            }
            return Ok(StoreUrl::Postgres(text.to_owned()));
        }
        match text.strip_prefix("sqlite:").or_else(|| text.is_empty().then_some("")) {
            Some("") => Ok(StoreUrl::Sqlite(state_dir.to_owned())),
            Some(folder) => Ok(StoreUrl::Sqlite(PathBuf::from(folder.strip_prefix("//").unwrap_or(folder)))),
            None => Err(UrlError::NoEngine),
        }
    }
}

impl fmt::Display for StoreUrl {
    /// For people: the password is left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreUrl::Sqlite(folder) => write!(f, "sqlite:{}", folder.display()),
            StoreUrl::Postgres(url) => f.write_str(&masked(url)),
        }
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Whether it is as libpq reads it and nobody here: `a,b` as the place, or as a parameter `host`, `hostaddr` or `port`.
fn has_several_hosts(url: &str) -> bool {
    let (place, query) = url.split_once('?').unwrap_or((url, ""));
    let place = place.split_once("://").map_or(place, |(_, rest)| rest);
    let place = place.rsplit_once('@').map_or(place, |(_, place)| place);
    let hosts = place.split_once('/').map_or(place, |(hosts, _)| hosts);
    let of_places = |(name, _): &(&str, &str)| ["host", "hostaddr", "port"].contains(name);
    let has_comma = |text: &str| text.contains(',') || text.to_ascii_lowercase().contains("%2c");
    has_comma(hosts)
        || query.split('&').filter_map(|pair| pair.split_once('=')).filter(of_places).any(|(_, value)| has_comma(value))
}

/// The URL without its password: from the first `:` behind the scheme to the last `@` nothing is shown, nor is the
/// query, which may hold one too.
fn masked(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return String::new() };
    let (login, place) = rest.rsplit_once('@').map_or((None, rest), |(login, place)| (Some(login), place));
    let place = place.split(['?', '#']).next().unwrap_or_default();
    match login.map(|login| login.split_once(':').map_or((login, ""), |(user, _)| (user, ":***"))) {
        Some((user, secret)) => format!("{scheme}://{user}{secret}@{place}"),
        None => format!("{scheme}://{place}"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_empty_url_is_the_state_folder() {
        for text in ["", "sqlite:", "  sqlite:  "] {
            assert_eq!(StoreUrl::parse(text, Path::new("/s")).unwrap(), StoreUrl::Sqlite("/s".into()), "{text:?}");
        }
        assert_eq!(StoreUrl::parse("sqlite:/x", Path::new("/s")).unwrap(), StoreUrl::Sqlite("/x".into()));
        assert_eq!(StoreUrl::parse("sqlite:///x", Path::new("/s")).unwrap(), StoreUrl::Sqlite("/x".into()));
        assert_eq!(StoreUrl::parse("mysql://x", Path::new("/s")), Err(UrlError::NoEngine));
    }

    #[test]
    fn one_server_is_named() {
        for several in [
            "postgres://a,b/d",
            "postgres://u:s,e@a:5432,b:5433/d",
            "postgresql://a%2Cb/d",
            "postgres:///d?host=a,b",
            "postgres://u@a/d?sslmode=require&port=5432,5433",
        ] {
            assert_eq!(StoreUrl::parse(several, Path::new("/s")), Err(UrlError::SeveralHosts), "{several}");
        }
        for one in ["postgres://u:s,e@a/d", "postgres://a/d,e", "postgres:///d?host=/run/x&options=-c%20a=b,c"] {
            assert!(StoreUrl::parse(one, Path::new("/s")).is_ok(), "{one}");
        }
    }

    #[test]
    fn no_password_is_printed() {
        for (url, shown) in [
            ("postgres://u:se@cret@db.example.test/d?password=secret", "postgres://u:***@db.example.test/d"),
            ("postgres://u:se/cret@db.example.test/d", "postgres://u:***@db.example.test/d"),
            ("postgres://u@db.example.test/d", "postgres://u@db.example.test/d"),
            ("postgresql:///d?host=/run/x&password=secret", "postgresql:///d"),
            ("postgres://u:secret#?@db/d", "postgres://u:***@db/d"),
        ] {
            assert_eq!(format!("{:?}", StoreUrl::parse(url, Path::new("/s")).unwrap()), shown);
        }
    }
}
