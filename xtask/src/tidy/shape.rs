//! Checks the shape of files: length, names, nothing left for later.

use super::Fault;
use super::tree::Tree;

/// A Rust file has 100 to 300 lines and never more than this.
const LINES_MAX: usize = 400;
/// Longer files, each with the reason why it is not two.
const LONG: &[(&str, &str)] = &[];
/// Names that say nothing about what lies in a module.
const SAYS_NOTHING: &[&str] = &["common", "helper", "helpers", "manager", "misc", "util", "utils"];
/// Marks of work that was left; written so that this line is none.
const LEFT: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
/// The start of paths that only one machine has; written so that this line is none.
const FOREIGN: &[&str] = &[concat!("/ho", "me/"), concat!("/Us", "ers/"), concat!("/ro", "ot/"), concat!("/wo", "rk/")];

pub(super) fn lengths(tree: &Tree) -> Vec<Fault> {
    let long = tree.rust().iter().filter(|file| file.lines > LINES_MAX);
    let mut faults: Vec<Fault> = long
        .filter(|file| !LONG.iter().any(|(path, _)| *path == file.path))
        .map(|file| Fault::new(&file.path, 0, format!("{} lines; more than {LINES_MAX} need a reason", file.lines)))
        .collect();
    let short_now =
        LONG.iter().filter(|(path, _)| !tree.rust().iter().any(|file| file.path == *path && file.lines > LINES_MAX));
    faults.extend(short_now.map(|(path, _)| Fault::new(path, 0, "is listed as long and is not")));
    faults
}

/// Modules say what they are for, in their first lines and by their name.
pub(super) fn modules(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    for file in tree.rust() {
        let stem = file.path.rsplit('/').next().and_then(|name| name.strip_suffix(".rs")).unwrap_or_default();
        if SAYS_NOTHING.contains(&stem) {
            faults.push(Fault::new(&file.path, 0, format!("{stem:?} says nothing about what lies in it")));
        }
        // A file of tests or a fuzz target is explained by the module that it tests.
        if stem != "tests" && !file.path.contains("/fuzz/") && !file.facts.opens_with_doc {
            faults.push(Fault::new(&file.path, 1, "opens without `//!`: what it is for, and what it must not know"));
        }
    }
    faults
}

/// Lints are allowed with a reason, and no test is ignored.
pub(super) fn attributes(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    for file in tree.rust() {
        let ignored = file.facts.ignored.iter();
        faults.extend(
            ignored.map(|&line| Fault::new(&file.path, line, "an ignored test cannot fail: run it, or take it out")),
        );
        if !file.is_test() {
            let unexplained = file.facts.unexplained.iter();
            faults.extend(unexplained.map(|(line, lint)| {
                Fault::new(&file.path, *line, format!("{lint} is allowed without `reason = \"...\"`"))
            }));
        }
    }
    faults
}

/// Nothing is left for later.
pub(super) fn leftovers(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (path, number, line) in lines(tree) {
        let is_word = |mark: &&&str| line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == **mark);
        if let Some(mark) = LEFT.iter().find(is_word) {
            faults.push(Fault::new(path, number, format!("{mark}: do it, or write an issue")));
        }
    }
    faults
}

/// No path of a developer's machine.
pub(super) fn foreign_paths(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (path, number, line) in lines(tree) {
        if let Some(start) = FOREIGN.iter().find(|start| begins_path(line, start)) {
            faults.push(Fault::new(path, number, format!("{start} is a path of one machine only")));
        }
    }
    faults
}

/// Is `start` in the line as the start of a path? After a letter or a slash it is the middle of one: `docs/work/`.
fn begins_path(line: &str, start: &str) -> bool {
    line.match_indices(start).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || "/._-$}*~".contains(c))
    })
}

/// Every line of every text but the licences and the lock file, which are not ours to word.
fn lines(tree: &Tree) -> impl Iterator<Item = (&str, usize, &str)> {
    let ours = tree.files().iter().filter(|file| !file.path.ends_with(".lock") && !file.path.starts_with("LICENSE"));
    ours.filter(|file| !file.path.contains("/corpus/"))
        .flat_map(|file| file.text.lines().enumerate().map(|(index, line)| (file.path.as_str(), index + 1, line)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::super::fixture::faults;
    use super::*;

    #[test]
    fn a_long_file_is_found_and_one_of_the_greatest_length_is_not() {
        let long = format!("//! Long.\n{}", "// line\n".repeat(LINES_MAX));
        let longest = format!("//! Long.\n{}", "// line\n".repeat(LINES_MAX - 1));
        let found = faults(lengths, &[("crates/a/src/long.rs", &long), ("crates/a/src/longest.rs", &longest)]);
        assert_eq!(found, ["crates/a/src/long.rs: 401 lines; more than 400 need a reason"]);
    }

    #[test]
    fn a_module_that_says_nothing_is_found() {
        let files = [
            ("crates/a/src/utils.rs", "//! Things.\n"),
            ("crates/a/src/list.rs", "fn f() {}\n"),
            ("crates/a/src/tests.rs", "fn f() {}\n"),
            ("crates/a/src/good.rs", "//! Good.\n"),
        ];
        let found = faults(modules, &files);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("crates/a/src/list.rs:1:") && found[1].starts_with("crates/a/src/utils.rs:"));
    }

    #[test]
    fn an_unexplained_allowance_and_an_ignored_test_are_found() {
        let code = "#[allow(dead_code)]\nfn f() {}\n#[expect(dead_code, reason = \"shown\")]\nfn g() {}\n\
            #[cfg(test)]\nmod tests {\n#![allow(clippy::unwrap_used)]\n#[test]\n#[ignore = \"slow\"]\nfn h() {}\n}";
        let files = [("crates/a/src/lib.rs", code), ("crates/a/tests/it.rs", "#![allow(clippy::unwrap_used)]")];
        let found = faults(attributes, &files);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains(":1: dead_code is allowed") && found[1].contains(":9: an ignored test"), "{found:?}");
    }

    #[test]
    fn work_left_is_found_in_every_kind_of_file() {
        let left = format!("# {}: later\n", LEFT[0]);
        let files = [("a.md", left.as_str()), ("b.toml", &left), ("c.md", "TODOS and to do\n"), ("Cargo.lock", &left)];
        assert_eq!(faults(leftovers, &files).len(), 2);
    }

    #[test]
    fn a_path_of_one_machine_is_found_and_the_middle_of_another_is_not() {
        let foreign = format!("see {}anna/notes\n", FOREIGN[0]);
        let files = [("a.md", foreign.as_str()), ("b.sh", "echo $ROOT/work/ x/home/ https://a.test/home/\n")];
        let found = faults(foreign_paths, &files);
        assert!(found.len() == 1 && found[0].starts_with("a.md:1:"), "{found:?}");
    }
}
