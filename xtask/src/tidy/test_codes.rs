//! Codes of bad inputs and faults in tests (`s12_...`, "D03") are explained in docs/test-codes.md.

use std::collections::BTreeMap;

use super::Fault;
use super::tree::Tree;

/// The page that explains the codes.
const PAGE: &str = "docs/test-codes.md";
/// The first letters of codes; two digits follow.
const LETTERS: &str = "ADHILSVW";

/// Every code in use is a row of the page, and every row of the page is in use.
pub(super) fn rule(tree: &Tree) -> Vec<Fault> {
    let page = tree.file(PAGE).map_or("", |page| page.text.as_str());
    let rows = page.lines().enumerate().filter_map(|(index, line)| Some((first_cell(line)?, index + 1)));
    let mut unused: BTreeMap<&str, usize> = rows.filter(|(cell, _)| is_code(cell)).collect();
    let listed: Vec<&str> = unused.keys().copied().collect();
    let mut faults = Vec::new();
    let files = tree.files().iter().filter(|file| file.path.ends_with(".rs") || file.path.ends_with(".smtp"));
    for file in files.filter(|file| !file.path.starts_with("xtask/")) {
        for (index, line) in file.text.lines().enumerate() {
            for code in codes(line) {
                unused.remove(code.as_str());
                if !listed.contains(&code.as_str()) {
                    faults.push(Fault::new(&file.path, index + 1, format!("{PAGE} does not explain {code}")));
                }
            }
        }
    }
    faults
        .extend(unused.into_iter().map(|(code, line)| Fault::new(PAGE, line, format!("no test has the code {code}"))));
    faults
}

fn first_cell(line: &str) -> Option<&str> {
    Some(line.strip_prefix('|')?.split('|').next()?.trim())
}

fn is_code(word: &str) -> bool {
    let digits = word.get(1..).unwrap_or_default();
    word.starts_with(|c| LETTERS.contains(c)) && digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit())
}

/// Words such as `D03`, and the codes in front of the names of functions: `fn s01_s12_no_end`, `fn d03_fsync_fails`.
fn codes(line: &str) -> Vec<String> {
    let words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
    let mut found: Vec<String> = words.filter(|word| is_code(word)).map(str::to_owned).collect();
    let name = line.split_once("fn ").map_or("", |(_, name)| name);
    let parts = name.split(['_', '(']).map(str::to_ascii_uppercase);
    found.extend(parts.take_while(|part| is_code(part)));
    found
}

#[cfg(test)]
mod tests {
    use super::super::fixture::faults;
    use super::*;

    #[test]
    fn a_code_without_a_row_and_a_row_without_a_test_are_found() {
        let page = "| code | input |\n|---|---|\n| S01 | a dot |\n| D03 | a disk |\n| L09 | nothing |\n";
        let code = "//! Faults (D03, A05).\nfn s01_s02_no_end() {}\nfn d04() { let a = \"B64 xS07 S070\"; }\n";
        let files = [("docs/test-codes.md", page), ("crates/a/tests/a.rs", code)];
        assert_eq!(
            faults(rule, &files),
            [
                "crates/a/tests/a.rs:1: docs/test-codes.md does not explain A05",
                "crates/a/tests/a.rs:2: docs/test-codes.md does not explain S02",
                "crates/a/tests/a.rs:3: docs/test-codes.md does not explain D04",
                "docs/test-codes.md:5: no test has the code L09",
            ]
        );
    }
}
