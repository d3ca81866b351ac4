//! Checks the documents: crate captions, named folders, links.

use std::collections::BTreeSet;

use super::Fault;
use super::tree::Tree;
use crate::repository::TextFile;

/// The page that says what lives where.
const ARCHITECTURE: &str = "ARCHITECTURE.md";
/// The page that follows each thing through the files.
const WALKS: &str = "docs/walks.md";
/// Crates whose files these pages name without `crates/doorlist-` and `src/`.
const SHORT: [&str; 7] = ["core", "smtp", "store", "actions", "gateway", "sources", "web"];

/// Every crate has its caption in ARCHITECTURE.md, and every path that it names is there.
pub(super) fn architecture(tree: &Tree) -> Vec<Fault> {
    let Some(page) = tree.file(ARCHITECTURE) else { return vec![Fault::new(ARCHITECTURE, 0, "is missing")] };
    let crates: BTreeSet<&str> = tree.ending("Cargo.toml").filter_map(|file| folder_of_crate(&file.path)).collect();
    let without = crates.iter().filter(|name| !page.text.lines().any(|line| is_caption(line, name)));
    let mut faults: Vec<Fault> =
        without.map(|name| Fault::new(ARCHITECTURE, 0, format!("has no caption for {name}"))).collect();
    for page in [ARCHITECTURE, WALKS].into_iter().filter_map(|page| tree.file(page)) {
        for (index, line) in page.text.lines().enumerate() {
            let words = line.split(|c: char| !(c.is_alphanumeric() || "/._-*<>{".contains(c)));
            for path in words.filter_map(named_path).filter(|path| !tree.holds(path)) {
                faults.push(Fault::new(&page.path, index + 1, format!("names {path}, which is not there")));
            }
        }
    }
    faults
}

/// The path that a word names: `crates/...` as it is, `core/list.rs` and `doorlist-core/src/list.rs` in full.
fn named_path(word: &str) -> Option<String> {
    let word = word.trim_end_matches(['.', '/']);
    let (first, rest) = word.split_once('/')?;
    if word.contains(['*', '<', '{']) {
        return None;
    }
    match first {
        "crates" => Some(word.to_owned()),
        "doorlist" if rest.ends_with(".rs") && !rest.starts_with("tests/") => {
            Some(format!("crates/doorlist/src/{rest}"))
        }
        _ if first.starts_with("doorlist-") => Some(format!("crates/{word}")),
        _ if SHORT.contains(&first) && rest.ends_with(".rs") => Some(format!("crates/doorlist-{first}/src/{rest}")),
        _ => None,
    }
}

/// Extracts NAME from `crates/NAME/Cargo.toml`.
fn folder_of_crate(manifest: &str) -> Option<&str> {
    let name = manifest.strip_prefix("crates/")?.strip_suffix("/Cargo.toml")?;
    (!name.contains('/')).then_some(name)
}

/// Does the line name this crate, and not only a longer name, and say something about it?
fn is_caption(line: &str, name: &str) -> bool {
    line.split(|c: char| !(c.is_alphanumeric() || c == '-')).any(|word| word == name) && line.len() > name.len() + 20
}

/// Links to files and headings of the repository resolve.
pub(super) fn links(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    for page in tree.ending(".md") {
        for (number, target) in targets(&page.text) {
            if let Some(what) = broken(tree, page, target) {
                faults.push(Fault::new(&page.path, number, what));
            }
        }
    }
    faults
}

/// The targets of `[text](target)` outside code, each with its line.
fn targets(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut in_code = false;
    for (index, line) in text.lines().enumerate() {
        in_code ^= line.trim_start().starts_with("```");
        if in_code {
            continue;
        }
        // Every second piece between backticks is code.
        for prose in line.split('`').step_by(2) {
            let ends = prose.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
            found.extend(ends.map(|(target, _)| (index + 1, target.split(' ').next().unwrap_or(target))));
        }
    }
    found
}

fn broken(tree: &Tree, page: &TextFile, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (path, heading) = target.split_once('#').map_or((target, None), |(path, heading)| (path, Some(heading)));
    let path = resolve(&page.path, path);
    if !tree.holds(&path) {
        return Some(format!("links to {target}, which is not there"));
    }
    let heading = heading?;
    let there = tree.file(&path).is_some_and(|file| headings(&file.text).any(|slug| slug == heading));
    (!there).then(|| format!("links to {target}, but there is no such heading"))
}

/// The path from the root of a link in `page`.
fn resolve(page: &str, link: &str) -> String {
    if link.is_empty() {
        return page.to_owned();
    }
    let mut parts: Vec<&str> = if link.starts_with('/') { Vec::new() } else { page.split('/').collect() };
    parts.pop();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    parts.join("/")
}

/// The anchors that a page's headings get when it is shown: lower case, hyphens for spaces, no punctuation.
fn headings(text: &str) -> impl Iterator<Item = String> {
    text.lines().filter_map(|line| line.strip_prefix('#')).map(|line| {
        let words = line.trim_start_matches('#').trim().to_lowercase();
        words
            .chars()
            .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect()
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::super::fixture::faults;
    use super::*;

    #[test]
    fn a_crate_without_a_caption_and_a_folder_that_is_not_there_are_found() {
        let page = "| doorlist-core | the rules: who is on the list |\n`doorlist` is named\nsee crates/doorlist-core/src/gone.rs.\n\
                    `core/lost.rs` -> `doorlist-core/fuzz` -> `queue/<what>.rs`\n`doorlist/lost.rs`\n";
        let files = [
            ("ARCHITECTURE.md", page),
            ("crates/doorlist-core/Cargo.toml", ""),
            ("crates/doorlist-core/fuzz/Cargo.toml", ""),
            ("crates/doorlist/Cargo.toml", ""),
        ];
        assert_eq!(
            faults(architecture, &files),
            [
                "ARCHITECTURE.md: has no caption for doorlist",
                "ARCHITECTURE.md:3: names crates/doorlist-core/src/gone.rs, which is not there",
                "ARCHITECTURE.md:4: names crates/doorlist-core/src/lost.rs, which is not there",
                "ARCHITECTURE.md:5: names crates/doorlist/src/lost.rs, which is not there",
            ]
        );
        assert_eq!(faults(architecture, &[]), ["ARCHITECTURE.md: is missing"]);
    }

    #[test]
    fn a_broken_link_is_found() {
        let page = "[a](gone.md) and [b](../README.md#no-such), [c](#first-words)\n# First: words\n";
        let files = [("docs/page.md", page), ("README.md", "# Here\n")];
        assert_eq!(
            faults(links, &files),
            [
                "docs/page.md:1: links to ../README.md#no-such, but there is no such heading",
                "docs/page.md:1: links to gone.md, which is not there",
            ]
        );
    }

    #[test]
    fn links_elsewhere_and_code_are_left_alone() {
        let page = "[a](https://example.test/x) [b](mailto:a@example.test) [c](./docs \"title\") `[d](gone)`\n```\n[e](gone)\n```\n";
        assert_eq!(faults(links, &[("README.md", page), ("docs/page.md", "")]), [""; 0]);
    }
}
