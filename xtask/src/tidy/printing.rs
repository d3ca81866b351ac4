//! Checks that only the modules that escape untrusted text print.

use super::Fault;
use super::tree::Tree;

/// Macros that print as they are told. (`print` is also a name of functions and modules.)
const PRINTS: &[&str] = &["println", "eprintln", "eprint", "dbg"];

/// The streams, as paths end.
const STREAMS: &[&str] = &["io::stdout", "io::stderr"];

/// Who opens them: each escapes what it writes, or writes nothing itself.
const WRITERS: &[&str] = &[
    "crates/doorlist/src/output.rs",
    "crates/doorlist/src/server_log.rs",
    // Hands stdout to the journal.
    "crates/doorlist/src/serve.rs",
    // Asks whether stderr is a terminal.
    "crates/doorlist/src/commands/print.rs",
];

/// Its own formatters print events as they are; ours stands in one file.
const SUBSCRIBER: (&str, &str) = ("tracing_subscriber", "crates/doorlist/src/server_log.rs");

/// Who has nothing to do with strangers: helpers of tests.
const EXEMPT: &[&str] = &["doorlist-testbed"];

/// No production code prints past them: the binary's `out` and `server_log`, and the journal.
pub(super) fn rule(tree: &Tree) -> Vec<Fault> {
    let files = tree.rust().iter().filter(|file| !file.is_test());
    let ours = files.filter(|file| file.crate_name().is_some_and(|name| !EXEMPT.contains(&name)));
    let paths = ours.flat_map(|file| file.facts.paths.iter().map(move |(line, path)| (file, *line, path)));
    paths
        .filter(|(file, _, path)| prints(&file.path, path))
        .map(|(file, line, path)| {
            let what = format!("{path}: text goes through doorlist::out (say!), tracing or the journal");
            Fault::new(&file.path, line, what)
        })
        .collect()
}

fn prints(file: &str, path: &str) -> bool {
    let is_print = path.rsplit("::").next().is_some_and(|name| PRINTS.contains(&name));
    let is_stream = STREAMS.iter().any(|stream| path.ends_with(stream)) && !WRITERS.contains(&file);
    let is_subscriber = path.split("::").next() == Some(SUBSCRIBER.0) && file != SUBSCRIBER.1;
    is_print || is_stream || is_subscriber
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::super::fixture::faults;
    use super::*;

    #[test]
    fn whoever_prints_past_the_escapes_is_found() {
        for line in [
            "fn f() { println!(\"{}\", x); }",
            "fn f() { std::eprint!(\"a\"); }",
            "fn f() { dbg!(x); }",
            "fn f() { std::io::stderr().write_all(b\"a\"); }",
            "use std::io::{Write, stdout};",
            "fn f() { tracing_subscriber::fmt::init(); }",
        ] {
            assert_eq!(faults(rule, &[("crates/doorlist/src/commands/log.rs", line)]).len(), 1, "{line}");
        }
    }

    #[test]
    fn the_modules_that_escape_open_the_streams() {
        let line = "use std::io::{Write, stderr}; fn f() { tracing_subscriber::registry(); tracing::warn!(\"a\"); }";
        assert_eq!(faults(rule, &[("crates/doorlist/src/server_log.rs", line)]), [""; 0]);
        assert_eq!(faults(rule, &[("crates/doorlist/src/output.rs", line)]).len(), 1, "no subscriber there");
    }

    #[test]
    fn tests_and_tools_print_as_they_like() {
        let line = "fn f() { println!(\"a\"); }";
        let test = "#[cfg(test)]\nmod tests { fn f() { eprintln!(\"a\"); } }";
        let files = [
            ("crates/doorlist/tests/it/main.rs", line),
            ("crates/doorlist-store/examples/load_time.rs", line),
            ("crates/doorlist-testbed/src/process.rs", line),
            ("xtask/src/main.rs", line),
            ("crates/doorlist/src/agent.rs", test),
        ];
        assert_eq!(faults(rule, &files), [""; 0]);
    }
}
