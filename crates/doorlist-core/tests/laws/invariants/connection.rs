//! What people write about a directory: servers, filters, patterns, networks. What parses prints as text that parses back.

use doorlist_core::connection::{
    DirectoryServer, DirectoryTls, FILTER_BYTES_MAX, Filter, GLOB_CHARS_MAX, Glob, SERVERS_MAX, Trust, escape,
};
use doorlist_core::network::Network;

/// Checks the laws on the whole input, and on what stands on either side of its first line break.
pub fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    check_filter(text);
    check_servers(text);
    if let Ok(network) = text.parse::<Network>() {
        assert_eq!(network.to_string().parse(), Ok(network));
    }
    let _ = Trust::pinned(text);
    let (pattern, address) = text.split_once('\n').unwrap_or((text, text));
    if let Ok(glob) = pattern.parse::<Glob>() {
        assert!(glob.as_str().chars().count() <= GLOB_CHARS_MAX * 3);
        assert_eq!(glob.as_str().parse(), Ok(glob.clone()));
        let _ = glob.matches(&address.to_lowercase());
    }
}

fn check_filter(text: &str) {
    if let Ok(filter) = text.parse::<Filter>() {
        let printed = filter.to_string();
        // Escaping may make a text three times as long, and what is too long is not parsed again.
        if printed.len() <= FILTER_BYTES_MAX {
            assert_eq!(printed.parse(), Ok(filter), "{printed}");
        }
        assert!(!printed.chars().any(|c| c.is_ascii_control()));
    }
    let mut escaped = String::new();
    escape(text.as_bytes(), &mut escaped).unwrap();
    if escaped.len() < FILTER_BYTES_MAX / 2 {
        let equal = Filter::equal("cn".parse().unwrap(), text.as_bytes().to_vec());
        assert_eq!(format!("(cn={escaped})").parse(), Ok(equal), "a value stands for itself");
    }
}

fn check_servers(text: &str) {
    let Ok(servers) = DirectoryServer::parse_list(text, DirectoryTls::StartTls) else { return };
    assert!((1..=SERVERS_MAX).contains(&servers.len()));
    for server in servers {
        assert!(server.port > 0 && !server.host.is_empty() && server.host.is_ascii());
        assert!(!server.host.contains(|c: char| c.is_ascii_control() || "/@?# ".contains(c)), "{server}");
        assert_eq!(DirectoryServer::parse(&server.to_string(), server.tls), Ok(server));
    }
}
