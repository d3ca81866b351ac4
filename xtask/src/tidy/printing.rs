//! Checks that only the modules that escape untrusted text print.

use super::Fault;
use super::tree::Tree;

/// Macros that print as they are told. (`print` is also a name of functions and modules.)
const PRINTS: &[&str] = &["println", "eprintln", "eprint", "dbg"];

/// Who has nothing to do with strangers: helpers of tests.
const EXEMPT: &[&str] = &["doorlist-testbed"];

/// No production code prints past them: the binary's `out`, the desk's `report` and the log's writer write to streams.
pub(super) fn rule(tree: &Tree) -> Vec<Fault> {
    let files = tree.rust().iter().filter(|file| !file.is_test());
    let ours = files.filter(|file| file.crate_name().is_some_and(|name| !EXEMPT.contains(&name)));
    let paths = ours.flat_map(|file| file.facts.paths.iter().map(move |(line, path)| (file, *line, path)));
    paths
        .filter(|(_, _, path)| path.rsplit("::").next().is_some_and(|name| PRINTS.contains(&name)))
        .map(|(file, line, path)| {
            let what = format!("{path}!: text goes through doorlist::out (say!), doorlist_web::report or the journal");
            Fault::new(&file.path, line, what)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::super::fixture::faults;
    use super::*;

    #[test]
    fn whoever_prints_past_the_escapes_is_found() {
        for line in ["fn f() { println!(\"{}\", x); }", "fn f() { std::eprint!(\"a\"); }", "fn f() { dbg!(x); }"] {
            assert_eq!(faults(rule, &[("crates/doorlist/src/commands/log.rs", line)]).len(), 1, "{line}");
        }
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
