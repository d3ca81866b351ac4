//! One type name, one meaning: what is called alike in two places is taken for the same by whoever reads or searches.

use std::collections::BTreeMap;

use super::Fault;
use super::tree::{RustFile, Tree};

/// Names that several types may share, each with the reason.
const SHARED: &[(&str, &str)] = &[];
/// Crates of the product that only tests use.
const TEST_CRATES: &[&str] = &["doorlist-testbed"];

/// Every type name has one definition in the production code of all crates.
pub(super) fn rule(tree: &Tree) -> Vec<Fault> {
    repeated(tree, SHARED)
}

fn repeated(tree: &Tree, shared: &[(&str, &str)]) -> Vec<Fault> {
    let mut definitions: BTreeMap<&str, Vec<(&str, usize)>> = BTreeMap::new();
    for file in tree.rust().iter().filter(|file| is_production(file)) {
        for (line, name) in &file.facts.types {
            definitions.entry(name).or_default().push((&file.path, *line));
        }
    }
    let mut faults = Vec::new();
    for (name, places) in &definitions {
        let Some(((first, first_line), others @ [_, ..])) = places.split_first() else { continue };
        if shared.iter().any(|(there, _)| there == name) {
            continue;
        }
        faults.extend(others.iter().map(|(path, line)| {
            let what = format!(
                "`{name}` is also defined in {first}:{first_line}: give the more special one a name of its own"
            );
            Fault::new(path, *line, what)
        }));
    }
    let unneeded = shared.iter().filter(|(name, _)| definitions.get(name).is_none_or(|places| places.len() < 2));
    faults.extend(unneeded.map(|(name, _)| {
        Fault::new(file!(), 0, format!("`{name}` is listed as a name that several types share, and is not"))
    }));
    faults
}

fn is_production(file: &RustFile) -> bool {
    file.crate_name().is_some_and(|name| !TEST_CRATES.contains(&name)) && !file.is_test()
}

#[cfg(test)]
mod tests {
    use super::super::fixture::faults;
    use super::*;

    #[test]
    fn a_name_that_stands_for_two_types_is_found() {
        let second = "use crate::a::Place;\n#[cfg(test)]\nstruct Slot;\nenum Place {}\n";
        let files = [
            ("crates/doorlist-core/src/a.rs", "pub struct Place;\nstruct Slot;\n"),
            ("crates/doorlist-web/src/b.rs", second),
            ("crates/doorlist-web/src/c.rs", "trait Place {}\n"),
        ];
        let also =
            "`Place` is also defined in crates/doorlist-core/src/a.rs:1: give the more special one a name of its own";
        assert_eq!(
            faults(rule, &files),
            [format!("crates/doorlist-web/src/b.rs:4: {also}"), format!("crates/doorlist-web/src/c.rs:1: {also}")]
        );
    }

    #[test]
    fn types_of_traits_tests_and_other_crates_do_not_count() {
        let files = [
            (
                "crates/doorlist-core/src/a.rs",
                "trait Read { type Row; }\nimpl Read for u8 { type Row = u8; }\nstruct Row;\n",
            ),
            ("crates/doorlist-core/src/a/tests.rs", "struct Row;\n"),
            ("crates/doorlist-core/tests/it/main.rs", "struct Row;\n"),
            ("crates/doorlist-testbed/src/lib.rs", "struct Row;\n"),
            ("bench/src/main.rs", "struct Row;\n"),
            ("xtask/src/main.rs", "struct Row;\n"),
        ];
        assert!(faults(rule, &files).is_empty());
    }

    #[test]
    fn a_shared_name_is_allowed_for_as_long_as_it_is_shared() {
        const SHARED_START: &[(&str, &str)] = &[("Start", "each engine has its own")];
        let rule = |tree: &Tree| repeated(tree, SHARED_START);
        let files = [("crates/a/src/a.rs", "struct Start;\n"), ("crates/a/src/b.rs", "struct Start;\n")];
        assert!(faults(rule, &files).is_empty());
        let found = faults(rule, &files[..1]);
        assert_eq!(
            found,
            ["xtask/src/tidy/type_names.rs: `Start` is listed as a name that several types share, and is not"]
        );
    }
}
