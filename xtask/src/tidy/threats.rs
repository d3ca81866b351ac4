//! Checks the threat model in SECURITY.md: every party has rows, and every row names tests that exist.

use std::collections::HashSet;

use super::Fault;
use super::tree::Tree;

const SECURITY: &str = "SECURITY.md";
/// The heading above the table.
const HEADING: &str = "## Threat model";
/// Every party of which the model has to speak.
const PARTIES: [&str; 10] = [
    "stranger",
    "sender",
    "next hop",
    "directory",
    "DNS",
    "tenant",
    "reseller",
    "holder of a limited key",
    "service user",
    "operator",
];
/// Party, what it can, what it cannot, tests.
const COLUMNS: usize = 4;

/// Every party has rows, every row names tests, and every named test is a function of the repository.
pub(super) fn rule(tree: &Tree) -> Vec<Fault> {
    let Some(page) = tree.file(SECURITY) else { return vec![Fault::new(SECURITY, 0, "is missing")] };
    let functions = functions(tree);
    let mut missing: Vec<&str> = PARTIES.to_vec();
    let mut faults = Vec::new();
    for (line, cells) in rows(&page.text) {
        let [party, .., tests] = cells.as_slice() else { continue };
        if cells.len() != COLUMNS {
            faults.push(Fault::new(SECURITY, line, format!("has {} columns, not {COLUMNS}", cells.len())));
            continue;
        }
        missing.retain(|name| name != party);
        let named: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
        if named.is_empty() {
            faults.push(Fault::new(SECURITY, line, format!("names no test for {party}")));
        }
        let gone = named.into_iter().filter(|name| !functions.contains(name));
        faults
            .extend(gone.map(|name| Fault::new(SECURITY, line, format!("names the test {name}, which is not there"))));
    }
    faults.extend(missing.into_iter().map(|party| Fault::new(SECURITY, 0, format!("does not speak of: {party}"))));
    faults
}

/// The table's rows with their line numbers, without its head.
fn rows(text: &str) -> impl Iterator<Item = (usize, Vec<&str>)> {
    text.lines()
        .enumerate()
        .skip_while(|(_, line)| *line != HEADING)
        .skip(1)
        .take_while(|(_, line)| !line.starts_with("## "))
        .filter(|(_, line)| line.starts_with('|'))
        .skip(2)
        .map(|(index, line)| (index + 1, line.trim_matches('|').split('|').map(str::trim).collect()))
}

/// The names of all functions in Rust files.
fn functions(tree: &Tree) -> HashSet<&str> {
    let lines = tree.ending(".rs").flat_map(|file| file.text.lines());
    lines
        .filter_map(|line| line.split_once("fn ")?.1.split(|c: char| !(c.is_alphanumeric() || c == '_')).next())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::fixture::faults;
    use super::*;

    #[test]
    fn a_claim_without_a_test_that_exists_is_found() {
        let head = "## Threat model\n\n| who | can | cannot | shown by |\n|---|---|---|---|\n";
        let rest: String = PARTIES[1..].iter().map(|party| format!("| {party} | a | b | `is_there` |\n")).collect();
        let page = format!("{head}| stranger | a | b | `is_gone` |\n{rest}| operator | a | b | none |\n| two | b |\n");
        let files = [("SECURITY.md", page.as_str()), ("crates/a/src/lib.rs", "    fn is_there() {}\n")];
        assert_eq!(
            faults(rule, &files),
            [
                "SECURITY.md:5: names the test is_gone, which is not there",
                "SECURITY.md:15: names no test for operator",
                "SECURITY.md:16: has 2 columns, not 4",
            ]
        );
    }

    #[test]
    fn a_party_that_the_model_leaves_out_is_found() {
        let found = faults(rule, &[("SECURITY.md", "## Threat model\n")]);
        assert_eq!(found.len(), PARTIES.len());
        assert!(found.contains(&"SECURITY.md: does not speak of: next hop".to_owned()), "{found:?}");
    }
}
