//! Checks that pure crates do no I/O, and that sockets are opened only in crates that own them.

use super::Fault;
use super::tree::{RustFile, Tree};

/// The crates in which time, randomness and the world are parameters.
const PURE: &[&str] = &["doorlist-core", "doorlist-smtp"];

/// Paths that touch the world: each also covers what lies below it.
const WORLD: &[&str] = &[
    "std::fs",
    "std::env",
    "std::process",
    "std::thread",
    "std::os",
    "std::io::stdin",
    "std::io::stdout",
    "std::io::stderr",
    "tokio",
    "rand",
    "getrandom",
    "println",
    "print",
    "eprintln",
    "eprint",
    "dbg",
];

/// Types that touch the world, whatever path they are named by. (`std::net::IpAddr` and `Duration` are values.)
const WORLDLY_TYPES: &[&str] = &["SystemTime", "Instant", "RandomState"];

/// Types that are sockets.
const SOCKETS: &[&str] =
    &["TcpListener", "TcpStream", "TcpSocket", "UdpSocket", "UnixListener", "UnixStream", "UnixDatagram"];

/// Who opens sockets: the gateway for mail, the web for people, sources to fetch, the binary for its control socket, and
/// the testbed.
const HAVE_SOCKETS: &[&str] = &["doorlist-gateway", "doorlist-web", "doorlist-sources", "doorlist", "doorlist-testbed"];

/// No file, clock, environment, thread, randomness or terminal in the pure crates.
pub(super) fn rule(tree: &Tree) -> Vec<Fault> {
    let pure = production(tree).filter(|(_, name)| PURE.contains(name));
    let paths = pure.flat_map(|(file, _)| file.facts.paths.iter().map(move |(line, path)| (file, *line, path)));
    paths
        .filter(|(_, _, path)| WORLD.iter().any(|world| is_below(path, world)) || names_one_of(path, WORLDLY_TYPES))
        .map(|(file, line, path)| Fault::new(&file.path, line, format!("{path} in a pure crate: make it a parameter")))
        .collect()
}

/// Sockets only where they belong.
pub(super) fn sockets(tree: &Tree) -> Vec<Fault> {
    let others = production(tree).filter(|(_, name)| !HAVE_SOCKETS.contains(name));
    let paths =
        others.flat_map(|(file, name)| file.facts.paths.iter().map(move |(line, path)| (file, name, *line, path)));
    paths
        .filter(|(_, _, _, path)| is_below(path, "tokio::net") || names_one_of(path, SOCKETS))
        .map(|(file, name, line, path)| Fault::new(&file.path, line, format!("{path}: {name} opens no sockets")))
        .collect()
}

/// The files that are built into our crates, with their crate.
fn production(tree: &Tree) -> impl Iterator<Item = (&RustFile, &str)> {
    tree.rust().iter().filter(|file| !file.is_test()).filter_map(|file| Some((file, file.crate_name()?)))
}

fn is_below(path: &str, above: &str) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

fn names_one_of(path: &str, names: &[&str]) -> bool {
    path.split("::").any(|segment| names.contains(&segment))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::super::fixture::faults;
    use super::*;

    #[test]
    fn every_way_to_the_world_is_found() {
        for line in [
            "use std::fs;",
            "use std::{fmt, env};",
            "use std::time::{Duration, Instant};",
            "fn f() { std::time::SystemTime::now(); }",
            "use std::time; fn f() { time::Instant::now(); }",
            "use std::net::TcpStream;",
            "fn f() { println!(\"hello\"); }",
            "fn f() { assert_eq!(std::env::args().count(), 1); }",
            "fn f() { getrandom::fill(&mut []); }",
        ] {
            for name in PURE {
                let path = format!("crates/{name}/src/lib.rs");
                let files = [(path.as_str(), line)];
                assert_eq!(faults(rule, &files).len() + faults(sockets, &files).len(), 1, "{line}");
            }
        }
    }

    #[test]
    fn values_tests_and_other_crates_are_fine() {
        let values = "use std::net::IpAddr;\nuse std::time::Duration;\nfn environment() { fs::read() }";
        let tests = "#[cfg(test)]\nmod tests { use std::fs; }";
        let files = [
            ("crates/doorlist-core/src/lib.rs", values),
            ("crates/doorlist-core/src/list.rs", tests),
            ("crates/doorlist-core/src/list/tests.rs", "use std::fs;"),
            ("crates/doorlist-core/tests/data.rs", "use std::fs;"),
            ("crates/doorlist-store/src/lib.rs", "use std::fs;"),
        ];
        assert!(faults(rule, &files).is_empty());
    }

    #[test]
    fn a_socket_in_the_store_is_found_and_one_in_the_gateway_is_not() {
        let line = "use tokio::net::TcpListener;";
        let found = faults(
            sockets,
            &[("crates/doorlist-store/src/spool.rs", line), ("crates/doorlist-gateway/src/lib.rs", line)],
        );
        assert_eq!(
            found,
            ["crates/doorlist-store/src/spool.rs:1: tokio::net::TcpListener: doorlist-store opens no sockets"]
        );
    }
}
